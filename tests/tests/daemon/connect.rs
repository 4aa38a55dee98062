//! Private sockets that the service hands out.

use super::asking::simple;
use super::authority::{STRANGER, address, as_stranger, passed};
use super::bus::Bus;
use super::heapqd::{Heapqd, client, policy_dir, until};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_dbus::client::{Client, Failure, Place};
use heapq_dbus::error::Error;
use std::collections::HashMap;
use zbus::Variant;
use zbus::wire::OwnedFd;

async fn buffers(client: &Client, count: u32) -> usize {
    match client.allocate(&simple(count, 4096)).await.unwrap() {
        Outcome::Granted(grant) => grant.buffers.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_carries_as_many_buffers_as_agreed_and_hanging_up_is_leaving() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let before = daemon.descriptors();
    let private = client(&bus).await.private().await;
    let question = HashMap::from([
        ("name", Variant::from("client")),
        ("min-size", Variant::U64(4096)),
        ("min-count", Variant::U32(300)),
    ]);
    let (reply, first) = private.proxy().allocate(&[question], &HashMap::new()).await.unwrap();
    // 253, less one for a receipt.
    assert_eq!(first.len(), 252);
    let lease = u64::try_from(reply["lease"].try_clone().unwrap()).unwrap();
    assert_eq!(private.buffers(lease, 252).await.unwrap().len(), 48);
    assert_eq!(buffers(&private, 600).await, 600);
    let elsewhere = client(&bus).await.release(lease).await;
    assert!(matches!(elsewhere, Err(Failure::Refused(Error::UnknownLease(_)))), "{elsewhere:?}");
    drop((private, reply, first));
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn a_grant_that_is_taken_back_ends_on_private_sockets_too() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let private = client(&bus).await.private().await;
    assert_eq!(buffers(&private, 1).await, 1);
    let uid = rustix::process::geteuid().as_raw();
    let denied = format!("[[grant]]\nusers = [{uid}]\nallocate = false\n");
    std::fs::write(policy_dir(&bus).join("90-no.toml"), denied).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    until("the client is refused", || async {
        let refused = private.allocate(&simple(1, 4096)).await;
        matches!(refused, Err(Failure::Refused(Error::NotAuthorized(_))))
    })
    .await;
    // Who may not have one stays on the bus, and may still ask.
    let stayed = client(&bus).await.private().await;
    assert!(stayed.plan(&simple(1, 4096)).await.is_ok());
}

#[tokio::test]
async fn one_user_has_so_many_private_sockets_and_closed_ones_make_room() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let asking = client(&bus).await;
    let before = daemon.descriptors();
    let options = HashMap::new();
    let mut sockets: Vec<OwnedFd> = Vec::new();
    let refused = loop {
        match asking.proxy().connect(&options).await {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, Error::TooMany(_)), "{refused}");
    assert!((8..=32).contains(&sockets.len()), "{}", sockets.len());
    drop(sockets);
    daemon.settles_at(before).await;
    assert_eq!(buffers(&asking.private().await, 20).await, 20);
}

#[tokio::test]
async fn another_user_is_itself_on_the_socket_that_the_service_made() {
    let (bus, root) = (Bus::start(), machine());
    let grant = format!("[[grant]]\nusers = [{STRANGER}]\nallocate = true\n");
    std::fs::write(policy_dir(&bus).join("81-stranger.toml"), grant).unwrap();
    let daemon = Heapqd::start(&bus, root.path()).await;
    let before = daemon.descriptors();
    if let Some(output) = as_stranger(&bus, "connect::child_is_served_privately") {
        passed(&output);
        daemon.settles_at(before).await;
    }
}

#[tokio::test]
#[ignore = "run as another user by the test above"]
async fn child_is_served_privately() {
    let client = Client::connect(Place::Address(address())).await.unwrap();
    let private = client.private().await;
    assert!(!private.proxy().inner().connection().is_bus(), "it was refused");
    assert_eq!(buffers(&private, 20).await, 20);
}
