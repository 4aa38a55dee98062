//! A /sys in which any attribute may hold anything, be a directory, or lead anywhere.

use heapq_allocator::discover::sysfs;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Where discovery looks, and what makes a path of it.
const PATHS: [&str; 40] = [
    "UNAME",
    "CMDLINE",
    "dev/dma_heap/system",
    "dev/video0",
    "etc/machine-id",
    "proc/cmdline",
    "proc/iomem",
    "proc/version",
    "proc/sys/kernel/osrelease",
    "sys/bus/platform/drivers/vivid",
    "sys/class/accel/accel0",
    "sys/class/dma_heap/default_cma_region",
    "sys/class/dma_heap/system",
    "sys/class/dma_heap/system/dev",
    "sys/class/dmi/id/modalias",
    "sys/class/drm/card0",
    "sys/class/drm/renderD128",
    "sys/class/iommu/smmu0",
    "sys/class/video4linux/video0",
    "sys/class/video4linux/video1",
    "sys/devices/pci0/dma_mask_bits",
    "sys/devices/pci0/driver",
    "sys/devices/pci0/drm/card0/device",
    "sys/devices/pci0/drm/card0/subsystem",
    "sys/devices/pci0/iommu_group",
    "sys/devices/pci0/modalias",
    "sys/devices/platform/cam/dma_heap",
    "sys/devices/platform/cam/dma_heap/system",
    "sys/devices/platform/cam/driver",
    "sys/devices/platform/cam/of_node",
    "sys/devices/platform/cam/video4linux/video0/device",
    "sys/devices/platform/cam/video4linux/video0/name",
    "sys/firmware/devicetree/base/compatible",
    "sys/firmware/devicetree/base/cam/compatible",
    "sys/firmware/devicetree/base/cam/memory-region",
    "sys/firmware/devicetree/base/reserved-memory/pool@1/reg",
    "sys/kernel/iommu_groups/0/type",
    "sys/kernel/mm/cma/reserved/total_pages",
    "sys/module/vivid/parameters/allocators",
    "run/udev/data/c81:0",
];

/// Records of a place, a kind and contents, each with a byte that says how long it is.
pub(super) fn run(mut bytes: &[u8]) {
    let Ok(root) = tempfile::tempdir() else { return };
    while let [place, kind, length, rest @ ..] = bytes {
        let (contents, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        make(root.path(), usize::from(*place), *kind, contents);
        bytes = rest;
    }
    if let Ok(seen) = sysfs::read(root.path(), &super::board::POLICIES) {
        super::board::ask(&seen);
    }
}

/// What cannot be made, for want of a directory above or for a name with a zero in it, is left out.
fn make(root: &Path, place: usize, kind: u8, contents: &[u8]) {
    let Some(path) = PATHS.get(place % PATHS.len()).map(|path| root.join(path)) else { return };
    let _ = path.parent().map(fs::create_dir_all);
    let _ = match kind % 4 {
        0 => symlink(OsStr::from_bytes(contents), &path),
        // A link that stays inside, to a place that may exist.
        1 => {
            let other = contents.first().copied().map_or(0, usize::from) % PATHS.len();
            symlink(PATHS.get(other).map(|other| root.join(other)).unwrap_or_default(), &path)
        }
        2 => fs::create_dir_all(path.join(OsStr::from_bytes(contents))),
        _ => fs::write(&path, contents),
    };
}

/// A camera with a heap, and one with links in a circle.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let place = |path: &str| PATHS.iter().position(|known| *known == path).unwrap_or_default();
    let record = |path: &str, kind: u8, contents: &[u8]| {
        let length = u8::try_from(contents.len()).unwrap_or(u8::MAX);
        let place = u8::try_from(place(path)).unwrap_or_default();
        [&[place, kind, length], contents].concat()
    };
    let camera = [
        record("UNAME", 3, b"Linux host 7.3.4-test #1 SMP x aarch64 GNU/Linux"),
        record("sys/class/dma_heap/system/dev", 3, b"254:0\n"),
        record("sys/devices/platform/cam/video4linux/video0/name", 3, b"camera\n"),
        record("sys/devices/platform/cam/driver", 0, b"../../../bus/platform/drivers/vivid"),
        record("sys/bus/platform/drivers/vivid", 2, b""),
        record("sys/devices/platform/cam/video4linux/video0/device", 0, b"../.."),
        record("sys/class/video4linux/video0", 0, b"../../devices/platform/cam/video4linux/video0"),
        record("sys/firmware/devicetree/base/cam/compatible", 3, b"vendor,camera\0"),
        record("sys/devices/platform/cam/of_node", 0, b"../../../firmware/devicetree/base/cam"),
    ];
    let circle = [
        record("sys/devices/platform/cam/of_node", 0, b"of_node"),
        record("sys/class/video4linux/video0", 0, b"../video4linux"),
        record("sys/class/drm/card0", 0, b"/"),
    ];
    vec![camera.concat(), circle.concat()]
}
