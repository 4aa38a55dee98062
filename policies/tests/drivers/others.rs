//! Importers that are no video or display drivers, and heaps.

use crate::common::{kernel, usages};
use crate::table::{Record, records};
use heapq_constraints::fact::AccessSet;
use heapq_policies::{DeviceView, load};

/// Where a row of `importers.tsv` is told.
enum Told {
    /// Rules of these drivers; each needs one piece, or else takes scattered pages.
    Rules(&'static [&'static str], bool),
    /// These drivers have rows in `drm.tsv` or `v4l2.tsv`.
    Table(&'static [&'static str]),
    /// Nothing that a client can name as a device; why.
    NoDevice(&'static str),
}

const IMPORTERS: [(&str, Told); 12] = [
    ("fastrpc", Told::Rules(&["fastrpc", "qcom,fastrpc", "qcom,fastrpc-cb"], true)),
    ("RDMA umem_dmabuf", Told::Rules(&["mlx5_core", "efa", "mana", "ionic", "bnxt_en"], false)),
    ("IIO buffer dmabuf", Told::NoDevice("attached to a dmaengine's device, not to the converter")),
    ("USB functionfs", Told::NoDevice("attached to what stands above the gadget, by a file")),
    ("net devmem / io_uring zcrx", Told::Rules(&["bnxt_en", "fbnic", "gve", "mlx5_core"], false)),
    ("iommufd", Told::NoDevice("an address space, not a device")),
    ("amdxdna", Told::Table(&["amdxdna"])),
    ("qaic, ivpu, rocket", Told::Table(&["qaic", "intel_vpu", "rocket"])),
    ("ethosu", Told::Table(&["ethosu"])),
    ("habanalabs", Told::Table(&["habanalabs"])),
    ("tegra-vde", Told::Table(&["tegra-vde"])),
    (
        "xen gntdev, tee_shm",
        Told::NoDevice("they hand memory to other systems, no device does DMA"),
    ),
];

#[test]
fn other_importers_are_told() {
    let set = load(&[]).set;
    let drivers = crate::table::drivers();
    for row in records(include_str!("importers.tsv")) {
        let name = row.field("importer");
        let Some((_, told)) = IMPORTERS.iter().find(|(importer, _)| *importer == name) else {
            panic!("a row that nothing tells: {name}");
        };
        match told {
            Told::Rules(names, contiguous) => {
                for driver in *names {
                    let view =
                        DeviceView { driver: Some(driver), ..DeviceView::new(kernel("7.3")) };
                    let knowledge = set.device(&view, usages(&["process"]));
                    assert!(knowledge.known, "{driver}");
                    let facts = crate::common::facts(&knowledge);
                    assert_eq!(
                        facts.contains(&"Contiguous(true)".to_owned()),
                        *contiguous,
                        "{driver}"
                    );
                }
            }
            Told::Table(names) => {
                let listed = |name| drivers.iter().any(|row| row.driver == name);
                assert!(names.iter().all(|name| listed(*name)), "{name}");
            }
            Told::NoDevice(why) => assert!(!why.is_empty(), "{name}"),
        }
    }
}

/// Names of heaps that a row of `heaps.tsv` stands for, by its first column; none where no heap of this
/// name shows on a machine.
const HEAPS: [(&str, &[&str]); 16] = [
    ("system", &["system"]),
    ("system_cc_shared", &["system_cc_shared"]),
    ("default_cma_region", &["default_cma_region"]),
    ("<reserved-memory node name>, e.g. linux,cma", &["linux,cma", "default-pool"]),
    ("reserved", &["reserved"]),
    ("protected,secure-video", &["protected,secure-video"]),
    ("protected,trusted-ui", &["protected,trusted-ui"]),
    ("protected,secure-video-record", &["protected,secure-video-record"]),
    // Areas of nodes of memory are never made heaps.
    ("numaN CMA areas", &[]),
    ("system-uncached", &["system-uncached"]),
    ("system-dma32 / cma-uncached", &["system-dma32", "cma-uncached"]),
    // A link that udev makes in /dev; the heap has the name that it leads to.
    ("vidbuf_cached", &[]),
    ("qcom,system-uncached, qcom,... ", &["qcom,system-uncached"]),
    ("restricted_mtk_cm, restricted_mtk_cma", &["restricted_mtk_cm", "restricted_mtk_cma"]),
    ("mtk_mm, mtk_svp...", &["mtk_mm", "mtk_svp_region"]),
    ("carveout_<region>", &["carveout_vision_apps_shared-memories"]),
];

#[test]
fn every_heap_holds() {
    let set = load(&[]).set;
    for row in records(include_str!("heaps.tsv")) {
        let name = row.field("heap_name");
        let Some((_, heaps)) = HEAPS.iter().find(|(row, _)| *row == name) else {
            panic!("a row that nothing tells: {name}");
        };
        for heap in *heaps {
            let knowledge = set.heap(heap, kernel("7.3"));
            assert!(knowledge.known, "{heap}");
            let heap = knowledge.heap;
            says(&row, "contiguous", heap.contiguous);
            says(&row, "cached", heap.cached);
            says(&row, "protected", heap.protected);
            let none = AccessSet { coherent: false, sync: false, none: true };
            assert_eq!(heap.access == none, heap.protected, "{}", heap.name);
        }
    }
}

/// Where the column begins with yes or no, the heap is so.
fn says(row: &Record, column: &str, is: bool) {
    let text = row.field(column);
    if text.starts_with("yes") || text.starts_with("no") {
        assert_eq!(is, text.starts_with("yes"), "{}: {column}", row.field("heap_name"));
    }
}
