//! Policies that change while the daemon runs, told by a client or a signal.

use super::asking::simple;
use super::authority::{address, as_stranger, passed};
use super::bus::Bus;
use super::heapqd::{Heapqd, client, policy_dir, until};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_dbus::error::Error;
use heapq_dbus::proxy::Allocator1Proxy;
use std::path::PathBuf;
use zbus::connection::Builder;
use zbus::proxy::CacheProperties;

async fn proxy(address: &str) -> Allocator1Proxy<'static> {
    let connection = Builder::address(address).build().await.unwrap();
    let proxy = Allocator1Proxy::builder(&connection).cache_properties(CacheProperties::No);
    proxy.build().await.unwrap()
}

/// The policies of the tests, and whoever runs them may reload.
fn policies(bus: &Bus) -> PathBuf {
    let dir = policy_dir(bus);
    let uid = rustix::process::geteuid().as_raw();
    let grant = format!("[[grant]]\nusers = [{uid}]\nreload = true\n");
    std::fs::write(dir.join("81-reload.toml"), grant).unwrap();
    dir
}

#[tokio::test]
async fn a_set_with_an_error_never_takes_the_place_of_a_good_one() {
    let (bus, root) = (Bus::start(), machine());
    let dir = policies(&bus);
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let proxy = proxy(&bus.address).await;
    assert_eq!(proxy.reload().await.unwrap(), [""; 0]);
    let generation = proxy.generation().await.unwrap();

    // The file that lets this test allocate, of all files.
    let grant = dir.join("80-test.toml");
    let good = std::fs::read_to_string(&grant).unwrap();
    std::fs::write(&grant, format!("{good}alocate = false\n")).unwrap();
    let problems = proxy.reload().await.unwrap();
    let [complaint, refused] = &*problems else { panic!("{problems:?}") };
    assert!(complaint.contains("error[unknown-key]"), "{complaint}");
    assert!(complaint.contains("80-test.toml:5:1"), "{complaint}");
    assert!(refused.starts_with("nothing was reloaded"), "{refused}");
    assert_eq!(proxy.problems().await.unwrap(), problems);
    assert_eq!(proxy.generation().await.unwrap(), generation);
    let outcome = client(&bus).await.allocate(&simple(1, 4096)).await.unwrap();
    assert!(matches!(outcome, Outcome::Granted(_)), "{outcome:?}");

    std::fs::write(&grant, good).unwrap();
    assert_eq!(proxy.reload().await.unwrap(), [""; 0]);
    assert_eq!(proxy.problems().await.unwrap(), [""; 0]);
    assert_eq!(proxy.generation().await.unwrap(), generation + 1);
}

#[tokio::test]
async fn a_signal_does_the_same_and_the_log_says_so() {
    let (bus, root) = (Bus::start(), machine());
    let dir = policies(&bus);
    let daemon = Heapqd::start(&bus, root.path()).await;
    let proxy = proxy(&bus.address).await;
    let generation = proxy.generation().await.unwrap();
    std::fs::write(dir.join("90-broken.toml"), "[[heap]\n").unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    let problems = || async { proxy.problems().await.unwrap() };
    until("the problem is known", || async { problems().await.len() == 2 }).await;
    assert!(problems().await[0].contains("error[syntax]"));
    assert_eq!(proxy.generation().await.unwrap(), generation);
    let log = daemon.log();
    assert!(log.contains("90-broken.toml:1") && log.contains("nothing was reloaded"), "{log}");

    // A warning does not stand in the way.
    let twice = "[[device]]\nmatch = { driver = \"x\", kernel = \"<4.0\" }\n";
    std::fs::write(dir.join("90-broken.toml"), twice).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    until("it is reloaded", || async { proxy.generation().await.unwrap() > generation }).await;
    until("the warning is known", || async { problems().await.len() == 1 }).await;
    assert!(problems().await[0].contains("warning[never-holds]"));
}

#[tokio::test]
async fn not_everybody_may() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    if let Some(output) = as_stranger(&bus, "reload::child_is_refused") {
        passed(&output);
    }
}

#[tokio::test]
#[ignore = "run as another user by the test above"]
async fn child_is_refused() {
    let refused = proxy(&address()).await.reload().await;
    assert!(
        matches!(&refused, Err(Error::NotAuthorized(words)) if words.contains("reload")),
        "{refused:?}"
    );
}
