//! Clients of the bus that read nothing: what waits for them must not stop answers to others.

use super::asking::simple;
use super::authority::{STRANGER, address, stranger_at};
use super::bus::{Bus, socket};
use super::heapqd::{Heapqd, PATIENCE, client, policy_dir};
use super::machine::machine;
use super::raw::Raw;
use heapq_allocator::Outcome;
use heapq_dbus::client::Client;
use heapq_dbus::proxy::{NAME, PATH};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use zbus::Variant;
use zbus::message::Message;

type Dictionary = HashMap<&'static str, Variant<'static>>;

/// Arguments of an `Allocate` of `count` small buffers.
fn buffers(count: u32) -> (Vec<Dictionary>, Dictionary) {
    let client = HashMap::from([
        ("name", Variant::from("client")),
        ("min-size", Variant::U64(4096)),
        ("min-count", Variant::U32(count)),
    ]);
    (vec![client], HashMap::new())
}

fn allocate(count: u32) -> Message {
    Message::method_call(PATH, "Allocate")
        .destination(NAME)
        .interface(NAME)
        .build(&buffers(count))
        .unwrap()
}

/// How long an answer waits for room before it goes without its buffers.
const WITHOUT: Duration = Duration::from_secs(5);

/// Allocations of a well-behaved client, none of which waits for others to read theirs.
async fn is_served(client: &Client) {
    for _ in 0..20 {
        let started = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, client.allocate(&simple(4, 4096))).await;
        let Outcome::Granted(grant) = answer.expect("it waits for ever").unwrap() else {
            panic!("there is memory for four pages");
        };
        assert_eq!(grant.buffers.len(), 4);
        client.release(grant.lease).await.unwrap();
        let taken = started.elapsed();
        assert!(taken < WITHOUT, "there was no room for its buffers: {taken:?}");
    }
}

/// What clients of the same user, and many of another user, do: they allocate so often each.
fn read_nothing(bus: &Path, clients: usize, often: usize) -> Vec<Raw> {
    let mut deaf: Vec<Raw> = (0..clients).map(|_| Raw::on_bus(bus)).collect();
    for one in &mut deaf {
        for _ in 0..often {
            one.say(allocate(16).data());
        }
    }
    deaf
}

/// That a well-behaved client is served during `attack`, and that nothing stays of it.
async fn nobody_waits<A>(attack: impl AsyncFnOnce(&Bus) -> Option<A>) {
    let (bus, root) = (Bus::start(), machine());
    let grant = format!("[[grant]]\nusers = [{STRANGER}]\nallocate = true\n");
    std::fs::write(policy_dir(&bus).join("81-stranger.toml"), grant).unwrap();
    let daemon = Heapqd::start(&bus, root.path()).await;
    let good = client(&bus).await;
    is_served(&good).await;
    let before = daemon.descriptors();
    let Some(attackers) = attack(&bus).await else { return };
    is_served(&good).await;
    // It must not get in later either.
    let private = good.clone().private().await;
    assert!(matches!(private.allocate(&simple(40, 4096)).await, Ok(Outcome::Granted(_))));
    drop((attackers, private));
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn buffers_that_some_clients_do_not_read_stop_no_other_of_their_user() {
    for clients in [1, 6] {
        nobody_waits(async |bus| {
            let deaf = read_nothing(&bus.socket(), clients, 300);
            tokio::time::sleep(Duration::from_millis(500)).await;
            Some(deaf)
        })
        .await;
    }
}

#[tokio::test]
async fn buffers_that_another_user_does_not_read_stop_nobody_however_many_its_clients() {
    nobody_waits(async |bus| {
        let mut command = stranger_at(bus, "unread::child_reads_nothing")?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let attacker = Attacker(command.spawn().unwrap());
        let (attacker, begun) = tokio::task::spawn_blocking(|| attacker.begun()).await.unwrap();
        assert!(begun);
        tokio::time::sleep(Duration::from_millis(500)).await;
        Some(attacker)
    })
    .await;
}

/// How many of 20 answers carry a receipt, to a client that ends each lease at once.
async fn receipts(client: &Client) -> usize {
    let (participants, options) = buffers(1);
    let mut receipts = 0;
    for _ in 0..20 {
        let (answer, buffers) = client.proxy().allocate(&participants, &options).await.unwrap();
        assert_eq!(buffers.len(), 1, "{answer:?}");
        receipts += usize::from(answer.contains_key("receipt"));
        client.proxy().release(u64::try_from(answer["lease"].clone()).unwrap()).await.unwrap();
    }
    receipts
}

#[tokio::test]
async fn who_leaves_while_its_answer_waits_leaves_nothing_behind() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let good = client(&bus).await;
    assert_eq!(receipts(&good).await, 0);
    let deaf = read_nothing(&bus.socket(), 12, 8);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut waiting: Vec<Raw> = (0..24).map(|_| Raw::on_bus(&bus.socket())).collect();
    for one in &mut waiting {
        one.say(allocate(1).data());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(waiting);
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(deaf);
    // Whoever waited for room has it or has given up.
    tokio::time::sleep(WITHOUT + Duration::from_secs(1)).await;
    assert_eq!(receipts(&good).await, 0);
}

/// A test that runs as another user until it is dropped.
struct Attacker(Child);

const BEGUN: &str = "the attack has begun";

impl Attacker {
    fn begun(mut self) -> (Self, bool) {
        let said = BufReader::new(self.0.stdout.take().unwrap());
        let begun = said.lines().any(|line| line.unwrap().contains(BEGUN));
        (self, begun)
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "run as another user by the test above"]
fn child_reads_nothing() {
    let _deaf = read_nothing(socket(&address()), 8, 300);
    println!("{BEGUN}");
    // Until whoever started it ends it, or is gone.
    let _ = std::io::stdin().read_line(&mut String::new());
}
