//! One tree as a blob and as the directories of a running machine: both must say the same.

use crate::writer::Writer;
use crate::{device, policies, read};
use heapq_allocator::Iommu;
use heapq_allocator::discover::{Observation, assemble, sysfs};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A platform device with a driver and a node in the tree.
fn bound(root: &Path, name: &str, driver: &str, node: &str) {
    let path = root.join("sys/devices/platform").join(name);
    fs::create_dir_all(&path).unwrap();
    let link = |text: &str, at: &str| symlink(text, path.join(at)).unwrap();
    link("../../../bus/platform", "subsystem");
    link(&format!("../../../bus/platform/drivers/{driver}"), "driver");
    link(&format!("../../../firmware/devicetree/base{node}"), "of_node");
    let bus = root.join("sys/bus/platform/devices");
    fs::create_dir_all(&bus).unwrap();
    symlink(format!("../../../devices/platform/{name}"), bus.join(name)).unwrap();
}

fn tree(root: &Path) -> Vec<u8> {
    let mut tree = Writer::mirrored(root, 2, 1);
    tree.begin("memory@0").text("device_type", "memory").cells("reg", &[0, 0, 0x4000_0000]).end();
    tree.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[1]);
    tree.flag("ranges").begin("camera@1000").text("compatible", "shared-dma-pool");
    tree.flag("reusable").cells("reg", &[0, 0x1000, 0x1000]).end().end();
    tree.begin("display-subsystem").text("compatible", "rockchip,display-subsystem");
    tree.cells("ports", &[1]).end();
    tree.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    tree.flag("dma-ranges").begin("bus").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    tree.cells("dma-ranges", &[0xc000_0000, 0x1000, 0x3000_0000]).flag("dma-coherent");
    tree.cells("phandle", &[7]).cells("#interconnect-cells", &[0]).end();
    tree.begin("vop@1")
        .text("compatible", "rockchip,rk3588-vop|made,vop")
        .cells("interconnects", &[7]);
    tree.text("interconnect-names", "dma-mem").begin("ports").begin("port").cells("phandle", &[1]);
    tree.end().end().end().end();
    tree.finish()
}

#[test]
fn directories_and_blobs_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let blob = read(&tree(dir.path()));
    bound(dir.path(), "display-subsystem", "rockchip-drm", "/display-subsystem");
    bound(dir.path(), "1.vop", "rockchip-vop2", "/soc/vop@1");
    let live = sysfs::read(dir.path(), policies()).unwrap();
    let general =
        |seen: &Observation| (seen.arch, seen.board.clone(), seen.pools.clone(), seen.dma_reach);
    assert_eq!(general(&live), general(&blob));
    let [ours, theirs] = ["/soc/vop@1", "/sys/devices/platform/1.vop"];
    let (described, found) = (device(&blob, ours), device(&live, theirs));
    assert_eq!(described.dma_window.as_ref().unwrap().windows.intervals(), [(0x1000, 0x3000_1000)]);
    assert_eq!(found.dma_window, described.dma_window);
    assert_eq!((found.dma_coherent, described.dma_coherent), (Some(true), Some(true)));
    assert_eq!(found.compatible, described.compatible);
    assert_eq!(device(&blob, "/display-subsystem").master.as_deref(), Some(ours));
    let display = device(&live, "/sys/devices/platform/display-subsystem");
    assert_eq!(display.master.as_deref(), Some(theirs));
}

#[test]
fn a_running_displays_iommu_is_its_scanout_engines() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    bound(dir.path(), "display-subsystem", "rockchip-drm", "/display-subsystem");
    bound(dir.path(), "1.vop", "rockchip-vop2", "/soc/vop@1");
    let group = dir.path().join("sys/kernel/iommu_groups/0");
    fs::create_dir_all(&group).unwrap();
    fs::write(group.join("type"), "DMA-FQ\n").unwrap();
    let vop = dir.path().join("sys/devices/platform/1.vop");
    symlink("../../../kernel/iommu_groups/0", vop.join("iommu_group")).unwrap();
    let live = sysfs::read(dir.path(), policies()).unwrap();
    let topology = assemble(&live, policies(), 1).unwrap();
    let display = topology.device("/display-subsystem").unwrap();
    assert_eq!(display.iommu, Iommu::Translating("DMA-FQ".into()));
}
