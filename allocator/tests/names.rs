//! Every kind of device that takes buffers is found, and by every name that it bears.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod tree;

use heapq_allocator::discover::assemble;
use heapq_allocator::{Iommu, Topology};
use tree::Tree;

const GPU: &str = "/sys/devices/pci0000:00/0000:00:02.0";
const NPU: &str = "/sys/devices/pci0000:00/0000:00:0b.0";
const CODEC: &str = "/sys/devices/platform/codec";
const HOST: &str = "/sys/devices/pci0000:00/0000:00:14.0";
const EYE: &str = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0";

/// A GPU with both nodes, an accelerator, a codec with a media controller, a USB camera with two
/// nodes, a loopback camera, and a bridge that nobody opens.
fn machine() -> Tree {
    let tree = Tree::new("x86_64");
    tree.device(GPU, "pci", "i915");
    tree.node(GPU, "drm", "card1", "dri/card1", "226:1");
    tree.node(GPU, "drm", "renderD128", "dri/renderD128", "226:128");
    tree.node(GPU, "drm", "card1-HDMI-A-1", "", "");
    tree.udev("226:1", "S:dri/by-path/pci-0000:00:02.0-card\nE:ID_PATH=pci-0000:00:02.0\n");
    tree.device(NPU, "pci", "intel_vpu");
    tree.node(NPU, "accel", "accel0", "accel/accel0", "261:0");
    tree.device(CODEC, "platform", "acme-codec");
    tree.node(CODEC, "video4linux", "video10", "video10", "81:10");
    tree.node(CODEC, "video4linux", "v4l-subdev0", "v4l-subdev0", "81:200");
    tree.media(CODEC, "media0", "509:0");
    tree.device(HOST, "pci", "xhci_hcd");
    tree.iommu(HOST, 3, "DMA-FQ");
    tree.device(EYE, "usb", "uvcvideo");
    tree.node(EYE, "video4linux", "video0", "video0", "81:0");
    tree.node(EYE, "video4linux", "video1", "video1", "81:1");
    for (number, index) in [("81:0", 0), ("81:1", 1)] {
        tree.udev(
            number,
            &format!(
                "S:v4l/by-id/usb-Acme_Eye_4711-video-index{index}\n\
                 S:v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index{index}\n\
                 S:../../etc/passwd\nS:a\u{7}b\nE:ID_PATH=pci-0000:00:14.0-usb-0:2:1.0\n"
            ),
        );
    }
    tree.file("/sys/devices/virtual/video4linux/video9/name", "Loopback\n");
    tree.file("/sys/devices/virtual/video4linux/video9/dev", "81:9\n");
    tree.link("/sys/class/video4linux/video9", "../../devices/virtual/video4linux/video9");
    tree.device("/sys/devices/pci0000:00/0000:00:1c.0", "pci", "pcieport");
    tree.bare("/sys/devices/pci0000:00/0000:00:1f.0", "pci");
    tree
}

fn topology() -> Topology {
    assemble(&machine().read(), &heapq_policies::load(&[]).set, 1).unwrap()
}

#[test]
fn every_kind_is_found_with_its_nodes() {
    let topology = topology();
    let shown: Vec<(&str, Vec<&str>)> = topology
        .shown()
        .map(|one| (&*one.path, one.nodes.iter().map(|node| &**node).collect()))
        .collect();
    assert_eq!(
        shown,
        [
            (GPU, vec!["/dev/dri/card1", "/dev/dri/renderD128"]),
            (NPU, vec!["/dev/accel/accel0"]),
            (EYE, vec!["/dev/video0", "/dev/video1"]),
            (CODEC, vec!["/dev/video10", "/dev/media0"]),
            ("/sys/devices/virtual/video4linux/video9", vec!["/dev/video9"]),
        ]
    );
    let eye = topology.device("video0").unwrap();
    assert_eq!(eye.master.as_deref(), Some(HOST));
    assert_eq!(eye.iommu, Iommu::Translating("DMA-FQ".into()));
}

#[test]
fn every_name_leads_to_its_device() {
    let topology = topology();
    for (path, names) in [
        (
            GPU,
            vec![
                GPU,
                "/dev/dri/card1",
                "card1",
                "renderD128",
                "char:226:1",
                "char:226:128",
                "/sys/class/drm/renderD128",
                "0000:00:02.0",
                "pci-0000:00:02.0",
                "/dev/dri/by-path/pci-0000:00:02.0-card",
                "driver:i915",
            ],
        ),
        (NPU, vec!["/dev/accel/accel0", "accel0", "0000:00:0b.0", "char:261:0"]),
        (CODEC, vec!["video10", "/dev/media0", "media0", "char:509:0", "codec"]),
        (
            EYE,
            vec![
                "/dev/video1",
                "char:81:1",
                "pci-0000:00:14.0-usb-0:2:1.0",
                "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index1",
                "pci-0000:00:14.0-usb-0:2:1.0-video-index0",
                "/dev/v4l/by-id/usb-Acme_Eye_4711-video-index0",
            ],
        ),
        (HOST, vec!["0000:00:14.0"]),
        ("/sys/devices/virtual/video4linux/video9", vec!["video9", "char:81:9"]),
        // Nobody opens it, and it may master DMA.
        ("/sys/devices/pci0000:00/0000:00:1c.0", vec!["0000:00:1c.0"]),
    ] {
        for name in names {
            let found = topology.device(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(&*found.path, path, "{name}");
        }
    }
    for none in [
        // It has no driver, so nobody knows what it needs.
        "0000:00:1f.0",
        // These are no nodes that take buffers.
        "v4l-subdev0",
        "card1-HDMI-A-1",
        "/dev/../../etc/passwd",
        "passwd",
        "pci-0000:00:14.0",
        "char:",
        "char:81",
        "/dev/v4l/by-path/",
        "",
    ] {
        assert!(topology.device(none).is_err(), "{none}");
    }
}

#[test]
fn a_serial_number_is_no_hint_and_in_no_snapshot() {
    let topology = topology();
    let error = topology.device("usb-Acme_Eye_4711-video-index7").unwrap_err();
    assert_eq!(error.nearest, None, "{error}");
    let seen = machine().read();
    let shared = heapq_allocator::discover::snapshot::share(&seen, &topology);
    let text = heapq_allocator::discover::snapshot::write(&shared).unwrap();
    assert!(text.contains("by-path") && !text.contains("4711"), "{text}");
}
