//! What clients hold, and how it ends.

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::{Heapqd, client};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_allocator::ledger::Bounds;
use heapq_dbus::client::{Client, Failure};
use heapq_dbus::error::Error;
use heapq_dbus::proxy::{NAME, PATH};
use std::collections::HashMap;
use zbus::Variant;
use zbus::message::{Flags, Message};

async fn lease(client: &Client, count: u32) -> u64 {
    match client.allocate(&simple(count, 4096)).await.unwrap() {
        Outcome::Granted(grant) => grant.lease,
        other => panic!("{other:?}"),
    }
}

fn is_unknown_lease(result: Result<(), Failure>) -> bool {
    matches!(result, Err(Failure::Refused(Error::UnknownLease(_))))
}

#[tokio::test]
async fn a_lease_ends_once_and_by_its_holder_only() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let (holder, other) = (client(&bus).await, client(&bus).await);
    let lease = lease(&holder, 1).await;
    assert!(is_unknown_lease(other.release(lease).await));
    assert!(is_unknown_lease(other.buffers(lease, 0).await.map(drop)));
    holder.release(lease).await.unwrap();
    assert!(is_unknown_lease(holder.release(lease).await));
    assert!(is_unknown_lease(holder.buffers(lease, 0).await.map(drop)));
    assert!(is_unknown_lease(holder.release(u64::MAX).await));
}

#[tokio::test]
async fn releasing_closes_what_the_daemon_held() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let before = daemon.descriptors();
    for _ in 0..50 {
        let lease = lease(&client, 20).await;
        client.release(lease).await.unwrap();
    }
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn leaving_the_bus_ends_all_leases() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let before = daemon.descriptors();
    let (first, second) = (client(&bus).await, client(&bus).await);
    lease(&first, 20).await;
    lease(&first, 3).await;
    let kept = lease(&second, 18).await;
    // What did not go with the answers, 14 buffers each, is kept for GetBuffers.
    assert!(daemon.descriptors() >= before + 6 + 4);
    drop(first);
    daemon.settles_at(before + 4).await;
    assert_eq!(second.buffers(kept, 14).await.unwrap().len(), 4);
    second.release(kept).await.unwrap();
    daemon.settles_at(before).await;
}

/// Takes leases until there are no more; why there are none.
async fn fill(client: &Client) -> Outcome {
    loop {
        match client.allocate(&simple(16, 4096)).await.unwrap() {
            Outcome::Granted(_) => {}
            other => return other,
        }
    }
}

#[tokio::test]
async fn quotas_are_a_clients_and_a_users_and_free_again_when_a_client_left() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let mut greedy = Vec::new();
    let full = loop {
        greedy.push(client(&bus).await);
        match fill(&greedy[greedy.len() - 1]).await {
            Outcome::OverQuota { bound, .. } if bound == Bounds::HOLDER.buffers => {}
            other => break other,
        }
    };
    let Outcome::OverQuota { what, bound, in_use, asked, origin, .. } = full else {
        panic!("{full:?}")
    };
    assert_eq!(&*origin, "the default");
    assert_eq!((what, bound), ("buffers", Bounds::user(u64::MAX).buffers));
    assert!(in_use <= bound && in_use + asked > bound, "{in_use} + {asked}, bound {bound}");
    greedy.remove(0);
    let modest = client(&bus).await;
    super::heapqd::until("there is room again", || async {
        matches!(modest.allocate(&simple(16, 4096)).await, Ok(Outcome::Granted(_)))
    })
    .await;
}

/// A call of `Allocate` that is only sent.
fn unawaited(count: u32) -> Message {
    let client = HashMap::from([
        ("name", Variant::from("client")),
        ("min-size", Variant::U64(1 << 20)),
        ("min-count", Variant::U32(count)),
    ]);
    Message::method_call(PATH, "Allocate")
        .destination(NAME)
        .interface(NAME)
        .with_flags(Flags::NO_REPLY_EXPECTED)
        .build(&(vec![client], HashMap::<&str, Variant<'_>>::new()))
        .unwrap()
}

#[tokio::test]
async fn clients_that_die_in_mid_call_leave_nothing_behind() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let witness = client(&bus).await;
    let before = daemon.descriptors();
    for round in 0..30 {
        let connection = bus.connect().await;
        connection.send(&unawaited(8)).await.unwrap();
        if round % 3 == 0 {
            // Some die when the daemon is already at it.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        connection.close().await.unwrap();
    }
    // Calls are worked on in order of arrival, so when this one is answered the others were begun.
    let lease = lease(&witness, 1).await;
    witness.release(lease).await.unwrap();
    daemon.settles_at(before).await;
    // Nor is anything charged: all that this user may have can still be had.
    for _ in 0..16 {
        let outcome = witness.allocate(&simple(16, 4096)).await.unwrap();
        assert!(matches!(outcome, Outcome::Granted(_)), "{outcome:?}");
    }
}
