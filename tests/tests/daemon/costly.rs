//! Questions that cost much, from many connections that do not read the answers.

use super::bus::Bus;
use super::heapqd::Heapqd;
use super::machine::machine;
use super::raw::Raw;
use heapq_dbus::client::{Client, Place};
use heapq_dbus::proxy::PATH;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use zbus::Variant;
use zbus::message::Message;

/// Connections that ask, and how often each.
const ASKING: usize = 24;
const QUESTIONS: usize = 64;
/// Plans of a well-behaved client beside them.
const ROUNDS: usize = 20;

/// Many devices with long names, no two of which can share anything: the conflict is searched for to
/// its end, and explained at length.
fn costly() -> Vec<HashMap<&'static str, Variant<'static>>> {
    let participant = |number: u32| {
        let heap = if number.is_multiple_of(2) { "system" } else { "default_cma_region" };
        HashMap::from([
            ("name", Variant::from(format!("{number}-{}", "x".repeat(200)))),
            ("heaps", Variant::from(vec![heap])),
            ("min-size", Variant::U64(4096)),
            ("held", Variant::U32(1)),
            ("address-bits", Variant::U32(20 + number % 12)),
        ])
    };
    (0..40).map(participant).collect()
}

/// Plans of a well-behaved client.
async fn is_served(client: &Client) {
    for _ in 0..ROUNDS {
        client.plan(&super::asking::simple(1, 4096)).await.unwrap();
    }
}

/// Asks at once as often as the daemon listens.
fn ask(path: &Path, question: &[u8]) -> Raw {
    use std::io::Write;
    let mut raw = Raw::introduced(path);
    raw.0.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    for _ in 0..QUESTIONS {
        if raw.0.write_all(question).is_err() {
            break;
        }
    }
    raw
}

#[tokio::test]
async fn costly_plans_that_nobody_reads_cost_others_little() {
    let (bus, root) = (Bus::start(), machine());
    let path = bus.dir.path().join("peers");
    let arguments = ["--stand-in", "--p2p", &path.display().to_string()];
    let daemon = Heapqd::start_with(&bus, root.path(), &arguments).await;
    let good = Client::connect(Place::Address(bus.address.clone())).await.unwrap();
    is_served(&good).await;
    let (descriptors, memory) = (daemon.descriptors(), daemon.memory());
    let (participants, options) = (costly(), HashMap::new());
    let first = Client::connect(Place::Peer(path.clone())).await.unwrap();
    let begun = daemon.worked();
    for _ in 0..ROUNDS {
        first.proxy().plan(&participants, &options).await.unwrap();
    }
    // What as many costly plans take of a processor, whatever else it has to do.
    let costly = daemon.worked() - begun;
    let question = Message::method_call(PATH, "Plan")
        .interface("org.heapq.Allocator1")
        .build(&(participants, options))
        .unwrap();
    let attack = tokio::task::spawn_blocking(move || {
        (0..ASKING).map(|_| ask(&path, question.data())).collect::<Vec<Raw>>()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = daemon.worked();
    is_served(&good).await;
    let beside = daemon.worked() - begun;
    let attackers = attack.await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = daemon.memory().saturating_sub(memory) >> 20;
    eprintln!(
        "{ROUNDS} costly plans: {costly:?}; as many cheap ones meanwhile: {beside:?}; {grown} MiB more"
    );
    // Each waits for the one that is under way, and not for the hundreds that came before.
    assert!(beside < 10 * costly, "{beside:?}, where as many costly ones take {costly:?}");
    assert!(grown < 100, "{grown} MiB more");
    drop((first, attackers));
    daemon.settles_at(descriptors).await;
}
