//! Heaps, memory and devices of a board that is known by its devicetree alone.

use crate::writer::Writer;
use crate::{device, policies, read};
use heapq_allocator::discover::{Arch, Observation, assemble};
use heapq_allocator::{Topology, complete};
use heapq_constraints::{Constraint, Origin, Participant, Question};

fn topology(seen: &Observation) -> Topology {
    assemble(seen, policies(), 1).unwrap()
}

fn places(topology: &Topology, heap: &str) -> Vec<(u64, u64)> {
    let heap = topology.heaps.find(heap).unwrap();
    heap.address_window.as_ref().map(|window| window.intervals().to_vec()).unwrap_or_default()
}

fn reserved(tree: &mut Writer) -> &mut Writer {
    tree.begin("reserved-memory").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    tree.flag("ranges")
}

fn pool<'a>(tree: &'a mut Writer, name: &str, flags: &[&str]) -> &'a mut Writer {
    tree.begin(name).text("compatible", "shared-dma-pool");
    flags.iter().for_each(|flag| {
        tree.flag(flag);
    });
    tree
}

#[test]
fn reusable_pools_become_heaps_and_no_others() {
    let mut tree = Writer::board(1, 1);
    tree.begin("memory@0").text("device_type", "memory").cells("reg", &[0, 0x8000_0000]).end();
    reserved(&mut tree);
    pool(&mut tree, "linux,cma", &["reusable", "linux,cma-default"]);
    tree.cells("size", &[0x400_0000]).cells("alloc-ranges", &[0, 0x4000_0000]).end();
    pool(&mut tree, "camera@50000000", &["reusable"]);
    tree.cells("reg", &[0x5000_0000, 0x10_0000, 0x6000_0000, 0x10_0000]).end();
    pool(&mut tree, "kept@51000000", &[]).cells("reg", &[0x5100_0000, 0x10_0000]).end();
    pool(&mut tree, "hidden@52000000", &["reusable", "no-map"]).end();
    pool(&mut tree, "off@53000000", &["reusable"]).text("status", "disabled").end();
    tree.begin("plain@54000000").cells("reg", &[0x5400_0000, 0x1000]).flag("reusable").end().end();
    let seen = read(&tree.finish());
    assert_eq!(seen.arch, Arch::Arm64);
    let names: Vec<&str> = seen.heaps.iter().map(|heap| &*heap.name).collect();
    assert_eq!(names, ["camera@50000000", "default_cma_region", "linux,cma", "system"]);
    let topology = topology(&seen);
    let area = topology.heaps.find("linux,cma").unwrap();
    assert_eq!((&*area.name, area.capacity), ("default_cma_region", Some(0x400_0000)));
    assert_eq!(places(&topology, "linux,cma"), [(0, 0x4000_0000)]);
    // Of several entries the kernel takes the first.
    assert_eq!(places(&topology, "camera@50000000"), [(0x5000_0000, 0x5010_0000)]);
    assert_eq!(places(&topology, "system"), [(0, 0x8000_0000)]);
    let origin = topology.heaps.find("system").unwrap().origins.get("address-window");
    assert_eq!(origin, Some(&Origin::Devicetree("/memory@0".into())));
}

#[test]
fn a_reserved_memory_unlike_the_root_is_ignored_as_the_kernel_does() {
    let mut tree = Writer::board(2, 2);
    pool(reserved(&mut tree), "camera@5", &["reusable"]).cells("reg", &[5, 0x1000]).end().end();
    let seen = read(&tree.finish());
    assert!(seen.pools.is_empty());
    assert!(seen.warnings.iter().any(|text| text.contains("unlike the root's")));
}

#[test]
fn a_default_area_of_the_kernels_lies_below_what_all_buses_reach() {
    for (memory, reach, expected) in [
        (Some([0x4000_0000, 0x8000_0000]), None, (0x4000_0000, 0xc000_0000)),
        (Some([0, 0x8000_0000]), Some([0, 0, 0x3000_0000]), (0, 0x3000_0000)),
        // The boot loader says where RAM is; it is where the bus reaches.
        (None, Some([0, 0x4000_0000, 0xc000_0000]), (0x4000_0000, 1 << 32)),
        (None, None, (0, 1 << 32)),
    ] {
        let mut tree = Writer::board(1, 1);
        if let Some(reg) = memory {
            tree.begin("memory@0").text("device_type", "memory").cells("reg", &reg).end();
        }
        tree.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
        if let Some(ranges) = reach {
            tree.cells("dma-ranges", &ranges);
        }
        tree.begin("off").cells("dma-ranges", &[0, 0, 0x1000]).text("status", "disabled").end();
        let seen = read(&tree.end().finish());
        assert_eq!(
            places(&topology(&seen), "default_cma_region"),
            [expected],
            "{memory:?} {reach:?}"
        );
        let told =
            seen.warnings.iter().any(|text| text.contains("the boot loader says where RAM is"));
        assert_eq!(told, memory.is_none());
    }
}

#[test]
fn the_command_line_in_the_tree_counts() {
    let mut tree = Writer::board(1, 1);
    tree.begin("chosen").text("bootargs", "quiet cma=64M@0-1G").end();
    pool(reserved(&mut tree), "linux,cma", &["reusable", "linux,cma-default"]).end().end();
    let topology = topology(&read(&tree.finish()));
    assert_eq!(places(&topology, "default_cma_region"), [(0, 0x4000_0000)]);
}

#[test]
fn devices_are_named_by_path_and_alias_be_they_in_use_or_not() {
    let mut tree = Writer::board(1, 1);
    tree.begin("aliases").text("video0", "/soc/csi@1").end();
    tree.begin("soc").text("status", "disabled").node("csi@1", "brcm,bcm2835-unicam");
    tree.begin("i2c@2").text("compatible", "made,i2c").cells("#address-cells", &[1]);
    tree.cells("#size-cells", &[0]).node("sensor@10", "made,sensor").end();
    tree.begin("pcie@3").text("compatible", "made,pcie").text("device_type", "pci");
    tree.begin("nic@0").text("compatible", "pci14e4,1").end().end().end();
    tree.begin("cpus-are-no-devices").end();
    let seen = read(&tree.finish());
    let paths: Vec<&str> = seen.devices.iter().map(|device| &*device.path).collect();
    assert_eq!(paths, ["/soc/csi@1", "/soc/i2c@2", "/soc/pcie@3"]);
    assert!(device(&seen, "/soc/csi@1").disabled);
    let topology = topology(&seen);
    for name in ["/soc/csi@1", "csi@1", "video0"] {
        assert_eq!(&*topology.device(name).unwrap().path, "/soc/csi@1", "{name}");
    }
    assert!(topology.knows(topology.device("video0").unwrap(), policies()));
    assert!(!topology.knows(topology.device("i2c@2").unwrap(), policies()));
    let nearest = topology.device("/soc/csi@2").unwrap_err().nearest;
    assert_eq!(nearest.as_deref(), Some("/soc/csi@1"));
}

#[test]
fn what_nothing_describes_is_unknown_by_its_node() {
    let mut tree = Writer::board(1, 1);
    let topology = topology(&read(&tree.node("mystery", "made,mystery").finish()));
    let mut participant = Participant::new("who");
    participant.device = Some("/mystery".into());
    let question = Question { participants: vec![participant], ..Question::default() };
    let question = complete(question, &topology, policies()).unwrap();
    let mut facts = question.participants[0].facts.iter();
    let unknown = facts.find(|fact| fact.constraint == Constraint::Unknown(true)).unwrap();
    assert_eq!(unknown.origin, Origin::Devicetree("/mystery".into()));
}

#[test]
fn masters_are_found_across_nodes() {
    let mut tree = Writer::board(1, 1);
    tree.begin("iommu").text("compatible", "rockchip,iommu").cells("phandle", &[9]).end();
    tree.begin("display-subsystem").text("compatible", "rockchip,display-subsystem");
    tree.cells("ports", &[1, 2]).end();
    tree.begin("vop@1").text("compatible", "rockchip,rk3399-vop-big").cells("iommus", &[9]);
    tree.begin("port").cells("phandle", &[1]).end().end();
    tree.begin("vop@2").text("compatible", "rockchip,rk3399-vop-lit");
    tree.begin("ports").begin("port").cells("phandle", &[2]).end().end().end();
    tree.begin("gpu").text("compatible", "brcm,bcm2711-vc5").end();
    tree.begin("soc").node("hvs@3", "brcm,bcm2711-hvs").end();
    tree.begin("de").text("compatible", "allwinner,sun50i-a64-display-engine");
    tree.cells("allwinner,pipelines", &[3, 4]).end();
    tree.begin("mixer@3").cells("phandle", &[3]).text("compatible", "x").text("status", "disabled");
    tree.end().begin("mixer@4").cells("phandle", &[4]).text("compatible", "x").end();
    tree.begin("vsp@5").text("compatible", "renesas,vsp2").cells("renesas,fcp", &[77]).end();
    let seen = read(&tree.finish());
    let master = |path: &str| device(&seen, path).master.as_deref();
    // Of two, the one without an IOMMU: it decides what memory will do.
    assert_eq!(master("/display-subsystem"), Some("/vop@2"));
    assert_eq!(master("/gpu"), Some("/soc/hvs@3"));
    assert_eq!(master("/de"), Some("/mixer@4"));
    assert_eq!(master("/vsp@5"), None);
    assert!(seen.warnings.iter().any(|text| text.contains("renesas,fcp names phandle 0x4d")));
}
