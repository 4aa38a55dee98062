//! `/dev/udmabuf`, which makes dma-bufs of memfds: no heap to the kernel, two to us.

use super::SeenHeap;
use super::root::Root;
use crate::heaps::{HUGE_PAGE, Pages};
use heapq_constraints::{Heap, Name, Origin};
use serde::{Deserialize, Serialize};

/// Its device in sysfs.
const DEVICE: &str = "/sys/class/misc/udmabuf";
/// The largest buffer in MiB, for everybody.
const LIMIT: &str = "/sys/module/udmabuf/parameters/size_limit_mb";
/// The pool of huge pages.
const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";

/// The misc device `udmabuf`. Its other parameter, `list_limit`, bounds buffers of several memfds,
/// which heapq does not make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Udmabuf {
    /// Its device node is there.
    pub node: bool,
    /// The largest buffer in bytes, where the module's `size_limit_mb` can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Huge pages of 2 MiB in the kernel's pool, in use or not, and those that it may add.
    #[serde(default)]
    pub huge_pages: u64,
}

impl Udmabuf {
    /// As the machine shows it; `has_node` knows whether a device node is there.
    pub(super) fn read(root: &Root, has_node: impl Fn(&str) -> bool) -> Option<Self> {
        if !root.exists_or_dangles(DEVICE) {
            return None;
        }
        let limit = root.number(LIMIT).and_then(|mib| mib.checked_mul(1 << 20));
        let pages = |file| root.number(&format!("{POOL}/{file}")).unwrap_or(0);
        let huge_pages = pages("nr_hugepages").saturating_add(pages("nr_overcommit_hugepages"));
        Some(Self { node: has_node("/dev/udmabuf"), limit, huge_pages })
    }

    /// The heaps that it is: that of huge pages only where there are any.
    pub(super) fn heaps(&self) -> impl Iterator<Item = SeenHeap> {
        let given = |pages: &Pages| *pages == Pages::Single || self.huge_pages > 0;
        Pages::ALL.into_iter().filter(given).map(|pages| SeenHeap {
            name: pages.heap().into(),
            path: DEVICE.into(),
            node: self.node,
        })
    }

    /// States the machine's own bounds of `heap`, where it is one of these.
    pub(super) fn bound(&self, heap: &mut Heap) {
        let Some(pages) = Pages::of(&heap.name) else { return };
        let says = |file: &str| Origin::Sysfs(Name::from(file));
        if let Some(limit) =
            self.limit.filter(|limit| heap.max_size.is_none_or(|most| *limit < most))
        {
            heap.max_size = Some(limit);
            heap.origins.insert("max-size", says(LIMIT));
        }
        // Those in use count too: they come and go, and an allocation that finds none fails cleanly.
        if pages == Pages::Huge && heap.capacity.is_none() {
            heap.capacity = Some(self.huge_pages.saturating_mul(HUGE_PAGE));
            heap.origins.insert("capacity", says(POOL));
        }
    }
}
