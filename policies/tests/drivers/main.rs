//! Every row of the tables of kernel drivers holds in the shipped policies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails")]

#[path = "../common/mod.rs"]
mod common;
mod exceptions;
mod meaning;
mod nodes;
mod others;
mod table;

use common::{kernel, usages};
use exceptions::{NO_DEVICE, SHARED, Setting, kind, settings};
use heapq_constraints::question::Usage;
use heapq_policies::{DeviceView, PolicySet, load};
use meaning::{Iommu, found, meaning, reach};
use table::{Row, drivers};

/// What the devices of a row are used for.
fn uses(row: &Row) -> &'static [&'static str] {
    match row.role {
        "" => &["capture", "decode", "encode", "process"],
        "render" | "accel" => &["render", "texture", "process"],
        "scanout" | "component" => &["scanout"],
        _ => &["scanout", "render", "texture"],
    }
}

/// By its driver's name alone, by each compatible alone as a devicetree shows it, and by both.
fn views(row: &Row) -> Vec<DeviceView<'_>> {
    let nothing = DeviceView::new(kernel("7.3"));
    let bus = Some(row.bus).filter(|bus| !bus.is_empty());
    let subsystem = Some(if row.role.is_empty() { "video4linux" } else { "drm" });
    let (driver, module) = (Some(row.driver), Some(row.module));
    let by_name = DeviceView { driver, module, bus, subsystem, ..nothing };
    let each = row.compatibles.iter().map(std::slice::from_ref);
    let by_compatible = each.flat_map(|compatible| {
        [DeviceView { compatible, ..nothing }, DeviceView { compatible, ..by_name }]
    });
    std::iter::once(by_name).chain(by_compatible).collect()
}

fn behind(view: DeviceView<'_>, iommu: Iommu) -> DeviceView<'_> {
    let has_iommu = Some(iommu == Iommu::Translates);
    DeviceView { has_iommu, iommu_present: Some(iommu != Iommu::Absent), ..view }
}

/// What is wrong with the rules for a device of this row.
fn compare(
    row: &Row,
    view: &DeviceView<'_>,
    setting: Option<&Setting>,
    set: &PolicySet,
) -> Vec<String> {
    let compatible = view.compatible.first().map(|name| &**name);
    let mut wrong = Vec::new();
    for iommu in [Iommu::Absent, Iommu::Translates, Iommu::Identity] {
        for usage in uses(row) {
            let knowledge = set.device(&behind(*view, iommu), usages(&[usage]));
            let kind = setting.map_or_else(|| kind(row, compatible, usage), |setting| setting.kind);
            let meaning = meaning(row, kind, usage, iommu);
            if !knowledge.known {
                wrong.push("no rule describes it".to_owned());
            }
            match found(&knowledge) {
                Ok(needs) if needs.are(&meaning) => {}
                other => wrong.push(format!("{iommu:?} {usage}: {other:?}, not {meaning:?}")),
            }
            let direction = match *usage {
                "capture" => Usage::CpuWrite,
                "scanout" => Usage::CpuRead,
                _ => continue,
            };
            // A display on SPI: the CPU reads the picture, and sends it on.
            let by_cpu = meaning.needs.copies || (row.mapped && row.bus == "spi");
            if by_cpu != knowledge.usage.contains(direction) {
                wrong.push(format!("{usage}: a user of the CPU's: {}", !by_cpu));
            }
        }
    }
    wrong
}

/// The same with each setting of the module parameter that decides, if one does.
fn compare_all(row: &Row, view: &DeviceView<'_>, set: &PolicySet) -> Vec<String> {
    if settings(row).is_empty() {
        return compare(row, view, None, set);
    }
    let with = |setting: &Setting| {
        let read = |name: &str| (name == setting.parameter).then(|| setting.value.to_owned());
        let view = DeviceView { module_parameter: Some(&read), ..*view };
        compare(row, &view, Some(setting), set)
    };
    settings(row).iter().flat_map(with).collect()
}

/// Whether the view shows a device that another row's driver would bind.
fn is_of_another(row: &Row, view: &DeviceView<'_>) -> bool {
    let shared = |compatible: &str| {
        SHARED.iter().any(|(driver, name, _)| (*driver, *name) == (row.driver, compatible))
    };
    view.driver.is_none() && view.compatible.iter().any(|compatible| shared(compatible))
}

#[test]
fn every_row_holds() {
    let set = load(&[]).set;
    let mut wrong = Vec::new();
    for row in drivers() {
        if NO_DEVICE.iter().any(|(driver, _)| *driver == row.driver) {
            continue;
        }
        for view in views(&row).iter().filter(|view| !is_of_another(&row, view)) {
            let complaints = compare_all(&row, view, &set);
            if let [first, ..] = &*complaints {
                let by = (view.driver, view.compatible.first());
                wrong.push(format!("{} {by:?}: {first} (+{})", row.driver, complaints.len() - 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{} views:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a driver allocates lies within its one mask. Where it has several, or an expression, the rules
/// expect the least of what it takes and the most of what it allocates.
#[test]
fn what_is_allocated_is_within_reach() {
    let set = load(&[]).set;
    let mut seen = 0;
    for row in drivers() {
        let [below] = reach(&row)[..] else { continue };
        for view in views(&row) {
            let exports = set.device(&behind(view, Iommu::Absent), usages(&[])).exports;
            let Some(exports) = exports.filter(|exports| exports.heap.contiguous) else { continue };
            let end = 1u64.checked_shl(exports.heap.address_bits.into());
            let within = below.is_none_or(|below| end.is_some_and(|end| end <= below));
            assert!(within, "{}: {:?} bits", row.driver, exports.heap.address_bits);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}
