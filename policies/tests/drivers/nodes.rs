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
