//! `data/org.heapq.Allocator1.xml` is the contract: it is what the service says of itself, and the
//! gate knows each of its methods. `HEAPQ_BLESS=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use heapq_allocator::{Broker, Config};
use heapq_dbus::collections::Participant1;
use heapq_dbus::gate::{METHODS, OF_PARTICIPANTS};
use heapq_dbus::objects::Objects;
use heapq_dbus::proxy::NAME;
use heapq_dbus::service::{Allocator1, Service};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use zbus::object_server::Interface;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/org.heapq.Allocator1.xml");

const HEAD: &str = r#"<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<!-- Written from the service by dbus/tests/interfaces.rs. Objects: Allocator1 and an ObjectManager
     at /org/heapq/Allocator1, Heap1 and Device1 below it. Participant1 at
     /org/heapq/Participant1/N: the caller's own, whoever calls. -->
<node>
"#;

/// The interfaces as the service introspects them.
fn introspected() -> String {
    let machine = tempfile::tempdir().unwrap();
    let heap = machine.path().join("sys/class/dma_heap/system");
    std::fs::create_dir_all(heap).unwrap();
    let config = Config {
        root: machine.path().to_owned(),
        policy_dirs: Vec::new(),
        stand_in: true,
        ..Config::default()
    };
    let (broker, _) = Broker::open(config).unwrap();
    let service = Service::new(broker, Vec::new());
    let mut xml = HEAD.to_owned();
    let allocator = Allocator1::on_bus(service);
    allocator.introspect_to_writer(&mut xml, 2);
    Participant1::new(&allocator, 0).introspect_to_writer(&mut xml, 2);
    Objects::introspect_to_writer(&mut xml, 2);
    xml.write_str("</node>\n").unwrap();
    xml
}

#[test]
fn the_file_is_what_the_service_says() {
    let now = introspected();
    if std::env::var_os("HEAPQ_BLESS").is_some() {
        std::fs::write(FILE, &now).unwrap();
    }
    let filed = std::fs::read_to_string(Path::new(FILE)).unwrap();
    assert_eq!(filed, now, "run with HEAPQ_BLESS=1 when the change is meant");
}

#[test]
fn the_gate_knows_every_method_and_no_other() {
    let filed = std::fs::read_to_string(FILE).unwrap();
    let node = zbus_xml::Node::from_reader(filed.as_bytes()).unwrap();
    let tables = [(NAME, &METHODS[..]), ("org.heapq.Participant1", &OF_PARTICIPANTS)];
    for (name, table) in tables {
        let interface = node.interfaces().iter().find(|one| one.name().as_str() == name).unwrap();
        let served: BTreeSet<String> =
            interface.methods().map(|one| one.name().to_string()).collect();
        let guarded: BTreeSet<String> = table.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(served, guarded);
        assert_eq!(guarded.len(), table.len(), "a method stands twice");
    }
}
