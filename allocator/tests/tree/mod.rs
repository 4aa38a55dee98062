//! Made-up machines: directories that hold as much of /sys as a test needs.

#![allow(dead_code, reason = "each test file uses some of it")]

use heapq_allocator::Observation;
use heapq_allocator::discover::sysfs;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A root that a test fills.
pub(crate) struct Tree {
    dir: TempDir,
}

impl Tree {
    /// A machine that shows nothing but its kernel.
    pub(crate) fn new(machine: &str) -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap() };
        tree.file("/UNAME", format!("Linux host 7.3.4-test #1 SMP PREEMPT x {machine} GNU/Linux"));
        fs::create_dir_all(tree.path("/sys")).unwrap();
        tree
    }

    /// A capture of a real machine, unpacked.
    pub(crate) fn capture(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let boards = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/boards");
        let archive = boards.join(format!("{name}.tar.xz"));
        let status = std::process::Command::new("tar")
            .args(["--no-same-owner", "-xJf"])
            .arg(&archive)
            .arg("-C")
            .arg(dir.path())
            .status()
            .unwrap();
        assert!(status.success(), "{}", archive.display());
        Self { dir }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn file(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// A link with this text.
    pub(crate) fn link(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(text, path).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    /// A heap with its class entry and device node.
    pub(crate) fn heap(&self, name: &str) {
        self.file(&format!("/sys/devices/virtual/dma_heap/{name}/dev"), "254:0\n");
        self.link(
            &format!("/sys/class/dma_heap/{name}"),
            &format!("../../devices/virtual/dma_heap/{name}"),
        );
        self.file(&format!("/dev/dma_heap/{name}"), "");
    }

    pub(crate) fn cma(&self, name: &str, pages: u64) {
        self.file(&format!("/sys/kernel/mm/cma/{name}/total_pages"), format!("{pages}\n"));
    }

    /// A device on a bus, with a driver.
    pub(crate) fn device(&self, path: &str, bus: &str, driver: &str) {
        let up = "../".repeat(path.matches('/').count() - 1);
        self.file(&format!("{path}/uevent"), format!("DRIVER={driver}\n"));
        self.link(&format!("{path}/subsystem"), &format!("{up}bus/{bus}"));
        self.link(&format!("{path}/driver"), &format!("{up}bus/{bus}/drivers/{driver}"));
        let name = path.rsplit('/').next().unwrap();
        let below = path.strip_prefix("/sys/").unwrap();
        self.link(&format!("/sys/bus/{bus}/devices/{name}"), &format!("../../../{below}"));
    }

    /// A device that no driver has.
    pub(crate) fn bare(&self, path: &str, bus: &str) {
        self.device(path, bus, "none");
        self.remove(&format!("{path}/driver"));
    }

    /// What udev's database has of the character device of that number.
    pub(crate) fn udev(&self, number: &str, lines: &str) {
        self.file(&format!("/run/udev/data/c{number}"), lines);
    }

    /// A node of a class, with its name below /dev and its number, if it has them.
    pub(crate) fn node(&self, device: &str, class: &str, name: &str, dev: &str, number: &str) {
        let dir = format!("{device}/{class}/{name}");
        if !number.is_empty() {
            self.file(&format!("{dir}/dev"), format!("{number}\n"));
            self.file(&format!("{dir}/uevent"), format!("DEVNAME={dev}\n"));
        }
        self.link(&format!("{dir}/device"), "../..");
        let below = dir.strip_prefix("/sys/").unwrap();
        self.link(&format!("/sys/class/{class}/{name}"), &format!("../../{below}"));
    }

    /// The node of a device's media controller, which is on a bus and in no class.
    pub(crate) fn media(&self, device: &str, name: &str, number: &str) {
        let dir = format!("{device}/{name}");
        self.file(&format!("{dir}/dev"), format!("{number}\n"));
        self.file(&format!("{dir}/uevent"), format!("DEVNAME={name}\n"));
        let below = dir.strip_prefix("/sys/").unwrap();
        self.link(&format!("/sys/bus/media/devices/{name}"), &format!("../../../{below}"));
    }

    /// A video node of a device.
    pub(crate) fn video(&self, device: &str, node: &str, label: &str) {
        let dir = format!("{device}/video4linux/{node}");
        self.file(&format!("{dir}/name"), format!("{label}\n"));
        self.file(&format!("{dir}/uevent"), format!("MAJOR=81\nMINOR=0\nDEVNAME={node}\n"));
        let parent = device.rsplit('/').next().unwrap();
        self.link(&format!("{dir}/device"), &format!("../../../{parent}"));
        let below = dir.strip_prefix("/sys/").unwrap();
        self.link(&format!("/sys/class/video4linux/{node}"), &format!("../../{below}"));
    }

    /// An IOMMU group of a type, with this device in it.
    pub(crate) fn iommu(&self, device: &str, group: u32, kind: &str) {
        let up = "../".repeat(device.matches('/').count() - 1);
        self.file(&format!("/sys/kernel/iommu_groups/{group}/type"), format!("{kind}\n"));
        self.link(&format!("{device}/iommu_group"), &format!("{up}kernel/iommu_groups/{group}"));
    }

    /// System RAM as root sees it.
    pub(crate) fn ram(&self, intervals: &[(u64, u64)]) {
        let lines = intervals
            .iter()
            .map(|(first, end)| format!("{first:08x}-{:08x} : System RAM\n", end - 1));
        self.file("/proc/iomem", lines.collect::<String>());
    }

    pub(crate) fn read(&self) -> Observation {
        sysfs::read(self.root(), &heapq_policies::load(&[]).set).unwrap()
    }
}
