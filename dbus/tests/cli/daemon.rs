//! The same commands, answered by a daemon on a private socket.

use crate::machine::{Machine, Run, run};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A daemon on a made-up machine; it ends with the test.
struct Daemon {
    machine: Machine,
    process: Child,
}

impl Daemon {
    fn start(options: &[&str]) -> Self {
        let machine = Machine::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapqd"));
        command.arg("--root").arg(machine.root()).arg("--stand-in").args(options);
        command.arg("--p2p").arg(machine.root().join("socket")).stderr(Stdio::null());
        let daemon = Self { process: command.spawn().unwrap(), machine };
        let patience = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(daemon.socket()).is_err() {
            assert!(Instant::now() < patience, "the daemon does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
        daemon
    }

    fn socket(&self) -> String {
        self.machine.root().join("socket").to_str().unwrap().to_owned()
    }

    fn heapq(&self, arguments: &[&str]) -> Run {
        run(&[&["--bus", &self.socket()], arguments].concat())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn daemon_and_process_answer_alike() {
    let daemon = Daemon::start(&[]);
    for ask in [
        &["plan", "video0:capture", "card0:scanout", "--size", "600K", "--count", "4"][..],
        &["plan", "video0:capture", "--heap", "system", "--size", "4096"],
        &["explain", "cpu", "--fourcc", "NV12", "--width", "640", "--height", "480"],
    ] {
        let json = [&["--json"], ask].concat();
        let (theirs, ours) = (daemon.heapq(&json), daemon.machine.heapq(&json));
        assert_eq!(theirs.code, ours.code, "{ask:?}: {}", theirs.err);
        let (mut theirs, mut ours) = (theirs.json(), ours.json());
        assert_eq!(
            (theirs["via"].take(), ours["via"].take()),
            ("daemon".into(), "in-process".into())
        );
        assert_eq!(theirs, ours, "{ask:?}");
        let human = [daemon.heapq(ask).out, daemon.machine.heapq(ask).out];
        assert_eq!(human[0], human[1], "{ask:?}");
    }
}

#[test]
fn refusals_have_the_same_exit_status_and_name_the_same_key() {
    let daemon = Daemon::start(&[]);
    for (ask, said) in [
        (&["plan", "video0"][..], "min-size"),
        (&["plan", "video9", "--size", "1"], "video9"),
        (&["plan", "video0:captrue", "--size", "1"], "captrue"),
    ] {
        let (theirs, ours) = (daemon.heapq(ask), daemon.machine.heapq(ask));
        assert_eq!(theirs.code, ours.code, "{ask:?}: {} {}", theirs.err, ours.err);
        assert!(theirs.err.contains(said), "{}", theirs.err);
    }
}

#[test]
fn a_command_gets_buffers_of_the_daemon() {
    let daemon = Daemon::start(&[]);
    let script = "test -e /proc/self/fd/42 && test ! -e /proc/self/fd/43 && echo $HEAPQ_STAND_IN";
    let run = daemon
        .heapq(&["alloc", "cpu", "--size", "4096", "--count", "40", "--exec", "sh", "-c", script]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "1\n"), "{}", run.err);
}

#[test]
fn without_a_grant_nothing_is_allocated_and_plans_are_told() {
    let daemon = Daemon::start(&[]);
    drop(daemon);
    let policies = tempfile::tempdir().unwrap();
    // The shipped grants stand in this file; an empty one of its name masks it.
    std::fs::write(policies.path().join("10-generic.toml"), "").unwrap();
    let daemon = Daemon::start(&["--policy-dir", policies.path().to_str().unwrap()]);
    let refused = daemon.heapq(&["alloc", "cpu", "--size", "4096"]);
    assert_eq!(refused.code, Some(4), "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("may not allocate"), "{}", refused.err);
    assert!(refused.err.contains("a [[grant]] below /etc/heapq/policy.d"), "{}", refused.err);
    let told = daemon.heapq(&["plan", "cpu", "--size", "4096"]);
    assert_eq!(told.code, Some(3), "an answer: {}", told.err);
    assert!(told.out.contains("not granted (no [[grant]] lets "), "{}", told.out);
}

#[test]
fn who_is_over_quota_is_told_where_bounds_stand() {
    let policies = tempfile::tempdir().unwrap();
    std::fs::write(policies.path().join("90-few.toml"), "[[limit]]\nusers = \"*\"\nbuffers = 1\n")
        .unwrap();
    let daemon = Daemon::start(&["--policy-dir", policies.path().to_str().unwrap()]);
    let over = daemon.heapq(&["alloc", "cpu", "--size", "4096", "--count", "2"]);
    assert_eq!(over.code, Some(5), "{}{}", over.out, over.err);
    assert!(over.out.starts_with("over quota: 2 buffers asked for, "), "{}", over.out);
    assert!(over.out.contains("`heapq usage`") && over.out.contains("[[limit]]"), "{}", over.out);
}

#[test]
fn the_status_of_a_daemon_is_of_its_machine() {
    let policies = tempfile::tempdir().unwrap();
    std::fs::write(policies.path().join("90-broken.toml"), "[[heap]]\nnome = 1\n").unwrap();
    let daemon = Daemon::start(&["--policy-dir", policies.path().to_str().unwrap()]);
    let status = daemon.heapq(&["status", "--json"]).json();
    assert_eq!((&status["via"], &status["kernel"]), (&"daemon".into(), &"".into()));
    assert_eq!(status["heaps"][0]["name"], "default_cma_region");
    assert_eq!((status["heaps"].as_array().unwrap().len(), &status["devices"]), (2, &2.into()));
    assert!(status["policy-dirs"].is_null(), "ours are not its own: {status}");
    let human = daemon.heapq(&["status"]).out;
    assert!(human.contains("default_cma_region, system") && !human.contains("kernel"), "{human}");
    assert!(human.contains("90-broken.toml"), "{human}");
    assert!(human.contains("\n         ") && !human.contains('\u{fffd}'), "its lines: {human}");
}

#[test]
fn what_the_daemon_shows_is_listed() {
    let daemon = Daemon::start(&[]);
    let status = daemon.heapq(&["status", "--json"]).json();
    assert_eq!(status["daemon"]["stand-in"], true);
    let heaps = daemon.heapq(&["heaps", "--json"]).json();
    assert_eq!(heaps["heaps"][0]["name"], "default_cma_region");
    assert_eq!(heaps["heaps"][0]["roles"][0], "default-contiguous");
    assert_eq!(heaps["heaps"].as_array().unwrap().len(), 2);
    let devices = daemon.heapq(&["devices", "--json", "card0"]).json();
    assert_eq!(devices["devices"][0]["driver"], "vc4-drm");
    assert_eq!(devices["devices"][0]["iommu"]["translates"], true);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.heapq(&["devices", "card9"]).code, Some(7));
    let all = daemon.heapq(&["devices"]);
    let needs = all.out.lines().skip(1).map(|line| line.split_whitespace().rev().nth(1));
    assert!(needs.eq([Some("?"); 2]), "unknown is not none: {}", all.out);
    assert!(all.err.contains("what devices need"), "{}", all.err);
    let avoid = ["plan", "cpu", "--size", "1", "--avoid", "nosuch,system"];
    let said = daemon.heapq(&avoid).err;
    assert!(said.contains("no heap here is called nosuch: ") && !said.contains("system"), "{said}");
}
