//! Real machines as captured: the kernels that `tests/vm` builds, on x86-64 and arm64.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod tree;

use heapq_allocator::discover::{Arch, Observation, assemble};
use heapq_allocator::{Device, Iommu, Topology, complete};
use heapq_constraints::{Constraint, Heap, Origin, Participant, Question};
use heapq_policies::PolicySet;
use std::sync::OnceLock;
use tree::Tree;

/// Unpacked and read once: creating two thousand files is what takes time here.
fn x86() -> &'static Observation {
    static SEEN: OnceLock<Observation> = OnceLock::new();
    SEEN.get_or_init(|| Tree::capture("sysfs-x86").read())
}

fn arm64() -> &'static Observation {
    static SEEN: OnceLock<Observation> = OnceLock::new();
    SEEN.get_or_init(|| Tree::capture("sysfs-arm64").read())
}

fn policies() -> PolicySet {
    heapq_policies::load(&[]).set
}

fn topology(seen: &Observation) -> Topology {
    assemble(seen, &policies(), 1).unwrap()
}

fn names(topology: &Topology) -> Vec<(&str, Vec<&str>)> {
    let heaps = topology.heaps.heaps().iter();
    heaps.map(|heap| (&*heap.name, heap.aliases.iter().map(|name| &**name).collect())).collect()
}

fn heap<'a>(topology: &'a Topology, name: &str) -> &'a Heap {
    topology.heaps.find(name).unwrap()
}

fn facts(device: &Device) -> Vec<&Constraint> {
    device.facts.iter().map(|fact| &fact.constraint).collect()
}

fn windows(heap: &Heap) -> Vec<(u64, u64)> {
    heap.address_window.as_ref().map(|windows| windows.intervals().to_vec()).unwrap_or_default()
}

#[test]
fn x86_heaps() {
    let seen = x86();
    assert_eq!((seen.arch, seen.kernel.as_deref()), (Arch::X86, Some("7.3.4-heaplab")));
    let topology = topology(seen);
    let found = names(&topology);
    assert_eq!(
        found.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["default_cma_region", "system", "udmabuf"]
    );
    let area = heap(&topology, "reserved");
    assert_eq!(&*area.name, "default_cma_region");
    assert!(area.contiguous && area.roles.iter().any(|role| &**role == "default-contiguous"));
    assert_eq!(area.capacity, Some(64 << 20));
    // cma=64M@0-4G
    assert_eq!((windows(area), area.address_bits), (vec![(0, 1 << 32)], 32));
    let system = heap(&topology, "system");
    assert!(!system.contiguous);
    assert_eq!(system.address_bits, 33);
    assert_eq!(windows(system).last(), Some(&(1 << 32, 2 << 32)));
    assert_eq!(system.origins.get("address-window"), Some(&Origin::Sysfs("/proc/iomem".into())));
}

#[test]
fn x86_devices() {
    let seen = x86();
    let topology = topology(seen);
    // One platform device, two instances with different needs.
    let contiguous = topology.device("/dev/video7").unwrap();
    assert_eq!(contiguous.names[0].as_ref(), "vivid-000-vid-cap");
    assert_eq!(contiguous.driver.as_deref(), Some("vivid"));
    assert_eq!(contiguous.iommu, Iommu::None);
    let several = topology.device("driver:vivid").unwrap_err();
    let nodes = &several.bearers;
    assert!(nodes.len() > 1 && nodes.iter().any(|node| **node == *contiguous.nodes[0]));
    assert!(several.to_string().starts_with("\"driver:vivid\" may be any of "), "{several}");
    let bochs = topology.device("card3").unwrap();
    assert_eq!(&*bochs.path, "/sys/devices/pci0000:00/0000:00:01.0");
    assert_eq!(bochs.iommu, Iommu::Translating("DMA-FQ".into()));
    // 32 bits of mask, but the IOMMU translates.
    assert_eq!(bochs.dma_mask_bits, Some(32));
    assert_eq!(facts(bochs), [&Constraint::DmaCoherent(true)]);
    let gpu = topology.device("renderD129").unwrap();
    assert_eq!(gpu.driver.as_deref(), Some("virtio-pci"));
    assert!(gpu.nodes.iter().any(|node| &**node == "/dev/dri/card2"));
    for name in ["0000:00:02.0", "/sys/class/drm/card2", "/dev/dri/card2"] {
        assert_eq!(topology.device(name).unwrap(), gpu, "{name}");
    }
    // Faux devices, which the capture holds by their links only.
    assert_eq!(&*topology.device("card1").unwrap().path, "/sys/devices/faux/vkms");
    let unknown = topology.device("vidoe7").unwrap_err();
    assert_eq!((unknown.bearers.len(), unknown.nearest.as_deref()), (0, Some("video7")));
}

#[test]
fn x86_module_parameters_reach_the_rules() {
    let seen = x86();
    let topology = topology(seen);
    let needs_contiguous = |node: &str| {
        let mut participant = Participant::new("camera");
        participant.device = Some(node.into());
        let question = Question { participants: vec![participant], request: Default::default() };
        let question = complete(question, &topology, &policies()).unwrap();
        let facts = &question.participants[0].facts;
        assert!(!facts.iter().any(|fact| fact.constraint == Constraint::Unknown(true)), "{node}");
        facts.iter().any(|fact| fact.constraint == Constraint::Contiguous(true))
    };
    // vivid.allocators=1,0
    let node_of = |label: &str| {
        let device = seen.devices.iter().find(|one| one.names.iter().any(|name| &**name == label));
        device.unwrap().nodes[0].to_string()
    };
    assert!(needs_contiguous(&node_of("vivid-000-vid-cap")));
    assert!(!needs_contiguous(&node_of("vivid-001-vid-cap")));
}

#[test]
fn rules_for_every_name_of_a_pool_count_and_the_later_wins_key_by_key() {
    let dir = tempfile::tempdir().unwrap();
    let rules = "[[heap]]\nname = \"linux,cma\"\ncapacity = 5\nweight = 1\n\
                 [[heap]]\nname = \"reserved\"\nweight = 2\n";
    std::fs::write(dir.path().join("90-local.toml"), rules).unwrap();
    let policies = heapq_policies::load(&[dir.path().to_owned()]).set;
    // The one shows the area as `linux,cma` too, the other as `reserved`; an alias that the
    // machine does not show is one all the same.
    for seen in [arm64(), x86()] {
        let topology = assemble(seen, &policies, 1).unwrap();
        let area = heap(&topology, "default_cma_region");
        assert_eq!((area.capacity, area.weight), (Some(5), 2), "{:?}", seen.arch);
        assert!(area.contiguous && area.roles.iter().any(|role| &**role == "default-contiguous"));
    }
}

#[test]
fn arm64_heaps() {
    let seen = arm64();
    assert_eq!(seen.arch, Arch::Arm64);
    let topology = topology(seen);
    let found: Vec<&str> = topology.heaps.heaps().iter().map(|heap| &*heap.name).collect();
    let expected = [
        "camera-pool@50000000",
        "default_cma_region",
        "pool@53000000",
        "pool@54000000",
        "secure-heap",
        "system",
        "udmabuf",
        "vpu-pool@52000000",
    ];
    assert_eq!(found, expected);
    let area = heap(&topology, "linux,cma");
    assert_eq!(&*area.name, "default_cma_region");
    assert_eq!(area.capacity, Some(64 << 20));
    let camera = heap(&topology, "camera-pool@50000000");
    assert!(camera.contiguous && camera.reserved_for.is_empty());
    assert_eq!(windows(camera), [(0x5000_0000, 0x5200_0000)]);
    assert_eq!(camera.capacity, Some(32 << 20));
    let origin = camera.origins.get("contiguous");
    assert_eq!(origin, Some(&Origin::Sysfs("/sys/kernel/mm/cma/camera-pool@50000000".into())));
}

#[test]
fn arm64_devices() {
    let seen = arm64();
    let topology = topology(seen);
    let translated = topology.device("/soc@5a000000/vpu@3000").unwrap();
    assert_eq!(translated.driver.as_deref(), Some("hantro-vpu"));
    assert_eq!(translated.compatible[0].as_ref(), "rockchip,px30-vpu");
    assert_eq!(translated.iommu, Iommu::Translating("DMA".into()));
    assert!(facts(translated).contains(&&Constraint::DmaCoherent(false)));
    let plain = topology.device("video0").unwrap();
    assert_eq!(plain.iommu, Iommu::None);
    // The bus above it reaches the first 512 MiB of RAM only.
    let limited = topology.device("video6").unwrap();
    let window = facts(limited).into_iter().find_map(|fact| match fact {
        Constraint::AddressWindow(windows) => Some(windows.intervals().to_vec()),
        _ => None,
    });
    assert_eq!(window, Some(vec![(0x4000_0000, 0x6000_0000)]));
    // No driver is bound to the camera, whose node alone says that it is coherent.
    assert!(topology.device("/soc@5a000000/isp@11000").is_err());
}

#[test]
fn heap_links_that_are_added_are_followed() {
    let tree = Tree::capture("sysfs-arm64");
    let soc = "/sys/devices/platform/soc@5a000000";
    tree.link(
        &format!("{soc}/5a001000.vpu/dma_heap"),
        "../../../virtual/dma_heap/vpu-pool@52000000",
    );
    for name in ["pool@53000000", "pool@54000000"] {
        tree.link(
            &format!("{soc}/5a002000.vpu/dma_heap/{name}"),
            &format!("../../../../virtual/dma_heap/{name}"),
        );
    }
    tree.link(&format!("{soc}/5a003000.vpu/dma_heap"), "../../../../../etc/passwd");
    let topology = topology(&tree.read());
    let link = |device: &str| {
        let device = topology.device(device).unwrap();
        let fact =
            device.facts.iter().find(|fact| matches!(fact.constraint, Constraint::Link(_)))?;
        let Constraint::Link(heaps) = &fact.constraint else { return None };
        Some((heaps.iter().map(|heap| heap.to_string()).collect::<Vec<_>>(), fact.origin.clone()))
    };
    let (heaps, origin) = link("video0").unwrap();
    assert_eq!(heaps, ["vpu-pool@52000000"]);
    assert_eq!(origin, Origin::Sysfs(format!("{soc}/5a001000.vpu/dma_heap").into()));
    let (heaps, origin) = link("video2").unwrap();
    assert_eq!(heaps, ["pool@53000000", "pool@54000000"]);
    assert_eq!(origin, Origin::Sysfs(format!("{soc}/5a002000.vpu/dma_heap").into()));
    assert_eq!(link("video4"), None);
    assert!(topology.warnings.iter().any(|text| text.contains("which is no heap")));
}

#[test]
fn a_capture_is_a_snapshot_and_back() {
    for seen in [x86(), arm64()] {
        let text = heapq_allocator::discover::snapshot::write(seen).unwrap();
        let again = heapq_allocator::discover::snapshot::read(&text).unwrap();
        assert_eq!(topology(&again).heaps.heaps(), topology(seen).heaps.heaps());
        assert_eq!(again.devices.len(), seen.devices.len());
    }
}
