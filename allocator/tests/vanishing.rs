//! Machines that change, or end, while they are read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod tree;

use heapq_allocator::Observation;
use heapq_allocator::discover::{assemble, sysfs};
use heapq_policies::PolicySet;
use proptest::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use tree::Tree;

const CAMERA: &str = "/sys/devices/pci0000:00/0000:00:03.0";

fn machine() -> Tree {
    let tree = Tree::new("aarch64");
    tree.heap("system");
    tree.heap("default_cma_region");
    tree.cma("reserved", 16384);
    tree.ram(&[(0x4000_0000, 0x8000_0000)]);
    tree.device(CAMERA, "pci", "grabber");
    tree.file(&format!("{CAMERA}/dma_mask_bits"), "32\n");
    tree.iommu(CAMERA, 1, "identity");
    tree.node(CAMERA, "video4linux", "video0", "video0", "81:0");
    tree.udev("81:0", "S:v4l/by-path/x\nE:ID_PATH=x\n");
    tree.media(CAMERA, "media0", "509:0");
    let base = "/sys/firmware/devicetree/base";
    tree.file(&format!("{base}/#address-cells"), 2_u32.to_be_bytes());
    tree.file(&format!("{base}/reserved-memory/pool@50000000/compatible"), "shared-dma-pool\0");
    tree.file(&format!("{base}/reserved-memory/pool@50000000/reusable"), "");
    tree.link(&format!("{CAMERA}/of_node"), "../../../firmware/devicetree/base/camera");
    tree.file(&format!("{base}/camera/compatible"), "acme,camera\0");
    tree
}

fn policies() -> &'static PolicySet {
    static POLICIES: OnceLock<PolicySet> = OnceLock::new();
    POLICIES.get_or_init(|| heapq_policies::load(&[]).set)
}

fn read(tree: &Tree) -> Observation {
    sysfs::read(tree.root(), policies()).unwrap()
}

/// Everything below `dir`, what is deepest first.
fn everything(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            all.extend(everything(&path));
        }
        all.push(path);
    }
    all
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        // What is in it goes first, or it stays.
        let _ = std::fs::remove_dir(path);
    } else {
        let _ = std::fs::remove_file(path);
    }
}

/// Every device has a driver, whatever went while it was read: without one, nothing would be known of
/// what it needs, and something was.
fn is_whole(seen: &Observation) {
    for device in &seen.devices {
        assert_eq!(device.driver.as_deref(), Some("grabber"), "{device:?}");
        // The media controller comes last, and goes first.
        let first = device.nodes.first().map(|node| &**node);
        assert!(matches!(first, None | Some("/dev/video0")), "{device:?}");
    }
    assemble(seen, policies(), 1).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever is missing, the rest is read, and nothing is warned of that is merely absent.
    #[test]
    fn what_is_missing_is_absent(missing in proptest::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let tree = machine();
        let all = everything(tree.root());
        for index in missing {
            let path = index.get(&all);
            if path != &tree.path("/sys") {
                remove(path);
            }
        }
        let seen = read(&tree);
        assemble(&seen, policies(), 1).unwrap();
    }

    /// Links that lead anywhere lead to nothing outside.
    #[test]
    fn links_lead_nowhere_else(
        target in "(\\.\\./){0,12}(etc|proc/self|dev|sys/devices/pci0000:00)?(/[a-z.]{0,8}){0,2}",
        which in any::<prop::sample::Index>(),
    ) {
        let tree = machine();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("uevent"), "DRIVER=outside\nDEVNAME=outside\n").unwrap();
        let all = everything(tree.root());
        let links: Vec<&PathBuf> = all.iter().filter(|path| path.is_symlink()).collect();
        let link = which.get(&links);
        for to in [target.as_str(), outside.path().to_str().unwrap()] {
            remove(link);
            if !to.is_empty() {
                symlink(to, link).unwrap();
            }
            let seen = read(&tree);
            assert!(!format!("{:?}", seen.devices).contains("outside\""), "{seen:?}");
            assemble(&seen, policies(), 1).unwrap();
        }
    }
}

/// As the kernel does when a driver is unbound: the nodes go before the driver's link.
#[test]
fn a_device_is_whole_or_not_there() {
    let tree = machine();
    let nodes = ["/sys/bus/media/devices/media0", "/sys/class/video4linux/video0"];
    let links: Vec<(String, PathBuf)> = nodes
        .iter()
        .map(|node| ((*node).to_owned(), std::fs::read_link(tree.path(node)).unwrap()))
        .collect();
    let driver = format!("{CAMERA}/driver");
    let bound = std::fs::read_link(tree.path(&driver)).unwrap();
    let (go, told) = mpsc::channel::<Duration>();
    let (done, is_done) = mpsc::channel();
    let (mut with, mut without) = (0, 0);
    std::thread::scope(|threads| {
        let (tree, links, driver, bound) = (&tree, &links, &driver, &bound);
        threads.spawn(move || {
            for (number, pause) in told.iter().enumerate() {
                std::thread::sleep(pause);
                if number % 2 == 0 {
                    links.iter().for_each(|(node, _)| tree.remove(node));
                    tree.remove(driver);
                } else {
                    symlink(bound, tree.path(driver)).unwrap();
                    links.iter().rev().for_each(|(node, to)| symlink(to, tree.path(node)).unwrap());
                }
                done.send(()).unwrap();
            }
        });
        // In each reading there is one change, somewhere. A panic here ends the other thread too.
        let go = go;
        for number in 0..400 {
            go.send(Duration::from_micros(number * 7 % 1000)).unwrap();
            let seen = read(tree);
            is_whole(&seen);
            is_done.recv().unwrap();
            *(if seen.devices.is_empty() { &mut without } else { &mut with }) += 1;
        }
    });
    assert!(with > 0 && without > 0, "{with} with the device, {without} without");
}

/// A process that has no more descriptors does not see that things are absent.
#[test]
fn what_cannot_be_read_for_want_of_descriptors_is_no_machine() {
    // The limit is the whole process's: this test is one of its own.
    let own = std::env::current_exe().unwrap();
    let status = std::process::Command::new(own)
        .args(["--ignored", "--exact", "without_descriptors"])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "run by the one above, in a process of its own"]
fn without_descriptors() {
    let tree = machine();
    let whole = read(&tree);
    let limit = getrlimit(Resource::Nofile);
    let next = std::fs::File::open("/dev/null").unwrap();
    let next = u64::try_from(next.as_raw_fd()).unwrap();
    // From none to enough: what is read is all or an error.
    let mut failed = 0;
    for spare in 0..8 {
        let few = Rlimit { current: Some(next + spare), ..limit };
        setrlimit(Resource::Nofile, few).unwrap();
        let read = sysfs::read(tree.root(), policies());
        setrlimit(Resource::Nofile, limit).unwrap();
        match read {
            Ok(seen) => assert_eq!(seen, whole, "{spare} to spare"),
            Err(_) => failed += 1,
        }
    }
    assert!((1..8).contains(&failed), "{failed} of 8 failed");
}
