//! What the service costs, beside what it may cost (docs/architecture.md).
//!
//! All processes share one processor, and the two sides of a ratio take turns in short rounds:
//! where the scheduler places processes changes a call's time more than any service does. The
//! client is the same for all services, so that only they differ.
//!
//! Figures are written to bench.json in cargo's target directory; with `BENCH_STRICT=1` a miss is
//! a failure.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark")]

mod bare;
mod broker;
mod calls;
mod client;
mod daemon;
mod report;
mod rounds;
mod sides;

use calls::Times;
use report::Report;
use sides::{Bus, Services};
use std::process::{Command, ExitCode, Stdio};

/// How often all processes are started anew: each keeps for as long as it lives what its calls take
/// more or less than those of the next, up to three percent.
const PROCESSES: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, serve, address, socket] = words.as_slice()
        && serve == "serve"
    {
        bare::serve(address, socket).await.unwrap();
        return ExitCode::SUCCESS;
    }
    pin();
    let mut report = Report::begin();
    compare(&mut report).await;
    daemon::measure(&mut report).await;
    // target/release/deps/service-…
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("bench.json");
    let strict = std::env::var_os("BENCH_STRICT").is_some_and(|strict| strict == "1");
    if report.write(&target) || !strict { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// This process and all that it starts stay on the last processor that it may use.
fn pin() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let last = allowed.trim().rsplit([',', '-']).next().unwrap();
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", "-p", last, &std::process::id().to_string()]).stdout(Stdio::null());
    assert!(taskset.status().unwrap().success(), "{taskset:?}");
}

async fn compare(report: &mut Report) {
    let (built, root) = (tempfile::tempdir().unwrap(), sides::machine(calls::DEVICES));
    let sd_bus = sides::sd_bus(&built);
    if sd_bus.is_none() {
        println!("skipped: sd-bus, as libsystemd-dev is not installed");
    }
    let brokered = sides::installed("dbus-broker");
    if !brokered {
        println!("skipped: dbus-broker, which is not installed");
    }
    let (with, sd_bus) = (sd_bus.is_some(), sd_bus.as_deref());
    let [mut peers, mut on_daemon, mut on_broker] = [(); 3].map(|()| Times::default());
    for _ in 0..PROCESSES {
        let dir = tempfile::tempdir().unwrap();
        let bus = Bus::daemon(dir.path());
        let services = Services::start(&bus, &dir, root.path(), sd_bus);
        peers.add(&services, Services::on_socket, with).await;
        on_daemon.add(&services, Services::on_bus, with).await;
        drop((services, bus));
        if brokered {
            let bus = Bus::broker(dir.path()).await;
            let services = Services::start(&bus, &dir, root.path(), sd_bus);
            on_broker.add(&services, Services::on_bus, with).await;
        }
    }
    peers.say(report, "peer to peer", 1.8);
    on_daemon.say(report, "dbus-daemon", 1.6);
    on_broker.say(report, "dbus-broker", 1.6);
}
