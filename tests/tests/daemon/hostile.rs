//! Clients that mean harm, on the bus. Each leaves the daemon up, its descriptors and memory where
//! they were, and others served.

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::{Heapqd, client};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_dbus::client::Client;
use heapq_dbus::error::Error;
use heapq_dbus::proxy::{Allocator1Proxy, NAME, PATH};
use std::collections::HashMap;
use zbus::Variant;
use zbus::message::{Message, Type};

type Dictionary<'v> = HashMap<&'v str, Variant<'v>>;

fn named<'v>(name: &'v str, key: &'v str, value: Variant<'v>) -> Dictionary<'v> {
    HashMap::from([("name", Variant::from(name)), (key, value)])
}

async fn plan(client: &Client, participants: Vec<Dictionary<'_>>) -> Error {
    client.proxy().plan(&participants, &HashMap::new()).await.unwrap_err()
}

#[tokio::test]
async fn more_participants_than_the_bound_are_counted_and_refused() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let names: Vec<String> = (0..10_000).map(|number| format!("p{number}")).collect();
    for count in [65, 10_000] {
        let participants: Vec<_> =
            names[..count].iter().map(|name| named(name, "held", Variant::U32(0))).collect();
        let refused = plan(&client, participants).await;
        let Error::TooMany(words) = &refused else { panic!("{refused:?}") };
        assert!(words.contains(&count.to_string()) || words.contains("16384"), "{words}");
    }
}

#[tokio::test]
async fn huge_and_deep_values_cost_no_memory() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let Outcome::Granted(_) = client.allocate(&simple(1, 4096)).await.unwrap() else {
        panic!("there is memory for a page");
    };
    let before = daemon.memory();
    let mut deep = Variant::U32(1);
    for _ in 0..40 {
        deep = Variant::Variant(Box::new(deep));
    }
    let long = "x".repeat(4 << 20);
    let hostile = [
        Variant::from(vec![7_u8; 16 << 20]),
        Variant::from(vec!["heap"; 1 << 20]),
        Variant::from(long.as_str()),
        deep,
    ];
    for value in hostile {
        let refused = plan(&client, vec![named("p", "heaps", value)]).await;
        assert!(matches!(refused, Error::TooMany(_)), "{refused:?}");
    }
    // Twice the largest message, for the bytes themselves; not hundredfold.
    let after = daemon.memory();
    assert!(after < before + (48 << 20), "{before} bytes became {after}");
    assert!(matches!(client.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
}

#[tokio::test]
async fn values_of_kinds_that_no_key_takes_are_named() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let stdin = std::io::stdin();
    let cases = [
        (Variant::F64(1.5), "floating-point"),
        (Variant::Fd(zbus::wire::Fd::from(&stdin)), "file descriptor"),
        (Variant::from(HashMap::from([("a", 1_u32)])), "table"),
    ];
    for (value, kind) in cases {
        let refused = plan(&client, vec![named("p", "min-size", value)]).await;
        let Error::InvalidConstraint(words) = &refused else { panic!("{refused:?}") };
        assert!(words.contains("p.min-size") && words.contains(kind), "{words}");
    }
}

#[tokio::test]
async fn any_width_of_integer_and_tuples_for_pairs_are_taken() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let widths = [
        Variant::U8(200),
        Variant::I16(200),
        Variant::U16(200),
        Variant::I32(200),
        Variant::U32(200),
        Variant::I64(200),
        Variant::U64(200),
        Variant::Variant(Box::new(Variant::U8(200))),
    ];
    for width in widths {
        let participants = [named("p", "min-size", width)];
        let reply = client.proxy().plan(&participants, &HashMap::new()).await.unwrap();
        assert_eq!(u64::try_from(reply["size"].try_clone().unwrap()).unwrap(), 200);
    }
    let format = HashMap::from([
        ("fourcc", Variant::from("XR24")),
        ("min-extent", Variant::from((64_u32, 32_u32))),
    ]);
    let participants = [named("p", "format", Variant::from(vec![format]))];
    let reply = client.proxy().plan(&participants, &HashMap::new()).await.unwrap();
    assert_eq!(u64::try_from(reply["size"].try_clone().unwrap()).unwrap(), 64 * 32 * 4);
    let planes = heapq_dbus::wire::answer::json(&reply)["planes"].clone();
    let plane = serde_json::json!([
        {"buffer-index": 0, "offset": 0, "stride": 256, "size": 64 * 32 * 4}
    ]);
    assert_eq!(planes, plane);
}

#[tokio::test]
async fn wrong_signatures_and_unknown_members_are_errors_of_the_bus() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let connection = bus.connect().await;
    for (member, wanted) in [("Plan", "InvalidArgs"), ("MapHeap", "UnknownMethod")] {
        let refused = connection
            .call_method(Some(NAME), PATH, Some(NAME), member, &("nonsense", 7_u32))
            .await
            .unwrap_err();
        assert!(format!("{refused:?}").contains(wanted), "{member}: {refused:?}");
    }
}

#[tokio::test]
async fn one_who_does_not_wait_for_answers_is_told_so_and_others_are_served() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let polite = client(&bus).await;
    let before = daemon.descriptors();
    let flood = bus.connect().await;
    let mut replies = zbus::MessageStream::from(&flood);
    let participants = vec![named("p", "min-size", Variant::U64(4096))];
    let call = || {
        Message::method_call(PATH, "Allocate")
            .destination(NAME)
            .interface(NAME)
            .build(&(&participants, Dictionary::new()))
            .unwrap()
    };
    let calls: Vec<Message> = (0..100).map(|_| call()).collect();
    flood.send_all(&calls).await.unwrap();
    assert!(matches!(polite.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
    let mut answers = 0;
    while answers < calls.len() {
        let next = std::future::poll_fn(|context| {
            use zbus::export::futures_core::Stream;
            std::pin::Pin::new(&mut replies).poll_next(context)
        });
        let reply = tokio::time::timeout(super::heapqd::PATIENCE, next).await.unwrap();
        let reply = reply.unwrap().unwrap();
        if matches!(reply.message_type(), Type::MethodReturn | Type::Error) {
            answers += 1;
        }
    }
    drop((replies, flood));
    assert!(daemon.is_running());
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn clients_that_come_and_go_in_a_loop_leave_no_trace() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let before = daemon.descriptors();
    for _ in 0..100 {
        let connection = bus.connect().await;
        let proxy = Allocator1Proxy::new(&connection).await.unwrap();
        let participants = [named("p", "min-size", Variant::U64(4096))];
        let (_, buffers) = proxy.allocate(&participants, &HashMap::new()).await.unwrap();
        assert_eq!(buffers.len(), 1);
    }
    daemon.settles_at(before).await;
}
