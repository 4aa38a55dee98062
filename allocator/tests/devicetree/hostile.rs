//! Blobs that somebody made to break the reader: refused with place and cause, or read; never a
//! panic, and never without a bound.

use crate::policies;
use crate::writer::Writer;
use heapq_allocator::discover::devicetree::{
    self, BYTES_MAX, BlobError, Cause, DEPTH_MAX, NODES_MAX, PROPERTIES_MAX,
};
use heapq_allocator::discover::{Observation, Unreadable, assemble};
use std::path::Path;

fn read(blob: &[u8]) -> Result<Observation, BlobError> {
    devicetree::read(blob, policies())
}

fn load(path: &Path) -> Result<Observation, Unreadable> {
    devicetree::load(path, policies())
}

fn refusal(blob: &[u8]) -> BlobError {
    read(blob).unwrap_err()
}

/// A board with something of everything that is read.
fn board() -> Vec<u8> {
    let mut tree = Writer::board(2, 1);
    tree.begin("memory@0").text("device_type", "memory").cells("reg", &[0, 0, 0x4000_0000]).end();
    tree.begin("chosen").text("bootargs", "cma=64M@0-1G").end();
    tree.begin("aliases").text("video0", "/soc/codec@1").end();
    tree.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[1]);
    tree.flag("ranges").begin("pool@1000").text("compatible", "shared-dma-pool").flag("reusable");
    tree.cells("reg", &[0, 0x1000, 0x1000]).end().end();
    tree.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    tree.cells("dma-ranges", &[0xc000_0000, 0, 0, 0x4000_0000]).flag("dma-coherent");
    tree.begin("iommu@0").text("compatible", "arm,mmu-500").cells("#iommu-cells", &[1]);
    tree.cells("phandle", &[1]).cells("iommus", &[1, 0]).end();
    tree.begin("codec@1").text("compatible", "nxp,imx8mm-vpu-g1").cells("iommus", &[1, 5]);
    tree.cells("interconnects", &[1, 1]).text("interconnect-names", "dma-mem").end();
    tree.begin("de").text("compatible", "allwinner,sun50i-a64-display-engine");
    tree.cells("allwinner,pipelines", &[1]).end().end();
    tree.finish()
}

fn whole_way(blob: &[u8]) -> bool {
    let Ok(seen) = read(blob) else { return false };
    assert!(seen.warnings.len() <= 100);
    // Two heaps of one name are refused by name; that is an answer.
    let _ = assemble(&seen, policies(), 1);
    true
}

#[test]
fn a_blob_cut_anywhere_is_refused() {
    let blob = board();
    assert!(read(&blob).is_ok());
    for length in 0..blob.len() {
        let error = refusal(&blob[..length]);
        assert!(matches!(error.cause, Cause::Short { .. }), "{length}: {error}");
    }
    // Bytes behind the end do not count.
    assert!(read(&[blob.as_slice(), &[0xff; 9]].concat()).is_ok());
}

#[test]
fn mutated_blobs_never_panic() {
    let blob = board();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut survived = 0;
    for _ in 0..5000 {
        let mut mutated = blob.clone();
        for _ in 0..=random(3) {
            let at = random(mutated.len());
            let word = [0, 1, 0x7f, 0x80, 0xff, 3, 9];
            mutated[at] =
                if random(2) == 0 { word[random(7)] } else { u8::try_from(random(256)).unwrap() };
        }
        survived += u32::from(whole_way(&mutated));
    }
    // Both ways were gone.
    assert!((500..4900).contains(&survived), "{survived}");
}

#[test]
fn what_is_too_deep_too_many_or_too_large_is_refused() {
    let mut deep = Writer::default();
    deep.begin("");
    (0..200_000).for_each(|_| {
        deep.begin("n");
    });
    (0..200_000).for_each(|_| {
        deep.end();
    });
    let too_many = |blob: &[u8]| match refusal(blob).cause {
        Cause::TooMany { what, bound } => (what, bound),
        other => panic!("{other}"),
    };
    assert_eq!(too_many(&deep.finish()), ("nodes in each other", DEPTH_MAX));
    let mut wide = Writer::default();
    wide.begin("");
    (0..NODES_MAX).for_each(|_| {
        wide.begin("n").end();
    });
    assert_eq!(too_many(&wide.finish()), ("nodes", NODES_MAX));
    let mut rich = Writer::default();
    rich.begin("");
    // One string for all: the offset is the first.
    rich.bytes("p", &[]);
    (0..PROPERTIES_MAX).for_each(|_| {
        rich.word(3).word(0).word(0);
    });
    assert_eq!(too_many(&rich.finish()), ("properties", PROPERTIES_MAX));
    assert_eq!(too_many(&vec![0; BYTES_MAX + 1]), ("bytes", BYTES_MAX));
}

#[test]
fn the_deepest_and_widest_that_may_be_are_read() {
    let mut deep = Writer::default();
    deep.begin("");
    (1..DEPTH_MAX).for_each(|_| {
        deep.begin("n").text("compatible", "c");
    });
    (1..DEPTH_MAX).for_each(|_| {
        deep.end();
    });
    assert_eq!(read(&deep.finish()).unwrap().devices.len(), DEPTH_MAX - 1);
    let mut wide = Writer::default();
    wide.begin("");
    (1..NODES_MAX).for_each(|_| {
        wide.begin("n").end();
    });
    assert!(read(&wide.finish()).is_ok());
}

/// Devices are bounded, and so is what is worked out for each: heavy buses above many leaves.
#[test]
fn heavy_buses_above_many_devices_end_soon() {
    let mut tree = Writer::default();
    tree.begin("").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    let ranges: Vec<u32> = (0..200).flat_map(|n| [n * 16, n * 16, 8]).collect();
    for _ in 0..60 {
        tree.begin("bus").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
        tree.cells("dma-ranges", &ranges);
    }
    (0..200).for_each(|_| {
        tree.node("leaf", "made,leaf");
    });
    (0..60).for_each(|_| {
        tree.end();
    });
    assert_eq!(read(&tree.finish()).unwrap().devices.len(), 200);
    let mut many = Writer::default();
    many.begin("");
    (0..10_000).for_each(|_| {
        many.node("leaf", "made,leaf");
    });
    let seen = read(&many.finish()).unwrap();
    assert_eq!(seen.devices.len(), 1 << 13);
    assert!(seen.warnings.iter().any(|text| text.contains("too many")), "{:?}", seen.warnings);
}

#[test]
fn circles_end() {
    let mut tree = Writer::board(1, 1);
    for (own, other) in [(1, 2), (2, 1)] {
        tree.begin(&format!("bus@{own}")).text("compatible", "made,bus").cells("phandle", &[own]);
        tree.cells("#interconnect-cells", &[0]).cells("interconnects", &[other]);
        tree.text("interconnect-names", "dma-mem").flag("dma-ranges").cells("iommus", &[other]);
        tree.cells("allwinner,pipelines", &[other]).cells("renesas,fcp", &[own]).end();
    }
    // Two nodes that claim one number.
    tree.begin("twin").cells("phandle", &[1]).text("compatible", "renesas,vsp2");
    tree.cells("renesas,fcp", &[1]).end();
    let seen = read(&tree.finish()).unwrap();
    assert_eq!(seen.devices.len(), 3);
    assert!(seen.devices.iter().all(|device| device.dma_window.is_none()));
    assert_eq!(seen.devices.iter().find_map(|one| one.master.as_deref()), Some("/bus@1"));
    assert!(seen.warnings.iter().any(|text| text == "twin: phandle 0x1 is another node's"));
}

/// What the reader says of the tree that `make` makes.
fn said(make: impl Fn(&mut Writer)) -> String {
    let mut tree = Writer::default();
    make(&mut tree);
    refusal(&tree.blob()).to_string()
}

#[test]
fn errors_of_the_tree_say_where_and_what() {
    type Make = fn(&mut Writer);
    let table: [(&str, Make); 9] = [
        ("token 0x5 is none", |tree| {
            tree.begin("").word(5);
        }),
        ("a node ends where none is open", |tree| {
            tree.end();
        }),
        ("the tree ends before its nodes do", |tree| {
            tree.begin("").word(9);
        }),
        ("a second root node", |tree| {
            tree.begin("").end().begin("");
        }),
        ("a node's name is empty for the root", |tree| {
            tree.begin("").begin("");
        }),
        ("has no slash", |tree| {
            tree.begin("").begin("a/b");
        }),
        ("a property that stands in no node", |tree| {
            tree.flag("p");
        }),
        ("or behind the nodes in its own", |tree| {
            tree.begin("").begin("n").end().flag("p");
        }),
        ("a name of a node that is not UTF-8", |tree| {
            tree.begin("").begin(&"n".repeat(256));
        }),
    ];
    for (expected, make) in table {
        let found = said(make);
        assert!(found.contains(expected) && found.starts_with("devicetree, byte 0x"), "{found}");
    }
}

#[test]
fn errors_of_a_property_say_where_and_what() {
    let name = said(|tree| {
        tree.begin("").word(3).word(0).word(7777);
    });
    assert_eq!(
        name,
        "devicetree, byte 0x40: a name of a property that is not UTF-8 of at most 255 bytes with an end"
    );
    let value = said(|tree| {
        tree.begin("").word(3).word(0x1000).word(0);
    });
    let end = "a property's value ends at 0x104c, and there are 0x4c bytes";
    assert!(value.contains(end), "{value}");
}

#[test]
fn errors_of_the_header_and_of_names_say_what() {
    let mut text = board();
    text[..4].copy_from_slice(b"#dt!");
    assert!(refusal(&text).to_string().contains("0x23647421 is not the mark"));
    let mut new = board();
    new[27] = 18;
    assert!(refusal(&new).to_string().contains("version 17, compatible with 18"));
    let mut name = board();
    let at = name.windows(5).rposition(|five| five == b"codec").unwrap();
    name[at] = 0xff;
    assert!(matches!(refusal(&name).cause, Cause::Name { of: "node" }));
}

#[test]
fn files_that_are_none_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let directory = load(dir.path()).unwrap_err().to_string();
    assert!(directory.contains("not a regular file"), "{directory}");
    let missing = load(&dir.path().join("no.dtb")).unwrap_err().to_string();
    assert!(missing.contains("no.dtb: No such file"), "{missing}");
    let short = dir.path().join("short.dtb");
    std::fs::write(&short, b"\xd0\x0d\xfe\xed").unwrap();
    let short = load(&short).unwrap_err().to_string();
    assert!(short.contains("short.dtb: devicetree, byte 0x0: the header ends at 0x28"), "{short}");
}
