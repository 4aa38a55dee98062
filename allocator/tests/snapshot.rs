//! Snapshots: they take the place of the machine, and tell nobody whose it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod tree;

use heapq_allocator::discover::{Observation, assemble, devicetree, snapshot};
use heapq_allocator::{Topology, complete};
use heapq_constraints::{Constraint, Origin, Participant, Question, solve};
use heapq_policies::PolicySet;
use std::path::Path;
use tree::Tree;

fn policies() -> PolicySet {
    heapq_policies::load(&[]).set
}

/// What a reader of the machine's snapshot sees.
fn through_a_file(seen: &Observation, policies: &PolicySet) -> (String, Topology) {
    let topology = assemble(seen, policies, 1).unwrap();
    let text = snapshot::write(&snapshot::share(seen, &topology)).unwrap();
    let again = snapshot::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (text, assemble(&again, policies, 1).unwrap())
}

/// The answers about every pair of devices that lists show.
fn answers(topology: &Topology, policies: &PolicySet) -> Vec<String> {
    let name =
        |device: &heapq_allocator::Device| device.nodes.first().unwrap_or(&device.path).clone();
    let names: Vec<_> = topology.shown().map(name).collect();
    let ask = |pair: &[_]| {
        let participants =
            pair.iter().enumerate().map(|(index, name): (usize, &heapq_constraints::Name)| {
                let mut participant = Participant::new(format!("p{index}"));
                participant.device = Some(name.clone());
                participant.with(Constraint::MinSize(1 << 20), Origin::Client)
            });
        let question = Question { participants: participants.collect(), ..Question::default() };
        let question = complete(question, topology, policies).unwrap();
        format!("{:?}", solve(&topology.heaps, &question).unwrap())
    };
    names.windows(2).map(ask).collect()
}

#[test]
fn a_machine_and_its_snapshot_are_the_same() {
    let policies = policies();
    let board = |name: &str| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/boards/dtb");
        devicetree::load(&dir.join(name), &policies).unwrap()
    };
    let machines = [
        Tree::capture("sysfs-x86").read(),
        Tree::capture("sysfs-arm64").read(),
        board("rk3588-rock-5b.dtb"),
        board("imx8mm-evk.dtb"),
        board("meson-g12b-odroid-n2.dtb"),
    ];
    for seen in machines {
        let whole = assemble(&seen, &policies, 1).unwrap();
        let (text, read) = through_a_file(&seen, &policies);
        assert_eq!(read.heaps.heaps(), whole.heaps.heaps(), "{text}");
        assert_eq!((&read.release, &read.board), (&whole.release, &whole.board));
        let shown = |topology: &Topology| {
            let needs = topology.shown().map(|one| (one.path.clone(), one.facts.clone()));
            needs.collect::<Vec<_>>()
        };
        assert_eq!(shown(&read), shown(&whole), "{text}");
        let answers_are = answers(&read, &policies);
        assert!(!answers_are.is_empty());
        assert_eq!(answers_are, answers(&whole, &policies), "{text}");
        // One comment a device says what it is.
        let comments = text.lines().filter(|line| line.starts_with("# ")).count();
        assert!(comments >= read.devices.len() + 3, "{text}");
    }
}

/// A machine with everything that names it or its owner, at every place that is read.
fn telling() -> Tree {
    let tree = Tree::new("x86_64");
    tree.file("/UNAME", "Linux annas-laptop 7.3.4 #1 SMP x x86_64 GNU/Linux");
    tree.file(
        "/proc/cmdline",
        "root=UUID=5e41a1-77 user=anna vivid.node=anna7 uvcvideo.serial=SN-4711-X",
    );
    tree.heap("system");
    let camera = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0";
    tree.device("/sys/devices/pci0000:00/0000:00:14.0", "pci", "xhci_hcd");
    tree.device(camera, "usb", "uvcvideo");
    tree.file("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/serial", "SN-4711-X\n");
    tree.video(camera, "video0", "Anna's phone (SN-4711-X)");
    tree.file(&format!("{camera}/video4linux/video0/dev"), "81:0\n");
    let udev = "E:ID_V4L_PRODUCT=Anna's phone\nE:ID_MODEL=Anna\nE:ID_SERIAL=SN-4711-X\nE:ID_MODEL_ID=0825\n";
    tree.file("/run/udev/data/c81:0", udev);
    tree.file("/sys/devices/virtual/video4linux/video9/name", "Anna de:ad:be:ef:00:01\n");
    tree.link("/sys/class/video4linux/video9", "../../devices/virtual/video4linux/video9");
    tree.device("/sys/devices/platform/vivid.0", "platform", "vivid");
    tree.video("/sys/devices/platform/vivid.0", "video5", "vivid-000-vid-cap");
    tree.file("/sys/module/vivid/parameters/allocators", "1,0\n");
    tree.file("/sys/module/vivid/parameters/owner", "anna@example.org\n");
    tree.file("/sys/module/vivid/parameters/mac", "de:ad:be:ef:00:01\n");
    tree.file("/sys/module/vivid/parameters/no_error_inj", "N\n");
    tree.file("/sys/devices/pci0000:00/0000:00:1f.6/net/eth0/address", "de:ad:be:ef:00:01\n");
    tree.device("/sys/devices/pci0000:00/0000:00:1f.6", "pci", "e1000e");
    tree.link("/sys/class/video4linux/video7", "../../home/anna/SN-4711-X");
    tree
}

#[test]
fn a_snapshot_does_not_say_whose_machine_it_is() {
    let seen = telling().read();
    assert!(format!("{seen:?}").contains("SN-4711-X"), "the tree holds what must not come out");
    let (text, read) = through_a_file(&seen, &policies());
    for secret in ["anna", "Anna", "4711", "de:ad", "5e41a1", "e1000e"] {
        assert!(!text.contains(secret), "{secret}:\n{text}");
    }
    // What plans need is there.
    assert_eq!(
        read.device("video0").unwrap().master.as_deref(),
        Some("/sys/devices/pci0000:00/0000:00:14.0")
    );
    assert_eq!(read.device("video5").unwrap().names, ["vivid-000-vid-cap".into()]);
    let udev = &read.device("video0").unwrap().udev;
    assert_eq!(format!("{udev:?}"), r#"{"/dev/video0": {"ID_MODEL_ID": "0825"}}"#);
    let vivid = read.modules.get("vivid").unwrap();
    assert_eq!(vivid.get("allocators").map(|value| &**value), Some("1,0"));
    assert_eq!(vivid.len(), 2, "{vivid:?}");
}

#[test]
fn names_of_several_lines_stay_names() {
    let device = heapq_allocator::discover::SeenDevice {
        path: "/x\n[[heap]]\u{7}".into(),
        nodes: vec!["/dev/video0".into()],
        driver: Some("a\nb = 1".into()),
        subsystem: "video4linux".into(),
        ..Default::default()
    };
    let seen = Observation { devices: vec![device], ..Observation::default() };
    let again = snapshot::read(&snapshot::write(&seen).unwrap()).unwrap();
    assert_eq!(again, seen);
}
