//! The running machine's devicetree, as directories: `/sys/firmware/devicetree/base`.

use super::root::Root;
use super::{Placed, Pool};
use heapq_constraints::Name;
use heapq_constraints::fact::Windows;

const BASE: &str = "/sys/firmware/devicetree/base";
/// Nodes that are visited at most; mainline's largest tree has some 7,000.
const NODES_MAX: usize = 1 << 16;
/// Buses above each other.
const DEPTH_MAX: usize = 64;
/// Entries of one `reg`, `ranges` or `alloc-ranges`.
const RANGES_MAX: usize = 256;

/// One entry of `dma-ranges`: what a bus calls `bus` is `parent` one level up.
#[derive(Clone, Copy)]
struct Range {
    bus: u64,
    parent: u64,
    size: u64,
}

pub(super) struct Tree<'a> {
    root: &'a Root,
}

impl<'a> Tree<'a> {
    /// `None` on a machine without a devicetree.
    pub(super) fn of(root: &'a Root) -> Option<Self> {
        root.exists(BASE).then_some(Self { root })
    }

    fn property(&self, node: &str, name: &str) -> Option<Vec<u8>> {
        self.root.bytes(&format!("{BASE}{node}/{name}"))
    }

    fn has(&self, node: &str, name: &str) -> bool {
        self.root.exists(&format!("{BASE}{node}/{name}"))
    }

    /// A list of strings, e.g. `compatible`.
    pub(super) fn strings(&self, node: &str, name: &str) -> Vec<Name> {
        let bytes = self.property(node, name).unwrap_or_default();
        let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        parts.filter_map(|part| std::str::from_utf8(part).ok()).map(Into::into).take(64).collect()
    }

    fn cells(&self, node: &str, name: &str) -> Vec<u32> {
        let bytes = self.property(node, name).unwrap_or_default();
        let (words, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            self.root.warn(format!("devicetree {node}/{name}: {} bytes are no cells", bytes.len()));
            return Vec::new();
        }
        words.iter().map(|word| u32::from_be_bytes(*word)).collect()
    }

    /// `#address-cells` or `#size-cells`; the standard's defaults where a node says nothing.
    fn cell_count(&self, node: &str, name: &str) -> usize {
        let default = if name == "#address-cells" { 2 } else { 1 };
        match self.cells(node, name).first() {
            None => default,
            Some(count) => usize::try_from(*count).unwrap_or(default).min(8),
        }
    }

    fn okay(&self, node: &str) -> bool {
        let status = self.strings(node, "status");
        status.first().is_none_or(|status| matches!(&**status, "okay" | "ok"))
    }

    /// The reusable `shared-dma-pool` nodes.
    pub(super) fn pools(&self) -> Vec<Pool> {
        let parent = "/reserved-memory";
        let names = self.root.list(&format!("{BASE}{parent}"));
        names.iter().filter_map(|name| self.pool(parent, name)).collect()
    }

    fn pool(&self, parent: &str, name: &str) -> Option<Pool> {
        let node = format!("{parent}/{name}");
        let compatible = self.strings(&node, "compatible");
        let pool = compatible.iter().any(|one| &**one == "shared-dma-pool");
        if !pool || !self.has(&node, "reusable") || !self.okay(&node) {
            return None;
        }
        let reg = self.intervals(parent, &node, "reg");
        let fixed: u64 = reg.iter().map(|(first, end)| end - first).sum();
        let bytes = if reg.is_empty() { self.size(parent, &node) } else { Some(fixed) };
        let places =
            if reg.is_empty() { self.intervals(parent, &node, "alloc-ranges") } else { reg };
        let window = Windows::new(places).filter(|windows| !windows.intervals().is_empty());
        let default = self.has(&node, "linux,cma-default");
        Some(Pool { name: name.into(), default, window, bytes })
    }

    fn size(&self, parent: &str, node: &str) -> Option<u64> {
        let cells = self.cells(node, "size");
        (cells.len() == self.cell_count(parent, "#size-cells")).then(|| number(&cells)).flatten()
    }

    /// `(address, size)` pairs as `[first, end)`; empty or overflowing ones are left out.
    fn intervals(&self, parent: &str, node: &str, name: &str) -> Vec<(u64, u64)> {
        let address = self.cell_count(parent, "#address-cells");
        let size = self.cell_count(parent, "#size-cells");
        let cells = self.cells(node, name);
        let entries = cells.chunks_exact((address + size).max(1)).take(RANGES_MAX);
        let pairs = entries.filter_map(|entry| {
            let (address, size) = entry.split_at_checked(address)?;
            let first = number(address)?;
            Some((first, first.checked_add(number(size)?)?))
        });
        pairs.filter(|(first, end)| first < end).collect()
    }

    /// Whether what sits at `node` snoops caches: the nearest word of it or a bus above counts.
    pub(super) fn coherent(&self, node: &str) -> bool {
        for at in ancestors(node) {
            if self.has(at, "dma-coherent") {
                return true;
            }
            if self.has(at, "dma-noncoherent") {
                return false;
            }
        }
        false
    }

    /// What the `dma-ranges` of `bus` and of the buses above it leave, CPU-physical; `None` when
    /// none of them is a limit.
    pub(super) fn reach(&self, bus: &str) -> Option<Placed> {
        let mut limiting: Option<(&str, Vec<(u64, u64)>)> = None;
        for at in ancestors(bus) {
            let ranges = self.dma_ranges(at);
            if ranges.is_empty() {
                continue;
            }
            limiting = Some(match limiting {
                None => (at, ranges.iter().filter_map(at_parent).collect()),
                Some((first, places)) => (first, translate(&places, &ranges)),
            });
        }
        let (first, places) = limiting?;
        // A bus whose ranges lead nowhere reaches nothing; no interval can say so, one byte can.
        let windows = Windows::new(places).filter(|found| !found.intervals().is_empty());
        let windows = windows.or_else(|| Windows::new(vec![(0, 1)]))?;
        Some(Placed { windows, from: first.into() })
    }

    fn dma_ranges(&self, bus: &str) -> Vec<Range> {
        let Some((above, _)) = bus.rsplit_once('/') else { return Vec::new() };
        let cells = self.cells(bus, "dma-ranges");
        if cells.is_empty() {
            return Vec::new();
        }
        let own = self.cell_count(bus, "#address-cells");
        let parent = self.cell_count(above, "#address-cells");
        let size = self.cell_count(bus, "#size-cells");
        let entries = cells.chunks_exact((own + parent + size).max(1)).take(RANGES_MAX);
        entries.filter_map(|entry| range(entry, own, parent)).collect()
    }

    /// The lowest top of what any bus of the tree reaches: `of_dma_get_max_cpu_address()`.
    pub(super) fn lowest_reach(&self) -> Option<u64> {
        let mut lowest = None;
        let mut todo = vec![(String::new(), 0)];
        let mut visited = 0;
        while let Some((node, depth)) = todo.pop() {
            visited += 1;
            if visited > NODES_MAX {
                self.root.warn(format!("devicetree: more than {NODES_MAX} nodes"));
                break;
            }
            let ends = self.dma_ranges(&node).into_iter().filter_map(|range| at_parent(&range));
            if let Some(top) = ends.map(|(_, end)| end).max() {
                lowest = Some(lowest.map_or(top, |lowest: u64| lowest.min(top)));
            }
            if depth < DEPTH_MAX {
                todo.extend(self.children(&node).map(|child| (child, depth + 1)));
            }
        }
        lowest
    }

    /// The names in a node: its properties and children.
    pub(super) fn names(&self, node: &str) -> Vec<String> {
        self.root.list(&format!("{BASE}{node}"))
    }

    fn children(&self, node: &str) -> impl Iterator<Item = String> {
        let dir = format!("{BASE}{node}");
        let names = self.root.list(&dir).into_iter();
        // Buses are nodes with children; only directories can be listed.
        names.filter(move |name| self.root.is_dir(&format!("{dir}/{name}"))).map({
            let node = node.to_owned();
            move |name| format!("{node}/{name}")
        })
    }
}

/// The node itself and what is above it, up to the root (`""`).
fn ancestors(node: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(node), |at| above(at)).take(DEPTH_MAX)
}

fn above(node: &str) -> Option<&str> {
    node.rsplit_once('/').map(|(above, _)| above)
}

fn range(entry: &[u32], own: usize, parent: usize) -> Option<Range> {
    let (bus, rest) = entry.split_at_checked(own)?;
    let (parent, size) = rest.split_at_checked(parent)?;
    // PCI has a word of flags before its two words of address.
    let bus = if bus.len() == 3 { bus.get(1..)? } else { bus };
    Some(Range { bus: number(bus)?, parent: number(parent)?, size: number(size)? })
}

fn at_parent(range: &Range) -> Option<(u64, u64)> {
    let end = range.parent.checked_add(range.size)?;
    (range.parent < end).then_some((range.parent, end))
}

/// Carries intervals one bus up; what no range covers is out of reach.
fn translate(places: &[(u64, u64)], ranges: &[Range]) -> Vec<(u64, u64)> {
    let mut carried = Vec::new();
    for (first, end) in places {
        for range in ranges {
            let low = (*first).max(range.bus);
            let high = (*end).min(range.bus.saturating_add(range.size));
            if low < high {
                let up = |address: u64| (address - range.bus).checked_add(range.parent);
                carried.extend(up(low).zip(up(high)));
            }
        }
    }
    carried
}

/// Big-endian cells as one number; `None` when it has more than 64 bits.
fn number(cells: &[u32]) -> Option<u64> {
    cells.iter().try_fold(0_u64, |number, cell| {
        let shifted = if number >> 32 == 0 { number << 32 } else { return None };
        Some(shifted | u64::from(*cell))
    })
}

#[cfg(test)]
mod tests {
    use super::{Range, Root, Tree, number, translate};
    use std::fs;
    use std::path::Path;

    fn cells(dir: &Path, name: &str, cells: &[u32]) {
        fs::create_dir_all(dir).unwrap();
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        fs::write(dir.join(name), bytes).unwrap();
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_none() {
        assert_eq!(number(&[]), Some(0));
        assert_eq!(number(&[1, 2]), Some(0x1_0000_0002));
        assert_eq!(number(&[1, 2, 3]), None);
    }

    #[test]
    fn buses_above_each_other_add_up() {
        let ranges = [Range { bus: 0x1000, parent: 0x8000, size: 0x1000 }];
        assert_eq!(translate(&[(0, 0x1800), (0x3000, 0x4000)], &ranges), [(0x8000, 0x8800)]);
    }

    #[test]
    fn a_bus_with_dma_ranges_limits_what_is_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("sys/firmware/devicetree/base");
        cells(&base, "#address-cells", &[2]);
        cells(&base.join("soc"), "#address-cells", &[1]);
        cells(&base.join("soc"), "#size-cells", &[1]);
        cells(&base.join("soc"), "dma-ranges", &[0xc000_0000, 0, 0, 0x4000_0000]);
        cells(&base.join("soc/camera"), "dma-coherent", &[]);
        cells(&base.join("elsewhere"), "#size-cells", &[1]);
        let root = Root::open(dir.path()).unwrap();
        let tree = Tree::of(&root).unwrap();
        let reach = tree.reach("/soc").unwrap();
        assert_eq!(reach.windows.intervals(), [(0, 0x4000_0000)]);
        assert_eq!(&*reach.from, "/soc");
        assert!(tree.reach("/elsewhere").is_none());
        assert_eq!(tree.lowest_reach(), Some(0x4000_0000));
        assert!(tree.coherent("/soc/camera/port"));
        assert!(!tree.coherent("/soc"));
    }

    #[test]
    fn a_bus_that_reaches_nothing_is_a_limit_too() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("sys/firmware/devicetree/base");
        cells(&base, "#address-cells", &[1]);
        cells(&base.join("soc"), "#address-cells", &[1]);
        cells(&base.join("soc"), "#size-cells", &[1]);
        cells(&base.join("soc"), "dma-ranges", &[0, 0, 0x1000]);
        cells(&base.join("soc/bus"), "#address-cells", &[1]);
        cells(&base.join("soc/bus"), "#size-cells", &[1]);
        cells(&base.join("soc/bus"), "dma-ranges", &[0, 0x8000, 0x1000]);
        let root = Root::open(dir.path()).unwrap();
        let reach = Tree::of(&root).unwrap().reach("/soc/bus").unwrap();
        assert_eq!(reach.windows.intervals(), [(0, 1)]);
    }
}
