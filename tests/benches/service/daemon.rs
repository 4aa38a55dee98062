//! What the daemon costs by itself: its start, its memory, its rest, and what others cost a client.

use crate::client::{Client, PAGE, Place};
use crate::report::Report;
use crate::rounds::{Call, median, medians, ratio};
use crate::sides::{Process, heapqd, machine};
use std::fs::{read_dir, read_to_string};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const STARTS: usize = 15;

/// After this long the threads that worked have ended, and receipts were looked after.
const SETTLED: Duration = Duration::from_secs(14);

/// How long it is watched at rest.
const REST: Duration = Duration::from_secs(5);

/// How much less or more counts as the same.
const SAME: f64 = 1.10;

pub(crate) async fn measure(report: &mut Report) {
    let (many, few) = (machine(100), machine(10));
    let starts = (0..STARTS).map(|_| ready(&many)).collect();
    report.say("ready, 100 devices, ms", 30.0, median(starts));
    let (one, of_one) = daemon(&few, "few").await;
    let (other, of_other) = daemon(&many, "many").await;
    let times = medians(&[(&of_other, Call::warm(PAGE)), (&of_one, Call::warm(PAGE))]).await;
    report.say("Allocate with 100 devices ÷ with 10", SAME, ratio(&times[0], &times[1]));
    drop((one, of_one));
    report.say("private memory, 100 devices, MiB", 10.0, private_memory(&other));
    tokio::time::sleep(SETTLED).await;
    let before = wake_ups(&other);
    tokio::time::sleep(REST).await;
    report.say("wake-ups at rest, in 5 s", 0.0, wake_ups(&other) - before);
    others(report, &many, &of_other).await;
}

/// Milliseconds from the start of a process until it says that it serves.
fn ready(root: &TempDir) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let (notify, socket) = (dir.path().join("notify"), dir.path().join("heapqd"));
    let manager = UnixDatagram::bind(&notify).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut command = heapqd(root.path());
    command.arg("--p2p").arg(socket).env("NOTIFY_SOCKET", &notify);
    let started = Instant::now();
    let _daemon = Process::start(&mut command);
    let mut said = [0; 4096];
    let length = manager.recv(&mut said).unwrap();
    let took = started.elapsed();
    assert!(said[..length].starts_with(b"READY=1"), "{said:?}");
    took.as_secs_f64() * 1e3
}

async fn daemon(root: &TempDir, name: &str) -> (Process, Client) {
    let socket = root.path().join(name);
    let process = Process::start(heapqd(root.path()).arg("--p2p").arg(&socket));
    let client = Client::connect(&Place::Peer(socket)).await;
    (process, client)
}

/// MiB that the process shares with nobody.
fn private_memory(process: &Process) -> f64 {
    let rollup = read_to_string(format!("/proc/{}/smaps_rollup", process.0.id())).unwrap();
    let private = rollup.lines().filter(|line| line.starts_with("Private_"));
    private.map(number).sum::<f64>() / 1024.0
}

/// How often its threads went to sleep so far.
fn wake_ups(process: &Process) -> f64 {
    let threads = read_dir(format!("/proc/{}/task", process.0.id())).unwrap().flatten();
    let voluntary = |path: &Path| {
        let status = read_to_string(path.join("status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("voluntary")).map(number);
        line.unwrap_or(0.0)
    };
    threads.map(|thread| voluntary(&thread.path())).sum()
}

/// The number in a line of /proc.
fn number(line: &str) -> f64 {
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What 5,000 leases of others cost one client, beside a daemon that has none.
async fn others(report: &mut Report, root: &TempDir, crowded: &Client) {
    let socket = Place::Peer(root.path().join("many"));
    let mut holders = Vec::new();
    for _ in 0..5 {
        let holder = Client::connect(&socket).await;
        for _ in 0..1000 {
            holder.lease(&PAGE.into()).await;
        }
        holders.push(holder);
    }
    let (_daemon, alone) = daemon(root, "alone").await;
    let times = medians(&[(crowded, Call::warm(PAGE)), (&alone, Call::warm(PAGE))]).await;
    report.say("Allocate beside 5,000 leases ÷ alone", SAME, ratio(&times[0], &times[1]));
}
