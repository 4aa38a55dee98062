//! How DMA passes the buses of a devicetree: what it reaches, and whether it snoops caches.

use super::cells::{Arguments, ENTRIES_MAX, cell_count, cells, number, references};
use super::{DEPTH_MAX, NODES_MAX, Tree};
use crate::discover::Placed;
use heapq_constraints::fact::Windows;

/// One entry of `dma-ranges`: what a bus calls `bus` is `parent` one level up.
#[derive(Clone, Copy)]
struct Range {
    bus: u64,
    parent: u64,
    size: u64,
}

/// The bus that DMA of `node` goes through: an interconnect that is named `dma-mem`, as
/// `__of_get_dma_parent()` has it (drivers/of/address.c), else the node above.
pub(in crate::discover) fn dma_parent<T: Tree>(tree: &T, node: &T::Node) -> Option<T::Node> {
    let names = tree.strings(node, "interconnect-names");
    let memory = names.iter().position(|name| &**name == "dma-mem").and_then(|index| {
        let cells = Arguments::Counted("#interconnect-cells");
        let buses = references(tree, node, "interconnects", cells);
        buses.into_iter().nth(index).flatten()
    });
    memory.or_else(|| tree.parent(node))
}

/// The buses from `bus` up; a tree whose interconnects run in a circle ends at a bound.
fn upwards<T: Tree>(tree: &T, bus: &T::Node) -> impl Iterator<Item = T::Node> {
    std::iter::successors(Some(bus.clone()), |at| dma_parent(tree, at)).take(DEPTH_MAX)
}

/// Whether what sits at `node` snoops caches: the nearest word of it or a bus above counts
/// (`of_dma_is_coherent()`).
pub(in crate::discover) fn coherent<T: Tree>(tree: &T, node: &T::Node) -> bool {
    for at in upwards(tree, node) {
        if tree.has(&at, "dma-coherent") {
            return true;
        }
        if tree.has(&at, "dma-noncoherent") {
            return false;
        }
    }
    false
}

/// What the `dma-ranges` of `bus` and of the buses above it leave, CPU-physical; `None` when none of
/// them is a limit.
pub(in crate::discover) fn reach<T: Tree>(tree: &T, bus: &T::Node) -> Option<Placed> {
    let limiting = limiting(tree, bus)?;
    let places = places(tree, &limiting)?;
    // A bus whose ranges lead nowhere reaches nothing; no interval can say so, one byte can.
    let windows = Windows::new(places).filter(|found| !found.intervals().is_empty());
    let windows = windows.or_else(|| Windows::new(vec![(0, 1)]))?;
    Some(Placed { windows, from: tree.path(&limiting).into() })
}

/// The first bus that translates, as `of_dma_get_range()` looks for it: an empty `dma-ranges` is
/// passed, and so is a bus without one, but only the first.
fn limiting<T: Tree>(tree: &T, bus: &T::Node) -> Option<T::Node> {
    for (steps, at) in upwards(tree, bus).enumerate() {
        match tree.property(&at, "dma-ranges") {
            Some(ranges) if !ranges.is_empty() => return Some(at),
            None if steps > 0 => return None,
            _ => {}
        }
    }
    None
}

/// Where the ranges of `bus` lie for the CPU; `None` when it has no entry that can be read.
fn places<T: Tree>(tree: &T, bus: &T::Node) -> Option<Vec<(u64, u64)>> {
    let own = ranges(tree, bus);
    let mut places: Vec<_> = own.iter().filter_map(at_parent).collect();
    if own.is_empty() {
        return None;
    }
    for above in upwards(tree, bus).skip(1) {
        let ranges = ranges(tree, &above);
        // Without ranges of its own a bus passes addresses as they are.
        if !ranges.is_empty() {
            places = translate(&places, &ranges);
        }
    }
    Some(places)
}

fn ranges<T: Tree>(tree: &T, bus: &T::Node) -> Vec<Range> {
    let Some(above) = tree.parent(bus) else { return Vec::new() };
    let cells = cells(tree, bus, "dma-ranges");
    if cells.is_empty() {
        return Vec::new();
    }
    let own = cell_count(tree, bus, "#address-cells");
    let parent = cell_count(tree, &above, "#address-cells");
    let size = cell_count(tree, bus, "#size-cells");
    let entries = cells.chunks_exact((own + parent + size).max(1)).take(ENTRIES_MAX);
    let read = entries.filter_map(|entry| {
        let range = range(entry, own, parent).filter(fits);
        if range.is_none() {
            let path = tree.path(bus);
            tree.warn(format!("devicetree {path}: dma-ranges exceeds 64 bits"));
        }
        range
    });
    read.collect()
}

fn range(entry: &[u32], own: usize, parent: usize) -> Option<Range> {
    let (bus, rest) = entry.split_at_checked(own)?;
    let (parent, size) = rest.split_at_checked(parent)?;
    // PCI has a word of flags before its two words of address.
    let address = |cells: &[u32]| number(if cells.len() == 3 { cells.get(1..)? } else { cells });
    Some(Range { bus: address(bus)?, parent: address(parent)?, size: number(size)? })
}

fn fits(range: &Range) -> bool {
    let ends = range.bus.checked_add(range.size).zip(range.parent.checked_add(range.size));
    ends.is_some()
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
    // Joined where they touch, and no more than a bus may have: overlapping ranges would multiply.
    let joined = Windows::new(carried).map(|windows| windows.intervals().to_vec());
    let mut joined = joined.unwrap_or_default();
    joined.truncate(ENTRIES_MAX);
    joined
}

/// What all buses of a tree reach, CPU-physical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::discover) struct Reach {
    /// The lowest top of what any bus in use reaches, not included:
    /// `of_dma_get_max_cpu_address()`. `None`: no bus is limited.
    pub(in crate::discover) top: Option<u64>,
    /// The lowest address that any of them reaches.
    pub(in crate::discover) bottom: Option<u64>,
}

/// Walks the buses that are in use.
pub(in crate::discover) fn lowest_reach<T: Tree>(tree: &T) -> Reach {
    let mut found = Reach::default();
    let mut todo = vec![(tree.root(), 0)];
    let mut visited = 0;
    while let Some((node, depth)) = todo.pop() {
        visited += 1;
        if visited > NODES_MAX {
            tree.warn(format!("devicetree: more than {NODES_MAX} nodes"));
            break;
        }
        let places = places(tree, &node).unwrap_or_default();
        let lower = |one: Option<u64>, other: u64| Some(one.map_or(other, |one| one.min(other)));
        if let Some(top) = places.iter().map(|(_, end)| *end).max() {
            found.top = lower(found.top, top);
        }
        for (first, _) in places {
            found.bottom = lower(found.bottom, first);
        }
        if depth < DEPTH_MAX {
            let children = tree.children(&node).into_iter().filter(|child| tree.okay(child));
            todo.extend(children.map(|child| (child, depth + 1)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Range, translate};

    #[test]
    fn buses_above_each_other_add_up() {
        let ranges = [Range { bus: 0x1000, parent: 0x8000, size: 0x1000 }];
        assert_eq!(translate(&[(0, 0x1800), (0x3000, 0x4000)], &ranges), [(0x8000, 0x8800)]);
    }

    #[test]
    fn overlapping_ranges_do_not_multiply() {
        let ranges = [Range { bus: 0, parent: 0, size: 0x1000 }; 64];
        let places: Vec<_> = (0..64).map(|n| (n * 2, n * 2 + 1)).collect();
        assert_eq!(translate(&places, &ranges), places);
    }
}
