//! Drivers of which one node differs from the others: what the columns of a row do not tell.

use crate::common::{kernel, usages};
use crate::meaning::{Iommu, found};
use heapq_constraints::question::Usage;
use heapq_policies::{DeviceView, load};

/// Driver, node's name, whether it copies, and else whether it takes anything.
const NODES: [(&str, &str, Is); 14] = [
    ("rkisp1", "rkisp1_mainpath", Is::ByDma),
    ("rkisp1", "rkisp1_selfpath", Is::ByDma),
    ("rkisp1", "rkisp1_params", Is::Read),
    ("rkisp1", "rkisp1_stats", Is::Written),
    ("c3-isp", "c3-isp-cap0", Is::ByDma),
    ("c3-isp", "c3-isp-stats", Is::ByDma),
    ("c3-isp", "c3-isp-params", Is::Read),
    ("sun6i-isp", "sun6i-isp-capture", Is::ByDma),
    ("sun6i-isp", "sun6i-isp-params", Is::Read),
    ("vsp1", "fe9a0000.vsp rpf.0 input", Is::ByDma),
    ("vsp1", "fe9a0000.vsp wpf.0 output", Is::ByDma),
    ("vsp1", "fe9a0000.vsp hgo.0 histo", Is::Written),
    ("s5p-mfc", "s5p-mfc-enc", Is::ByDma),
    ("s5p-mfc", "s5p-mfc-dec", Is::Refused),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// One piece, unless an IOMMU translates.
    ByDma,
    /// The CPU reads it.
    Read,
    /// The CPU writes it.
    Written,
    /// No foreign buffer is taken.
    Refused,
}

#[test]
fn nodes_of_one_driver_differ() {
    let set = load(&[]).set;
    for (driver, name, is) in NODES {
        for iommu in [Iommu::Absent, Iommu::Translates] {
            let view = DeviceView {
                driver: Some(driver),
                name: Some(name),
                has_iommu: Some(iommu == Iommu::Translates),
                ..DeviceView::new(kernel("7.3"))
            };
            let knowledge = set.device(&view, usages(&["process"]));
            let needs = found(&knowledge).unwrap();
            let told = (needs.contiguous, needs.copies, needs.refuses);
            let by_dma = is == Is::ByDma && iommu == Iommu::Absent;
            let copied = matches!(is, Is::Read | Is::Written);
            assert_eq!(told, (by_dma, copied, is == Is::Refused), "{driver} {name} {iommu:?}");
            assert_eq!(knowledge.usage.contains(Usage::CpuRead), is == Is::Read, "{name}");
            assert_eq!(knowledge.usage.contains(Usage::CpuWrite), is == Is::Written, "{name}");
        }
    }
}

#[test]
fn a_webcam_that_this_machine_plays() {
    let view = DeviceView {
        bus: Some("gadget"),
        subsystem: Some("video4linux"),
        driver: Some("configfs-gadget.g1"),
        ..DeviceView::new(kernel("7.3"))
    };
    let knowledge = load(&[]).set.device(&view, usages(&["process"]));
    assert!(knowledge.known && knowledge.usage.contains(Usage::CpuRead));
    assert!(knowledge.overrides.is_empty(), "scattered pages go out by DMA where that works");
}

/// Addresses below which chips reach whose driver sets its mask by an expression: (driver, compatible,
/// end).
const REACHES: [(Option<&str>, &str, u64); 14] = [
    (Some("rkisp1"), "rockchip,rk3399-cif-isp", 1 << 32),
    (Some("rkisp1"), "fsl,imx8mp-isp", 1 << 34),
    (None, "fsl,imx8mp-isp", 1 << 34),
    (Some("rcar-du"), "renesas,du-r8a7790", 1 << 32),
    (Some("rcar-du"), "renesas,du-r8a7795", 1 << 40),
    (None, "renesas,du-r8a779g0", 1 << 40),
    (Some("tegra-dc"), "nvidia,tegra30-dc", 1 << 32),
    (Some("tegra-vic"), "nvidia,tegra194-vic", 1 << 40),
    (None, "nvidia,tegra186-display", 1 << 40),
    (None, "nvidia,tegra234-host1x", 1 << 40),
    (Some("qcom-venus"), "qcom,sdm660-venus", 0xd900_0000),
    (Some("qcom-venus"), "qcom,msm8996-venus", 0xddc0_0000),
    (None, "qcom,sm8250-venus", 0xe000_0000),
    (Some("vc4-drm"), "brcm,bcm2712-vc6", 1 << 36),
];

#[test]
fn chips_of_one_driver_reach_differently() {
    let set = load(&[]).set;
    for (driver, compatible, end) in REACHES {
        let list = [compatible.into()];
        let view = DeviceView { driver, compatible: &list, ..DeviceView::new(kernel("7.3")) };
        let needs = found(&set.device(&view, usages(&["scanout"]))).unwrap();
        assert_eq!(needs.below, Some(end), "{driver:?} {compatible}");
    }
}

/// amdxdna_iommu.c:183
#[test]
fn a_parameter_makes_a_domain_of_its_own() {
    let set = load(&[]).set;
    for (force_iova, iommu_present, contiguous) in
        [("N", true, true), ("Y", true, false), ("Y", false, true)]
    {
        let read = |name: &str| (name == "force_iova").then(|| force_iova.to_owned());
        let view = DeviceView {
            driver: Some("amdxdna"),
            has_iommu: Some(false),
            iommu_present: Some(iommu_present),
            module_parameter: Some(&read),
            ..DeviceView::new(kernel("7.3"))
        };
        let needs = found(&set.device(&view, usages(&["process"]))).unwrap();
        assert_eq!(needs.contiguous, contiguous, "{force_iova} {iommu_present}");
    }
}
