//! What holds of single nodes and of single alternatives, and what a machine shows to tell them
//! apart: names, udev's properties, DMI.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod tree;

use heapq_allocator::discover::{assemble, snapshot};
use heapq_allocator::{Descriptions, Observation, Topology, complete};
use heapq_constraints::question::{Alternative, Usage, Usages};
use heapq_constraints::{Fact, Participant, Question};
use heapq_policies::{PolicySet, RuleState, load};
use std::path::Path;
use tree::Tree;

const RULES: &str = r#"
[[device]]
match = { driver = "acme-isp" }
contiguous = true
address-bits = 32

[[device]]
match = { driver = "acme-isp", name = "acme-params" }
override = ["contiguous", "address-bits", "dma-coherent"]
usage = "cpu-read"

[[device]]
match = { driver = "acme-isp" }
when = { usage = "encode" }
padding = 64

[[device]]
match = { driver = "acme-isp" }
when = { fourcc = "NV12", min-extent = [1920, 1] }
base-alignment = 65536

[[device]]
match = { dmi = "dmi:*:pnKiosk:*", udev = { ID_V4L_PRODUCT = "Acme Eye" } }
max-count = 8
"#;

/// An ISP with a node for frames, one for parameters and a media controller, and a USB camera.
fn machine() -> Tree {
    let tree = Tree::new("aarch64");
    let isp = "/sys/devices/platform/isp";
    tree.device(isp, "platform", "acme-isp");
    tree.video(isp, "video0", "acme-frames");
    tree.video(isp, "video1", "acme-params");
    let usb = "/sys/devices/platform/usb";
    tree.device(usb, "platform", "acme-usb");
    tree.video(usb, "video2", "Eye");
    tree.file(&format!("{usb}/video4linux/video2/dev"), "81:2\n");
    let database = "S:v4l/by-id/x\nI:123\nE:ID_BUS=usb\nE:ID_V4L_PRODUCT=Acme Eye\n\
                    E:ID_SERIAL=4711\nE:ID_SERIAL_SHORT=11\nE:ID_MODEL=\nE:ID_PATH_TAG=x\n\
                    E:ID_VENDOR=a\u{7}b\nE:DEVNAME=/dev/video2\nV:1\n";
    tree.file("/run/udev/data/c81:2", database);
    tree.file("/sys/devices/virtual/dmi/id/modalias", "dmi:bvnAcme:pnKiosk:\n");
    tree.file("/sys/devices/virtual/dmi/id/product_serial", "4711\n");
    tree.link("/sys/class/dmi/id", "../../devices/virtual/dmi/id");
    tree
}

fn policies(dir: &Path) -> PolicySet {
    std::fs::write(dir.join("50-acme.toml"), RULES).unwrap();
    let loaded = load(&[dir.to_owned()]);
    assert!(loaded.files.iter().any(|file| file.name.starts_with("50-")));
    loaded.set
}

fn asked() -> (Topology, PolicySet) {
    let dir = tempfile::tempdir().unwrap();
    let policies = policies(dir.path());
    (assemble(&machine().read(), &policies, 1).unwrap(), policies)
}

/// The needs as the vocabulary spells them, those that the policies state.
fn stated(facts: &[Fact]) -> Vec<String> {
    let of_rules = facts.iter().filter(|fact| fact.origin.to_string().contains("50-acme.toml"));
    of_rules.map(|fact| fact.constraint.stated()).collect()
}

fn completed(participant: Participant) -> Participant {
    let (topology, policies) = asked();
    let question = Question { participants: vec![participant], ..Question::default() };
    complete(question, &topology, &policies).unwrap().participants.remove(0)
}

fn named(device: &str, usage: Usage) -> Participant {
    let mut participant = Participant::new("p");
    participant.device = Some(device.into());
    participant.usage = Usages::from_iter([usage]);
    participant
}

#[test]
fn a_machine_shows_no_serial_numbers_and_what_it_shows_outlives_a_snapshot() {
    let seen = machine().read();
    let text = snapshot::write(&seen).unwrap();
    assert!(!text.contains("4711") && !text.contains("DEVNAME"), "{text}");
    let again: Observation = snapshot::read(&text).unwrap();
    assert_eq!(again, seen, "{text}");
    assert_eq!(again.dmi.as_deref(), Some("dmi:bvnAcme:pnKiosk:"));
    let camera = again.devices.iter().find(|one| one.driver.as_deref() == Some("acme-usb"));
    let properties = &camera.unwrap().udev["/dev/video2"];
    let keys: Vec<&str> = properties.keys().map(|key| &**key).collect();
    assert_eq!(keys, ["ID_BUS", "ID_V4L_PRODUCT"]);
}

#[test]
fn a_rule_by_udev_and_dmi_applies() {
    let camera = completed(named("/dev/video2", Usage::Capture));
    assert_eq!(stated(&camera.facts), ["max-count = 8"]);
}

#[test]
fn each_node_has_its_own_needs_and_the_device_those_of_all() {
    let frames = ["contiguous = true", "address-bits = 32", "base-alignment = 65536"];
    for (name, expected, copied) in [
        ("/dev/video0", frames.as_slice(), false),
        ("video0", &frames, false),
        ("/sys/class/video4linux/video0", &frames, false),
        ("/sys/devices/platform/isp/video4linux/video0", &frames, false),
        ("video1", &frames[2..], true),
        // Any node may be meant: what one of them needs counts.
        ("/sys/devices/platform/isp", &frames, true),
        ("driver:acme-isp", &frames, true),
    ] {
        let participant = completed(named(name, Usage::Capture));
        assert_eq!(stated(&participant.facts), expected, "{name}");
        assert_eq!(participant.usage.contains(Usage::CpuRead), copied, "{name}");
        assert_eq!(participant.driver.as_deref(), Some("acme-isp"));
        let kept = participant.facts.iter().any(|fact| fact.constraint.key() == "dma-coherent");
        assert_eq!(kept, name != "video1", "{name}: void only where it is for every node");
    }
}

#[test]
fn what_is_remembered_of_a_device_is_what_would_be_found() {
    let (topology, policies) = asked();
    let memory = Descriptions::default();
    for usage in [Usage::Capture, Usage::Encode, Usage::Process, Usage::Encode] {
        for name in ["video0", "video1", "/sys/devices/platform/isp", "/dev/video2", "video2"] {
            let asked = || Question {
                participants: vec![named(name, usage), named("video2", Usage::Capture)],
                ..Question::default()
            };
            let remembered = memory.complete(asked(), &topology, &policies).unwrap();
            let found = complete(asked(), &topology, &policies).unwrap();
            assert_eq!(format!("{remembered:?}"), format!("{found:?}"), "{name}");
        }
    }
}

#[test]
fn what_hangs_on_an_alternative_goes_to_that_alternative() {
    let mut participant = named("video0", Usage::Process);
    let encode = Alternative { usage: Usages::from_iter([Usage::Encode]), ..Default::default() };
    participant.alternatives = vec![Alternative::default(), encode];
    let participant = completed(participant);
    assert!(!stated(&participant.facts).contains(&"padding = 64".to_owned()));
    let tables = participant.alternatives.iter().map(|table| stated(&table.facts));
    assert_eq!(tables.collect::<Vec<_>>(), [vec![], vec!["padding = 64".to_owned()]]);
    assert_eq!(participant.facts.iter().filter(|f| f.constraint.key() == "contiguous").count(), 1);
}

#[test]
fn rules_are_considered_node_by_node() {
    let (topology, policies) = asked();
    let usage = Usages::from_iter([Usage::Capture]);
    let ask = |name: &str| topology.consider(name, &policies, usage, &|_| false).unwrap();
    let applying = |states: Vec<RuleState>| {
        states.iter().filter(|state| matches!(state, RuleState::Applies)).count()
    };
    let counts: Vec<(Option<String>, usize)> = ask("driver:acme-isp")
        .into_iter()
        .map(|one| {
            let states = one.rules.into_iter().map(|rule| rule.state).collect();
            (one.node.map(|node| node.to_string()), applying(states))
        })
        .collect();
    let expected = [("/dev/video0", 2), ("/dev/video1", 3)];
    assert_eq!(counts, expected.map(|(node, count)| (Some(node.to_owned()), count)));
    assert_eq!(ask("video1").len(), 1);
    assert!(topology.consider("video9", &policies, usage, &|_| false).is_err());
}
