//! The daemon's start and end.

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::{Heapqd, PATIENCE, binary, client, policy_dir, until};
use super::machine::machine;
use heapq_allocator::Outcome;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

#[tokio::test]
async fn sigterm_ends_it_cleanly_and_buffers_outlive_it() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let Outcome::Granted(grant) = client.allocate(&simple(1, 4096)).await.unwrap() else {
        panic!("there is memory for a page");
    };
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.end().await.success(), "{}", daemon.log());
    let mapping = heapq_allocator::sys::mapping::Mapping::new(&grant.buffers[0], 4096).unwrap();
    assert_eq!(mapping.len(), 4096);
}

#[tokio::test]
async fn losing_the_bus_ends_it_with_a_failure() {
    let (mut bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    // It has its name before it says so.
    until("it says what it serves", || async {
        daemon.log().contains("serving heaps: 2 (stand-ins), devices: 1")
    })
    .await;
    bus.hang_up();
    assert!(!daemon.end().await.success());
}

#[tokio::test]
async fn a_second_one_on_the_same_bus_gives_up() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let second = Command::new(binary())
        .args(["--stand-in", "--address", &bus.address, "--root"])
        .arg(root.path())
        .arg("--policy-dir")
        .arg(policy_dir(&bus))
        .output()
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("org.heapq.Allocator1") || said.contains("name"), "{said}");
}

#[tokio::test]
async fn a_root_that_holds_no_machine_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let ended = Command::new(binary()).arg("--root").arg(empty.path()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains(&empty.path().display().to_string()), "{said}");
}

/// What the service manager hears until `wanted`.
fn heard(manager: &UnixDatagram, wanted: &str) -> String {
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = String::new();
    while !heard.contains(wanted) {
        let mut message = [0; 4096];
        let length = manager.recv(&mut message).expect(wanted);
        heard.push_str(&String::from_utf8_lossy(&message[..length]));
        heard.push('\n');
    }
    heard
}

#[tokio::test]
async fn the_service_manager_hears_of_start_watchdog_reload_and_end() {
    let (bus, root) = (Bus::start(), machine());
    let socket = bus.dir.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let mut daemon = Command::new(binary())
        .args(["--stand-in", "--address", &bus.address, "--root"])
        .arg(root.path())
        .arg("--policy-dir")
        .arg(policy_dir(&bus))
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "200000")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = rustix::process::Pid::from_child(&daemon);
    let start = heard(&manager, "READY=1");
    assert!(start.contains("STATUS=heaps: 2 (stand-ins), devices: 1"), "{start}");
    heard(&manager, "WATCHDOG=1");
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let reload = heard(&manager, "READY=1");
    assert!(reload.contains("RELOADING=1\nMONOTONIC_USEC="), "{reload}");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    heard(&manager, "STOPPING=1");
    assert!(daemon.wait().unwrap().success());
}
