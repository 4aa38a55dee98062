//! Machines that tests make up: what is odd, hostile or rare on real ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod tree;

use heapq_allocator::discover::assemble;
use heapq_allocator::{Iommu, Observation, Topology};
use heapq_constraints::{Constraint, Heap};
use tree::Tree;

fn topology(seen: &Observation) -> Topology {
    assemble(seen, &heapq_policies::load(&[]).set, 1).unwrap()
}

fn windows(heap: &Heap) -> Option<Vec<(u64, u64)>> {
    heap.address_window.as_ref().map(|windows| windows.intervals().to_vec())
}

#[test]
fn small_guests_have_all_their_memory_within_32_bits() {
    let tree = Tree::new("x86_64");
    tree.heap("system");
    tree.heap("default_cma_region");
    tree.heap("reserved");
    tree.cma("reserved", 16384);
    tree.ram(&[(0x1000, 0x9fc00), (0x10_0000, 0x2000_0000)]);
    let topology = topology(&tree.read());
    for name in ["system", "default_cma_region"] {
        assert_eq!(topology.heaps.find(name).unwrap().address_bits, 29, "{name}");
    }
}

#[test]
fn on_x86_with_more_than_4_gib_nobody_knows_where_the_area_lies() {
    let tree = Tree::new("x86_64");
    tree.heap("default_cma_region");
    tree.ram(&[(0x10_0000, 0xc000_0000), (1 << 32, 0x1_c000_0000)]);
    tree.file("/CMDLINE", "quiet cma=64M");
    assert_eq!(topology(&tree.read()).heaps.heaps()[0].address_bits, 33);
    tree.file("/CMDLINE", "quiet cma=64M@0-4G");
    let placed = topology(&tree.read());
    assert_eq!(windows(&placed.heaps.heaps()[0]), Some(vec![(0, 1 << 32)]));
    // Where nobody says where RAM is, buffers may lie anywhere.
    tree.file("/CMDLINE", "quiet");
    tree.remove("/proc/iomem");
    let unknown = topology(&tree.read());
    let area = &unknown.heaps.heaps()[0];
    assert_eq!((windows(area), area.address_bits), (None, 64));
}

#[test]
fn debugfs_says_where_an_area_lies_to_whoever_may_look() {
    let tree = Tree::new("x86_64");
    tree.heap("default_cma_region");
    tree.ram(&[(0x10_0000, 0xc000_0000), (1 << 32, 0x1_c000_0000)]);
    tree.file("/CMDLINE", "quiet cma=64M@0-4G");
    tree.cma("reserved", 16384);
    let shown = "/sys/kernel/debug/cma/reserved";
    tree.file(&format!("{shown}/base_pfn"), "720896\n");
    let exact = Some(vec![(0xb000_0000, 0xb400_0000)]);
    let read = || topology(&tree.read()).heaps.heaps()[0].clone();
    assert_eq!((windows(&read()), read().address_bits), (exact.clone(), 32));
    assert_eq!(
        read().origins["address-window"].to_string(),
        "/sys/kernel/debug/cma/reserved/base_pfn"
    );
    // Kernels without CONFIG_CMA_SYSFS show the size there too.
    tree.remove("/sys/kernel/mm");
    tree.file(&format!("{shown}/count"), "16384\n");
    assert_eq!((windows(&read()), read().capacity), (exact.clone(), Some(64 << 20)));
    tree.file(&format!("{shown}/ranges/0/base_pfn"), "720896\n");
    assert_eq!(windows(&read()), exact);
    // Of an area in parts nobody says where each ends.
    tree.file(&format!("{shown}/ranges/1/base_pfn"), "1048576\n");
    assert_eq!(windows(&read()), Some(vec![(0, 1 << 32)]));
    for odd in ["", "x", "-1", "18446744073709551615", "4503599627370495"] {
        tree.remove(&format!("{shown}/ranges"));
        tree.file(&format!("{shown}/ranges/0/base_pfn"), odd);
        tree.file(&format!("{shown}/base_pfn"), odd);
        assert_eq!(windows(&read()), Some(vec![(0, 1 << 32)]), "{odd}");
    }
}

#[test]
fn memory_that_is_shared_with_the_host_or_protected_is_what_the_names_say() {
    let tree = Tree::new("x86_64");
    let names = ["system", "system_cc_shared", "protected,secure-video", "protected,trusted-ui"];
    names.iter().for_each(|name| tree.heap(name));
    let topology = topology(&tree.read());
    let seen = names.map(|name| {
        let heap = topology.heaps.find(name).unwrap();
        let roles: Vec<String> = heap.roles.iter().map(ToString::to_string).collect();
        (heap.contiguous, heap.protected, heap.access.sync, roles.join(" "))
    });
    assert_eq!(
        seen,
        [
            (false, false, true, "default".to_owned()),
            (false, false, true, String::new()),
            (true, true, false, "protected-video".to_owned()),
            (true, true, false, "protected-ui".to_owned()),
        ]
    );
}

#[test]
fn zones_say_where_ram_is_when_iomem_is_for_root_only() {
    let tree = Tree::new("x86_64");
    tree.heap("system");
    tree.file("/proc/iomem", "00000000-00000000 : System RAM\n");
    tree.file(
        "/proc/zoneinfo",
        "Node 0, zone DMA32\n  spanned 131072\n  present 131000\n  start_pfn: 0\n",
    );
    assert_eq!(topology(&tree.read()).heaps.heaps()[0].address_bits, 29);
}

#[test]
fn on_arm64_the_kernel_keeps_its_area_below_4_gib_or_below_the_tightest_bus() {
    let tree = Tree::new("aarch64");
    tree.heap("default_cma_region");
    tree.heap("reserved");
    tree.ram(&[(0x4000_0000, 0x2_0000_0000)]);
    let below = topology(&tree.read());
    assert_eq!(windows(&below.heaps.heaps()[0]), Some(vec![(0x4000_0000, 1 << 32)]));
    let base = "/sys/firmware/devicetree/base";
    tree.file(&format!("{base}/#address-cells"), 2_u32.to_be_bytes());
    tree.file(&format!("{base}/soc/#address-cells"), 1_u32.to_be_bytes());
    tree.file(&format!("{base}/soc/#size-cells"), 1_u32.to_be_bytes());
    let cells: [u32; 4] = [0x4000_0000, 0, 0x4000_0000, 0x4000_0000];
    let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
    tree.file(&format!("{base}/soc/dma-ranges"), bytes);
    let tight = topology(&tree.read());
    assert_eq!(windows(&tight.heaps.heaps()[0]), Some(vec![(0x4000_0000, 0x8000_0000)]));
    // RAM that begins above 4 GiB: the kernel then sets no limit.
    tree.ram(&[(0x80_0000_0000, 0x81_0000_0000)]);
    let high = topology(&tree.read());
    assert_eq!(windows(&high.heaps.heaps()[0]), Some(vec![(0x80_0000_0000, 0x81_0000_0000)]));
}

#[test]
fn before_6_17_the_area_has_one_name() {
    let tree = Tree::new("aarch64");
    tree.file("/UNAME", "Linux host 6.12.107 #1 x aarch64 GNU/Linux");
    tree.heap("linux,cma");
    tree.heap("system");
    let base = "/sys/firmware/devicetree/base/reserved-memory/linux,cma";
    tree.file(&format!("{base}/compatible"), "shared-dma-pool\0");
    tree.file(&format!("{base}/reusable"), "");
    tree.file(&format!("{base}/linux,cma-default"), "");
    let topology = topology(&tree.read());
    let area = topology.heaps.find("linux,cma").unwrap();
    assert!(area.contiguous);
    assert!(area.roles.iter().any(|role| &**role == "default-contiguous"));
    assert_eq!(topology.heaps.heaps().len(), 2);
}

#[test]
fn a_heap_that_nobody_describes_is_for_nobody() {
    let tree = Tree::new("x86_64");
    tree.heap("vendor-secret");
    let topology = topology(&tree.read());
    let heap = &topology.heaps.heaps()[0];
    assert_eq!(heap.reserved_for.len(), 1);
    assert!(heap.origins.contains_key("reserved-for"));
}

#[test]
fn a_heap_without_its_node_is_absent() {
    let tree = Tree::new("x86_64");
    tree.heap("system");
    tree.remove("/dev/dma_heap/system");
    let seen = tree.read();
    assert!(!topology(&seen).heaps.heaps()[0].present);
    assert!(seen.warnings.iter().any(|text| text.contains("/dev/dma_heap/system")));
}

#[test]
fn the_dma_of_a_usb_camera_is_its_controllers() {
    let tree = Tree::new("x86_64");
    let controller = "/sys/devices/pci0000:00/0000:00:14.0";
    tree.device(controller, "pci", "xhci_hcd");
    tree.file(&format!("{controller}/dma_mask_bits"), "64\n");
    tree.iommu(controller, 3, "DMA-FQ");
    let interface = format!("{controller}/usb1/1-2/1-2:1.0");
    tree.device(&interface, "usb", "uvcvideo");
    tree.video(&interface, "video0", "Webcam: Webcam");
    tree.video(&interface, "video1", "Webcam: Webcam");
    tree.link(&format!("{interface}/dma_heap"), "../../../../../virtual/dma_heap/own");
    tree.link(&format!("{controller}/dma_heap"), "../../virtual/dma_heap/hosts");
    let topology = topology(&tree.read());
    let camera = topology.device("driver:uvcvideo").unwrap();
    assert_eq!(camera.nodes.len(), 2);
    assert_eq!(camera.master.as_deref(), Some(controller));
    assert_eq!(camera.iommu, Iommu::Translating("DMA-FQ".into()));
    let links: Vec<_> = camera
        .facts
        .iter()
        .filter_map(|fact| match &fact.constraint {
            Constraint::Link(heaps) => Some(heaps[0].to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(links, ["own", "hosts"]);
}

#[test]
fn a_pci_mask_counts_where_a_driver_set_it_and_nothing_translates() {
    let tree = Tree::new("x86_64");
    let path = "/sys/devices/pci0000:00/0000:00:03.0";
    tree.device(path, "pci", "grabber");
    tree.file(&format!("{path}/dma_mask_bits"), "32\n");
    tree.iommu(path, 1, "identity");
    let bits = |topology: &Topology| {
        topology.device("0000:00:03.0").unwrap().facts.iter().find_map(|fact| {
            match fact.constraint {
                Constraint::AddressBits(bits) => Some((bits, fact.origin.to_string())),
                _ => None,
            }
        })
    };
    let shown = topology(&tree.read());
    assert_eq!(bits(&shown), Some((32, format!("{path}/dma_mask_bits"))));
    tree.file("/sys/kernel/iommu_groups/1/type", "DMA\n");
    assert_eq!(bits(&topology(&tree.read())), None);
    // Garbage, and numbers of bits that there are not.
    for odd in ["", "x", "0", "65", "-1", "99999999999999999999"] {
        tree.file("/sys/kernel/iommu_groups/1/type", "identity\n");
        tree.file(&format!("{path}/dma_mask_bits"), odd);
        assert_eq!(bits(&topology(&tree.read())), None, "{odd}");
    }
    // Without a driver, 32 is what the core put there.
    tree.file(&format!("{path}/dma_mask_bits"), "32\n");
    tree.remove(&format!("{path}/driver"));
    assert!(topology(&tree.read()).device("0000:00:03.0").is_err());
}

#[test]
fn what_is_odd_is_warned_of_and_the_rest_goes_on() {
    let tree = Tree::new("x86_64");
    tree.heap("system");
    tree.device("/sys/devices/platform/cam.0", "platform", "cam");
    tree.video("/sys/devices/platform/cam.0", "video0", "cam");
    tree.link("/sys/class/video4linux/video1", "/etc");
    tree.link("/sys/class/video4linux/video2", "video2");
    tree.link("/sys/class/video4linux/video3", "../../../../../../../../etc/shadow");
    tree.file("/sys/class/drm/card0/dev", "a directory where a link should be");
    tree.link("/sys/devices/platform/cam.0/iommu_group", "../../../../etc");
    tree.file("/sys/kernel/mm/cma/reserved/total_pages", b"\xff\xff");
    tree.link("/sys/devices/platform/cam.0/loop", "loop");
    let seen = tree.read();
    let topology = topology(&seen);
    assert_eq!(topology.device("video0").unwrap().iommu, Iommu::None);
    for part in ["video1", "video2", "video3", "card0", "iommu_group", "total_pages"] {
        assert!(
            seen.warnings.iter().any(|text| text.contains(part)),
            "{part}: {:?}",
            seen.warnings
        );
    }
    assert_eq!(topology.devices.len(), 1);
}

#[test]
fn warnings_are_bounded() {
    let tree = Tree::new("x86_64");
    for n in 0..500 {
        tree.link(&format!("/sys/class/video4linux/video{n}"), "/etc");
    }
    assert!(tree.read().warnings.len() <= 100);
}

#[test]
fn a_place_without_sys_is_no_machine() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        heapq_allocator::discover::sysfs::read(dir.path(), &heapq_policies::load(&[]).set).is_err()
    );
}

#[test]
fn the_running_machine_can_be_read() {
    let root = std::path::Path::new("/");
    if root.join("sys/devices").is_dir() {
        let seen =
            heapq_allocator::discover::sysfs::read(root, &heapq_policies::load(&[]).set).unwrap();
        let topology = topology(&seen);
        assert!(!topology.release.is_empty());
    }
}

#[test]
fn a_machine_with_too_many_heaps_does_without_some() {
    let mut text = String::new();
    for number in 0..140 {
        let name = format!("pool-{number:03}");
        text += &format!("[[heap]]\nname = \"{name}\"\npath = \"/sys/{name}\"\nnode = true\n");
    }
    text += "[[heap]]\nname = \"system\"\npath = \"/sys/system\"\nnode = true\n";
    let topology = topology(&heapq_allocator::discover::snapshot::read(&text).unwrap());
    assert_eq!(topology.heaps.heaps().len(), 128);
    // Nobody describes the pools; nobody would get them.
    assert!(topology.heaps.find("system").is_some());
    let warned = topology.warnings.concat();
    assert!(warned.contains("13 heaps from pool-127 on are left out"), "{warned}");
}
