//! Boards as the kernel describes them.
//!
//! Three trees are in `tests/boards/dtb`. `make boards` fetches all of Debian's arm64 package and
//! names its directory in `HEAPQ_DTB_DIR`; without it the tests of the others are left out.

use crate::policies;
use heapq_allocator::case::{Outcome, run_all};
use heapq_allocator::discover::{Arch, assemble, bundled_board, devicetree};
use heapq_allocator::{Device, Topology};
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn package() -> Option<PathBuf> {
    std::env::var_os("HEAPQ_DTB_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

#[test]
fn the_cases_of_boards_hold() {
    let dirs: Vec<PathBuf> =
        package().into_iter().chain([repository("tests/boards/dtb")]).collect();
    let results = run_all(&[repository("tests/cases/boards")], &[], &dirs);
    let mut passed = 0;
    for result in &results {
        match &result.outcome {
            Outcome::Passed => passed += 1,
            Outcome::Skipped { because } if package().is_none() => {
                eprintln!("left out, `make boards` has it: {because}");
            }
            other => panic!("{}: {other:?}", result.file.display()),
        }
    }
    assert!(passed >= 4 && results.len() == 7, "{passed} of {}", results.len());
}

fn board(name: &str) -> Topology {
    let seen = devicetree::load(&repository("tests/boards/dtb").join(name), policies()).unwrap();
    assert_eq!(seen.arch, Arch::Arm64, "{name}");
    assemble(&seen, policies(), 1).unwrap()
}

#[test]
fn a_display_is_mastered_by_what_scans_out() {
    let rock = board("rk3588-rock-5b.dtb");
    let display = rock.device("/display-subsystem").unwrap();
    assert_eq!(display.master.as_deref(), Some("/vop@fdd90000"));
    assert!(display.iommu.translates());
    let receiver = rock.device("/hdmi_receiver@fdee0000").unwrap();
    assert!(!receiver.iommu.translates());
    // Its IOMMU is switched off until an overlay enables a camera.
    assert!(!rock.device("/video-capture@fdce0000").unwrap().iommu.translates());
}

/// The board that is compiled in was written by hand: it says nothing but what its devicetree does.
#[test]
fn the_bundled_board_is_that_of_its_devicetree() {
    let rock = board("rk3588-rock-5b.dtb");
    let bundled = assemble(&bundled_board(), policies(), 1).unwrap();
    let node = |topology: &Topology, device: &Device| {
        let master = device.master.as_ref();
        master.map(|path| topology.device(path).unwrap().of_node.clone().unwrap())
    };
    assert_eq!(bundled.board, rock.board);
    for ours in &bundled.devices {
        let path = ours.of_node.as_deref().unwrap();
        let theirs = rock.device(path).unwrap();
        assert_eq!(ours.compatible, theirs.compatible, "{path}");
        assert_eq!(ours.dma_coherent, theirs.dma_coherent, "{path}");
        assert_eq!(node(&bundled, ours), node(&rock, theirs), "{path}");
        // A camera comes with an overlay, which switches on its receiver and that one's IOMMU.
        let translates = theirs.iommu.translates() || theirs.disabled;
        assert_eq!(ours.iommu.translates(), translates, "{path}");
    }
}

#[test]
fn the_default_area_lies_where_the_kernel_puts_it() {
    let place = |topology: &Topology| {
        let area = topology.heaps.find("default_cma_region").unwrap();
        area.address_window.as_ref().unwrap().intervals().to_vec()
    };
    // RAM from 1 GiB on, all of it within the bus's reach.
    assert_eq!(place(&board("imx8mm-evk.dtb")), [(0x4000_0000, 0xc000_0000)]);
    // A node that does not say where: anywhere in RAM.
    let odroid = board("meson-g12b-odroid-n2.dtb");
    assert_eq!(place(&odroid), [(0, 0x4000_0000)]);
    assert_eq!(odroid.heaps.find("linux,cma").unwrap().capacity, Some(0x1000_0000));
}

/// Every tree of the package, with some of its bytes changed.
#[test]
fn damaged_boards_of_the_package_come_to_an_end() {
    let Some(dir) = package() else {
        eprintln!("left out: `make boards` fetches the trees of all boards");
        return;
    };
    let found = dtbs(&dir);
    assert!(found.len() > 1000, "{}", found.len());
    for (seed, path) in found.iter().enumerate() {
        mutate(&std::fs::read(path).unwrap(), seed + 1);
    }
}

/// Reads a tree with some of its bytes changed, in the header, anywhere, and in the strings' half.
fn mutate(bytes: &[u8], seed: usize) {
    for (round, start) in [0, 64, bytes.len() / 2].into_iter().enumerate() {
        let mut mutated = bytes.to_vec();
        for step in 1..=3 {
            let at =
                start + (seed * 7919 + step * 104_729 + round) % (bytes.len() - start).min(1 << 15);
            mutated[at] ^= 1 << ((seed + step) % 8);
        }
        // Whatever it comes to, it comes to an end.
        let _ = devicetree::read(&mutated, policies());
    }
}

fn dtbs(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dtb") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
