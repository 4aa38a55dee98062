//! The kernel's contiguous areas: how large they are, and, for those who may look, where they lie.

use super::CmaArea;
use super::root::Root;
use heapq_constraints::Name;
use std::collections::BTreeSet;

/// For everybody, on kernels with CONFIG_CMA_SYSFS.
const SYSFS: &str = "/sys/kernel/mm/cma";
/// For root, on kernels with CONFIG_CMA_DEBUGFS.
pub(super) const DEBUGFS: &str = "/sys/kernel/debug/cma";

/// The areas in both places, by name; those without a size are left out.
pub(super) fn areas(root: &Root, page: u64) -> Vec<CmaArea> {
    let names: BTreeSet<String> = [SYSFS, DEBUGFS].iter().flat_map(|dir| root.list(dir)).collect();
    names.into_iter().filter_map(|name| area(root, name.into(), page)).collect()
}

fn area(root: &Root, name: Name, page: u64) -> Option<CmaArea> {
    let pages = |file: &str| root.number(file)?.checked_mul(page);
    let size = format!("{SYSFS}/{name}/total_pages");
    let bytes = pages(&size).or_else(|| pages(&format!("{DEBUGFS}/{name}/count")));
    if bytes.is_none() {
        root.warn(format!("{size}: the area has no size"));
    }
    // An area of several parts (6.15 and later) is in one piece no more, and of its parts only the
    // bases are shown.
    let parts = root.list(&format!("{DEBUGFS}/{name}/ranges")).len();
    let base = if parts < 2 { pages(&format!("{DEBUGFS}/{name}/base_pfn")) } else { None };
    Some(CmaArea { name, bytes: bytes?, base })
}
