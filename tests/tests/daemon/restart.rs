//! The daemon or the bus goes and comes back while clients hold buffers.

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::{Heapqd, PATIENCE, client, policy_dir};
use super::machine::machine;
use heapq_allocator::sys::mapping::Mapping;
use heapq_allocator::{Grant, Outcome};
use heapq_dbus::client::{Client, Failure};
use heapq_dbus::error::Error;
use std::time::Duration;
use tokio::time::timeout;

async fn granted(client: &Client) -> Grant {
    match client.allocate(&simple(2, 4096)).await.unwrap() {
        Outcome::Granted(grant) => grant,
        other => panic!("{other:?}"),
    }
}

/// The buffers still hold what was written into them.
fn is_valid(grant: &Grant) {
    let write = |index: usize| Mapping::new(grant.buffers[index].try_clone().unwrap(), 4096);
    write(0).unwrap().write_at(7, &[42]).unwrap();
    let mut read = [0];
    write(0).unwrap().read_at(7, &mut read).unwrap();
    assert_eq!(read, [42]);
}

/// Clients of both kinds are told of the end, and find the service again.
async fn survives(bus: &Bus, clients: [Client; 2], end: impl AsyncFnOnce() -> Heapqd) {
    let grants = [granted(&clients[0]).await, granted(&clients[1]).await];
    for client in &clients {
        let early = timeout(Duration::from_millis(50), client.gone()).await;
        assert!(early.is_err(), "{} is said to have gone", client.place());
    }
    let gone = async {
        tokio::join!(clients[0].gone(), clients[1].gone());
    };
    let (_daemon, told) = tokio::join!(end(), timeout(PATIENCE, gone));
    told.expect("nobody says that it has gone");
    grants.iter().for_each(is_valid);
    // The new one knows nothing of the old one's leases; who comes again is served.
    let again = client(bus).await;
    for grant in &grants {
        let unknown = again.release(grant.lease).await;
        assert!(matches!(unknown, Err(Failure::Refused(Error::UnknownLease(_)))), "{unknown:?}");
    }
    // What the clients still have is counted once they say so.
    assert!(again.usage().await.unwrap().is_empty());
    let [on_bus, private] = [again.clone(), again.private().await];
    for (client, grant) in [&on_bus, &private].into_iter().zip(&grants) {
        let leases = client.adopt(&grant.buffers).await.unwrap().expect("it is within all bounds");
        assert_eq!(leases.len(), 1);
    }
    let counted = on_bus.usage().await.unwrap();
    let figures: Vec<_> = counted.iter().map(|entry| (entry.buffers, entry.bytes)).collect();
    assert_eq!(figures, [(2, 8192), (2, 8192)]);
    is_valid(&granted(&private).await);
}

/// A client may have its buffers adopted in parts, and gives them back like any other.
#[tokio::test]
async fn more_buffers_than_a_message_carries_are_adopted_all_or_none() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let Outcome::Granted(grant) = client(&bus).await.allocate(&simple(40, 4096)).await.unwrap()
    else {
        panic!("there is memory for forty pages");
    };
    daemon.signal(rustix::process::Signal::KILL);
    daemon.end().await;
    let limit = "[[limit]]\nusers = \"*\"\nbuffers = 60\n";
    std::fs::write(policy_dir(&bus).join("90-limit.toml"), limit).unwrap();
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let leases = client.adopt(&grant.buffers).await.unwrap().unwrap();
    assert_eq!(leases.len(), 3);
    let over = client.adopt(&grant.buffers).await.unwrap().unwrap_err();
    assert!(matches!(*over, Outcome::OverQuota { bound: 60, .. }), "{over:?}");
    let mut counted = client.usage().await.unwrap();
    counted.retain(|entry| !entry.orphaned);
    assert_eq!(counted.iter().map(|entry| entry.buffers).sum::<u32>(), 40);
    for lease in leases {
        client.release(lease).await.unwrap();
    }
    let strange = std::fs::File::open("/dev/null").unwrap().into();
    let refused = client.adopt(&[strange]).await.unwrap_err();
    assert!(refused.to_string().contains("number 0 is no dma-buf"), "{refused}");
}

async fn clients(bus: &Bus) -> [Client; 2] {
    [client(bus).await, client(bus).await.private().await]
}

#[tokio::test]
async fn buffers_outlive_a_daemon_that_is_killed_and_its_successor_serves() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let clients = clients(&bus).await;
    survives(&bus, clients, async || {
        daemon.signal(rustix::process::Signal::KILL);
        daemon.end().await;
        Heapqd::start(&bus, root.path()).await
    })
    .await;
}

#[tokio::test]
async fn a_client_on_the_bus_goes_on_with_the_successor() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let grant = granted(&client).await;
    daemon.signal(rustix::process::Signal::KILL);
    daemon.end().await;
    let failure = client.allocate(&simple(1, 4096)).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
    let _daemon = Heapqd::start(&bus, root.path()).await;
    is_valid(&granted(&client).await);
    is_valid(&grant);
}

#[tokio::test]
async fn buffers_outlive_a_bus_that_is_restarted() {
    let (mut bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let clients = clients(&bus).await;
    let grants = [granted(&clients[0]).await, granted(&clients[1]).await];
    bus.hang_up();
    timeout(PATIENCE, clients[0].gone()).await.expect("nobody says that the bus has gone");
    // Without its bus the daemon ends, and private clients with it: all begin anew.
    assert!(!daemon.end().await.success());
    timeout(PATIENCE, clients[1].gone()).await.expect("nobody says that the daemon has gone");
    let bus = Bus::start();
    let _daemon = Heapqd::start(&bus, root.path()).await;
    grants.iter().for_each(is_valid);
    is_valid(&granted(&client(&bus).await).await);
}
