//! What a device reaches, whether it snoops, and what translates for it.

use crate::writer::Writer;
use crate::{device, read};
use heapq_allocator::discover::Observation;

fn window(seen: &Observation, path: &str) -> Option<Vec<(u64, u64)>> {
    device(seen, path).dma_window.as_ref().map(|placed| placed.windows.intervals().to_vec())
}

/// A bus in a tree of 2 address and 1 size cells, itself of 1 and 1.
fn bus<'a>(tree: &'a mut Writer, name: &str) -> &'a mut Writer {
    tree.begin(name).cells("#address-cells", &[1]).cells("#size-cells", &[1])
}

#[test]
fn a_bus_with_dma_ranges_limits_what_is_below_it() {
    let mut tree = Writer::board(2, 1);
    bus(&mut tree, "soc").cells("dma-ranges", &[0xc000_0000, 0, 0, 0x4000_0000]);
    tree.node("camera@1", "made,camera").end().node("elsewhere", "made,elsewhere");
    let seen = read(&tree.finish());
    assert_eq!(window(&seen, "/soc/camera@1"), Some(vec![(0, 0x4000_0000)]));
    assert_eq!(&*device(&seen, "/soc/camera@1").dma_window.as_ref().unwrap().from, "/soc");
    assert_eq!(window(&seen, "/elsewhere"), None);
    assert_eq!(seen.dma_reach, Some(0x4000_0000));
}

#[test]
fn buses_above_each_other_add_up_and_empty_ranges_change_nothing() {
    let mut tree = Writer::board(2, 1);
    bus(&mut tree, "soc").cells("dma-ranges", &[0x1000, 1, 0x8000, 0x1000]);
    bus(&mut tree, "outer").flag("dma-ranges");
    bus(&mut tree, "inner").cells("dma-ranges", &[0, 0, 0x1800, 0x4000, 0x5000, 0x1000]);
    tree.node("camera@1", "made,camera").end().end().end();
    let seen = read(&tree.finish());
    let reached = Some(vec![(0x1_0000_8000, 0x1_0000_8800)]);
    assert_eq!(window(&seen, "/soc/outer/inner/camera@1"), reached);
}

#[test]
fn only_the_nearest_bus_may_lack_dma_ranges() {
    let mut tree = Writer::board(2, 1);
    bus(&mut tree, "soc").cells("dma-ranges", &[0, 0, 0, 0x1000]);
    bus(&mut tree, "near").node("camera@1", "made,camera");
    bus(&mut tree, "far").node("camera@2", "made,camera").end().end().end();
    let seen = read(&tree.finish());
    assert_eq!(window(&seen, "/soc/near/camera@1"), Some(vec![(0, 0x1000)]));
    // of_dma_get_range() gives up at the second bus without: the kernel knows of no limit.
    assert_eq!(window(&seen, "/soc/near/far/camera@2"), None);
}

#[test]
fn a_bus_that_reaches_nothing_is_a_limit_too() {
    let mut tree = Writer::board(1, 1);
    bus(&mut tree, "soc").cells("dma-ranges", &[0, 0, 0x1000]);
    bus(&mut tree, "bus").cells("dma-ranges", &[0, 0x8000, 0x1000]);
    tree.node("camera@1", "made,camera").end().end();
    let seen = read(&tree.finish());
    assert_eq!(window(&seen, "/soc/bus/camera@1"), Some(vec![(0, 1)]));
}

#[test]
fn what_exceeds_64_bits_is_told_and_left_out() {
    let mut tree = Writer::board(2, 2);
    tree.begin("soc").cells("#address-cells", &[2]).cells("#size-cells", &[2]);
    let wraps = [0, 0, 0xffff_ffff, 0xffff_f000, 0, 0x2000];
    let fits = [0, 0x1000_0000, 0, 0x8000_0000, 0, 0x1000];
    tree.cells("dma-ranges", &[wraps, fits].concat()).node("camera@1", "made,camera").end();
    tree.begin("wide").cells("#address-cells", &[3]).cells("#size-cells", &[3]);
    tree.cells("dma-ranges", &[0, 0, 0, 0, 0, 1, 0, 0]).node("camera@2", "made,camera").end();
    let seen = read(&tree.finish());
    assert_eq!(window(&seen, "/soc/camera@1"), Some(vec![(0x8000_0000, 0x8000_1000)]));
    assert_eq!(window(&seen, "/wide/camera@2"), None);
    for bus in ["/soc", "/wide"] {
        let told = format!("devicetree {bus}: dma-ranges exceeds 64 bits");
        assert!(seen.warnings.contains(&told), "{:?}", seen.warnings);
    }
}

#[test]
fn dma_goes_through_the_interconnect_named_for_it() {
    let mut tree = Writer::board(1, 1);
    bus(&mut tree, "soc").flag("dma-ranges");
    bus(&mut tree, "memory-controller@0").cells("phandle", &[7]);
    tree.cells("#interconnect-cells", &[1]).cells("dma-ranges", &[0, 0x4000_0000, 0xc000_0000]);
    tree.end().begin("camera@1").text("compatible", "made,camera");
    tree.cells("interconnects", &[7, 3, 7, 5]).text("interconnect-names", "other|dma-mem").end();
    tree.begin("lost@2").text("compatible", "made,lost").cells("interconnects", &[99, 1]);
    tree.text("interconnect-names", "dma-mem").end().end();
    let seen = read(&tree.finish());
    assert_eq!(window(&seen, "/soc/camera@1"), Some(vec![(0x4000_0000, 1 << 32)]));
    assert_eq!(window(&seen, "/soc/lost@2"), None);
    let told = seen.warnings.iter().any(|text| text.contains("/soc/lost@2: interconnects names"));
    assert!(told, "{:?}", seen.warnings);
}

#[test]
fn the_nearest_word_on_coherence_counts() {
    let mut tree = Writer::board(1, 1);
    tree.node("plain", "made,camera");
    tree.begin("soc").flag("dma-coherent").node("snoops", "made,camera");
    tree.begin("does-not").text("compatible", "made,camera").flag("dma-noncoherent").end().end();
    let seen = read(&tree.finish());
    for (path, coherent) in [("/plain", false), ("/soc/snoops", true), ("/soc/does-not", false)] {
        assert_eq!(device(&seen, path).dma_coherent, Some(coherent), "{path}");
    }
}

#[test]
fn iommus_prove_nothing_by_themselves() {
    let mut tree = Writer::board(1, 1);
    let mut iommu = |phandle: u32, compatible: &str, status: &str| {
        let name = format!("iommu@{phandle}");
        tree.begin(&name).text("compatible", compatible).text("status", status);
        tree.cells("phandle", &[phandle]).cells("#iommu-cells", &[1]).end();
    };
    iommu(1, "rockchip,rk3588-iommu|rockchip,rk3568-iommu", "okay");
    iommu(2, "rockchip,rk3568-iommu", "disabled");
    iommu(3, "renesas,ipmmu-r8a7795", "okay");
    iommu(4, "apple,t8103-dart", "okay");
    iommu(5, "qcom,sdm845-smmu-500|qcom,smmu-500|arm,mmu-500", "okay");
    let cases: [(&str, &[u32], &str, Option<&str>); 8] = [
        ("translated", &[1, 0], "made,camera", Some("DMA")),
        ("by-two", &[1, 0, 1, 2], "made,camera", Some("DMA")),
        ("switched-off", &[2, 0], "made,camera", None),
        ("refused", &[3, 0], "made,camera", None),
        ("nobody-knows", &[4, 0], "made,camera", Some("unknown")),
        ("not-by-all", &[1, 0, 4, 0], "made,camera", Some("unknown")),
        ("own-domain", &[5, 0], "qcom,sdm845-mdss", Some("identity")),
        ("to-nowhere", &[66, 0], "made,camera", None),
    ];
    for (name, iommus, compatible, _) in cases {
        tree.begin(name).text("compatible", compatible).cells("iommus", iommus).end();
    }
    let seen = read(&tree.finish());
    for (name, _, _, group) in cases {
        assert_eq!(device(&seen, &format!("/{name}")).iommu_group.as_deref(), group, "{name}");
    }
    assert!(
        seen.warnings.iter().any(|text| text.contains("/to-nowhere: iommus names phandle 0x42"))
    );
}
