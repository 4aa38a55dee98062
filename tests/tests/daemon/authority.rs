//! Who may: clients of other users, and policies that say otherwise.

use super::asking::{asked, participant, simple};
use super::bus::Bus;
use super::heapqd::{Heapqd, client, policy_dir, until};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_constraints::answer::Verdict;
use heapq_constraints::value::Value;
use heapq_dbus::client::{Client, Failure, Place};
use heapq_dbus::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

/// A user without any grant: nobody.
pub(crate) const STRANGER: u32 = 65_534;
/// Where the child finds the bus.
pub(crate) const ADDRESS: &str = "HEAPQ_TEST_ADDRESS";

/// Runs one of the ignored tests below as another user. `None` where we may not, which is said.
pub(crate) fn as_stranger(bus: &Bus, test: &str) -> Option<Output> {
    stranger_at(bus, test).map(|mut command| command.output().unwrap())
}

/// The command that runs an ignored test as another user. `None` where we may not, which is said.
pub(crate) fn stranger_at(bus: &Bus, test: &str) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be another user");
        return None;
    }
    // The build directory may be closed to others.
    let copy = bus.dir.path().join("client");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(copy);
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(ADDRESS, &bus.address)
        .current_dir("/")
        .uid(STRANGER)
        .gid(STRANGER);
    Some(command)
}

/// The bus, for the tests that run as another user.
pub(crate) fn address() -> String {
    std::env::var(ADDRESS).expect("run by another test")
}

pub(crate) fn passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn stranger() -> Client {
    Client::connect(Place::Address(address())).await.unwrap()
}

#[tokio::test]
async fn without_a_grant_nothing_is_allocated() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let before = daemon.descriptors();
    if let Some(output) = as_stranger(&bus, "authority::child_is_refused") {
        passed(&output);
        daemon.settles_at(before).await;
    }
}

#[tokio::test]
#[ignore = "run as another user by the test above"]
async fn child_is_refused() {
    let client = stranger().await;
    let refused = client.allocate(&simple(1, 4096)).await;
    let Err(Failure::Refused(Error::NotAuthorized(words))) = refused else {
        panic!("{refused:?}");
    };
    assert!(words.contains("65534") || words.contains("nobody"), "{words}");
}

#[tokio::test]
async fn a_grant_without_scarce_rules_scarce_heaps_out_and_no_others() {
    let (bus, root) = (Bus::start(), machine());
    let grant = format!("[[grant]]\nusers = [{STRANGER}]\nallocate = true\n");
    std::fs::write(policy_dir(&bus).join("81-stranger.toml"), grant).unwrap();
    let _daemon = Heapqd::start(&bus, root.path()).await;
    if let Some(output) = as_stranger(&bus, "authority::child_may_not_have_scarce_heaps") {
        passed(&output);
    }
}

#[tokio::test]
#[ignore = "run as another user by the test above"]
async fn child_may_not_have_scarce_heaps() {
    let client = stranger().await;
    assert!(matches!(client.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
    let keys = [("contiguous", Value::Bool(true)), ("min-size", Value::Integer(4096))];
    let answer = client.plan(&asked(vec![participant("camera", &keys)])).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Conflict);
    let cma = answer.eliminated.iter().find(|gone| &*gone.heap == "default_cma_region").unwrap();
    assert_eq!(cma.reasons[0].key, "not-permitted");
    let origin = cma.reasons[0].heap_origin.to_string();
    assert!(origin.starts_with("no [[grant]] lets "), "{origin}");
}

#[tokio::test]
async fn a_broken_policy_file_is_left_out_and_said_so() {
    let (bus, root) = (Bus::start(), machine());
    let broken = policy_dir(&bus).join("90-broken.toml");
    std::fs::write(&broken, "[[grant]]\nuser = [1]\n").unwrap();
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let problems = client.proxy().problems().await.unwrap();
    assert!(problems.iter().any(|problem| problem.contains("90-broken.toml:2")), "{problems:?}");
    assert!(daemon.log().contains("90-broken.toml:2"), "{}", daemon.log());
    assert!(matches!(client.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));

    std::fs::remove_file(broken).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    until("the file is forgotten", || async {
        let problems = client.proxy().problems().await.unwrap();
        !problems.iter().any(|problem| problem.contains("90-broken.toml"))
    })
    .await;
}

#[tokio::test]
async fn a_grant_that_is_taken_back_ends_with_the_next_reload() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    assert!(matches!(client.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
    let uid = rustix::process::geteuid().as_raw();
    let denied = format!("[[grant]]\nusers = [{uid}]\nallocate = false\n");
    std::fs::write(policy_dir(&bus).join("90-no.toml"), denied).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    until("the client is refused", || async {
        let refused = client.allocate(&simple(1, 4096)).await;
        matches!(refused, Err(Failure::Refused(Error::NotAuthorized(_))))
    })
    .await;
}
