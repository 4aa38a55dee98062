//! Messages that are as they should be, from clients that are not.

use super::Attack;
use super::way::{Way, hear, modest, repeat};
use crate::raw::Raw;
use heapq_dbus::proxy::{NAME, PATH};
use std::collections::HashMap;
use std::time::Duration;
use zbus::Variant;
use zbus::message::Message;

pub(super) const ALL: &[Attack] = &[
    ("one that asks and never reads", never_reads),
    ("buffers that are never read", unread_buffers),
    ("calls that want no answer", silent_calls),
    ("a thousand connections", a_thousand_connections),
    ("coming and going", coming_and_going),
    ("leaving in mid-call", leaving_in_mid_call),
    ("signals sent to the daemon", signals),
    ("other interfaces, paths and members", elsewhere),
    ("introspection without end", introspection),
    ("all objects again and again", all_objects),
    ("properties that are set", set_properties),
    ("properties that are asked for without end", get_properties),
    ("private sockets that nobody uses", unused_sockets),
];

pub(super) const ON_A_BUS: &[Attack] = &[
    ("another who takes the service's name", name_squatting),
    ("clients that pretend to have left", forged_departures),
];

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

fn never_reads(way: &Way) {
    let mut raw = way.open();
    repeat(&mut raw, &way.call("Plan", &modest()), 1000);
    repeat(&mut raw, &way.call_of("/", "org.freedesktop.DBus.Peer", "Ping", &()), 1000);
    std::thread::sleep(Duration::from_millis(300));
}

fn unread_buffers(way: &Way) {
    let mut raw = way.open();
    repeat(&mut raw, &way.call("Allocate", &modest()), 300);
    std::thread::sleep(Duration::from_millis(300));
}

fn silent_calls(way: &Way) {
    let mut raw = way.open();
    repeat(&mut raw, &way.silent("Plan", &modest()), 1000);
    repeat(&mut raw, &way.silent("Allocate", &modest()), 500);
    repeat(&mut raw, &way.silent("Connect", &HashMap::<&str, Variant<'_>>::new()), 100);
}

fn a_thousand_connections(way: &Way) {
    let all: Vec<Raw> = (0..1000).map(|_| way.connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    drop(all);
}

fn coming_and_going(way: &Way) {
    for _ in 0..100 {
        let mut raw = way.open();
        raw.say(&way.call("Plan", &modest()));
    }
}

fn leaving_in_mid_call(way: &Way) {
    for _ in 0..50 {
        let mut raw = way.open();
        repeat(&mut raw, &way.call("Allocate", &modest()), 4);
    }
}

fn signals(way: &Way) {
    let signal = Message::signal(PATH, NAME, "Mischief");
    let signal = match way {
        Way::Bus(_) => signal.destination(NAME),
        Way::Private(_) => signal,
    };
    let signal = signal.build(&("x", 7_u32)).unwrap();
    repeat(&mut way.open(), signal.data(), 2000);
}

fn elsewhere(way: &Way) {
    let mut raw = way.open();
    for (path, interface, member) in [
        ("/", NAME, "Plan"),
        ("/org/heapq/Allocator1/heap/none", "org.heapq.Heap1", "Plan"),
        (PATH, "org.heapq.Nothing1", "Plan"),
        (PATH, NAME, "MapHeap"),
        (PATH, "org.freedesktop.DBus", "NameHasOwner"),
        ("/org/heapq/Allocator1/../..x".split('.').next().unwrap_or(PATH), NAME, "Release"),
    ] {
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        raw.say(&way.call_of(path, interface, member, &()));
        let said = hear(&mut raw, "Error");
        assert!(said.contains("Error"), "{path} {interface} {member}: {said}");
    }
}

fn introspection(way: &Way) {
    let call = way.call_of(PATH, "org.freedesktop.DBus.Introspectable", "Introspect", &());
    storm(way, &call, 300);
}

fn all_objects(way: &Way) {
    let manager = "org.freedesktop.DBus.ObjectManager";
    storm(way, &way.call_of(PATH, manager, "GetManagedObjects", &()), 300);
}

fn get_properties(way: &Way) {
    storm(way, &way.call_of(PATH, PROPERTIES, "GetAll", &NAME), 300);
}

/// Says it again and again, and reads what comes back.
fn storm(way: &Way, call: &[u8], times: usize) {
    let mut raw = way.open();
    for _ in 0..times / 10 {
        repeat(&mut raw, call, 10);
        assert!(!raw.hear().is_empty());
    }
}

fn set_properties(way: &Way) {
    let mut raw = way.open();
    for property in ["Version", "Generation", "StandIn", "Problems", "Nothing"] {
        let body = (NAME, property, Variant::from("mine"));
        raw.say(&way.call_of(PATH, PROPERTIES, "Set", &body));
        assert!(hear(&mut raw, "Error").contains("Error"), "{property}");
    }
}

fn unused_sockets(way: &Way) {
    let mut raw = way.open();
    repeat(&mut raw, &way.call("Connect", &HashMap::<&str, Variant<'_>>::new()), 100);
    std::thread::sleep(Duration::from_millis(300));
}

fn name_squatting(way: &Way) {
    let Way::Bus(path) = way else { return };
    let mut raw = Raw::on_bus(path);
    raw.0.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    for flags in [0_u32, 2, 4, 7] {
        let request = Message::method_call("/org/freedesktop/DBus", "RequestName")
            .destination("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .build(&(NAME, flags))
            .unwrap();
        raw.say(request.data());
        hear(&mut raw, "nothing");
    }
}

fn forged_departures(way: &Way) {
    let departed =
        Message::signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged")
            .destination(NAME)
            .build(&(":1.2", ":1.2", ""))
            .unwrap();
    repeat(&mut way.open(), departed.data(), 100);
}
