//! Who holds what, as the service tells it.

use super::asking::simple;
use super::authority::{address, as_stranger, passed};
use super::bus::Bus;
use super::heapqd::{Heapqd, client, policy_dir, until};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_dbus::client::{Client, Place};

#[tokio::test]
async fn a_lease_is_listed_and_outlived_by_its_buffers() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let Outcome::Granted(grant) = client.allocate(&simple(3, 4096)).await.unwrap() else {
        panic!("no grant")
    };
    let listed = client.usage().await.unwrap();
    let [entry] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((entry.lease, entry.orphaned, entry.buffers), (grant.lease, false, 3));
    assert_eq!((entry.bytes, entry.pid), (3 * 4096, Some(std::process::id())));
    assert_eq!((entry.uid, entry.living.len()), (rustix::process::geteuid().as_raw(), 3));
    client.release(grant.lease).await.unwrap();
    let listed = client.usage().await.unwrap();
    assert!(listed.len() == 1 && listed[0].orphaned, "{listed:?}");
    drop(grant);
    until("nothing is owed", || async { client.usage().await.unwrap().is_empty() }).await;
}

#[tokio::test]
async fn others_leases_are_theirs_to_see() {
    let (bus, root) = (Bus::start(), machine());
    // The tester sees all by a grant; being root would do too.
    let all = "[[grant]]\nusers = \"*\"\nallocate = true\n";
    std::fs::write(policy_dir(&bus).join("81-all.toml"), all).unwrap();
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let kept = client.allocate(&simple(1, 4096)).await.unwrap();
    if let Some(output) = as_stranger(&bus, "usage::child_sees_its_own_only") {
        passed(&output);
    }
    drop(kept);
}

#[tokio::test]
#[ignore = "run as another user by the test above"]
async fn child_sees_its_own_only() {
    let client = Client::connect(Place::Address(address())).await.unwrap();
    assert_eq!(client.usage().await.unwrap(), []);
    let kept = client.allocate(&simple(2, 4096)).await.unwrap();
    let listed = client.usage().await.unwrap();
    assert!(listed.len() == 1 && listed[0].buffers == 2, "{listed:?}");
    drop(kept);
}
