//! Questions that cost much, from many connections that do not read the answers.

use super::bus::Bus;
use super::heapqd::Heapqd;
use super::machine::machine;
use super::raw::Raw;
use heapq_dbus::client::{Client, Place};
use heapq_dbus::proxy::PATH;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};
use zbus::Variant;
use zbus::message::Message;

/// Connections that ask.
const ASKING: usize = 24;

/// A `Plan` of many devices with long names, no two of which can share anything: the conflict is
/// searched for to its end, and explained at length.
fn costly() -> Message {
    let participants: Vec<HashMap<&str, Variant<'_>>> = (0..40)
        .map(|number| {
            let heap = if number % 2 == 0 { "system" } else { "default_cma_region" };
            HashMap::from([
                ("name", Variant::from(format!("{number}-{}", "x".repeat(200)))),
                ("heaps", Variant::from(vec![heap])),
                ("min-size", Variant::U64(4096)),
                ("held", Variant::U32(1)),
                ("address-bits", Variant::U32(20 + number % 12)),
            ])
        })
        .collect();
    Message::method_call(PATH, "Plan")
        .interface("org.heapq.Allocator1")
        .build(&(participants, HashMap::<&str, Variant<'_>>::new()))
        .unwrap()
}

async fn latency(client: &Client, rounds: usize) -> Duration {
    let mut taken = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        client.plan(&super::asking::simple(1, 4096)).await.unwrap();
        taken.push(started.elapsed());
    }
    taken.sort();
    taken[rounds / 2]
}

/// Asks at once as often as the daemon listens.
fn ask(path: &Path, question: &[u8]) -> Raw {
    use std::io::Write;
    let mut raw = Raw::introduced(path);
    raw.0.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    for _ in 0..64 {
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
    let alone = latency(&good, 20).await;
    let (descriptors, memory) = (daemon.descriptors(), daemon.memory());
    let one = Instant::now();
    let question = costly();
    let mut first = Raw::introduced(&path);
    first.say(question.data());
    first.hear();
    let one = one.elapsed();
    let attacker = path.clone();
    let attack = tokio::task::spawn_blocking(move || {
        (0..ASKING).map(|_| ask(&attacker, question.data())).collect::<Vec<Raw>>()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let beside = latency(&good, 20).await;
    let attackers = attack.await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = daemon.memory().saturating_sub(memory) >> 20;
    eprintln!(
        "a costly plan takes {one:?}; alone {alone:?}, beside {ASKING} connections {beside:?}: {:.1} \
         times; {grown} MiB more",
        beside.as_secs_f64() / alone.as_secs_f64()
    );
    // It waits for the one that is under way, whoever's the many others are.
    assert!(beside < 10 * (alone + one), "{alone:?} became {beside:?}");
    assert!(grown < 100, "{grown} MiB more");
    drop((first, attackers));
    daemon.settles_at(descriptors).await;
}
