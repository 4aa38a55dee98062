//! `/reserved-memory`: the pools that become heaps, and what a kernel calls those.

use super::Tree;
use super::cells::{cell_count, cells, intervals, number};
use crate::discover::Pool;
use heapq_constraints::Name;
use heapq_constraints::fact::Windows;
use heapq_policies::Kernel;

/// The reusable `shared-dma-pool` nodes, which kernel/dma/contiguous.c (`rmem_cma_setup()`) makes
/// contiguous areas of. Other nodes never become heaps.
pub(in crate::discover) fn pools<T: Tree>(tree: &T) -> Vec<Pool> {
    let root = tree.root();
    let Some(parent) = tree.child(&root, "reserved-memory") else { return Vec::new() };
    // `__reserved_mem_check_root()`, drivers/of/of_reserved_mem.c.
    let like_root = |name| cell_count(tree, &parent, name) == cell_count(tree, &root, name);
    if !like_root("#address-cells") || !like_root("#size-cells") || !tree.has(&parent, "ranges") {
        tree.warn("devicetree /reserved-memory: cells unlike the root's, or no ranges".to_owned());
        return Vec::new();
    }
    tree.children(&parent).iter().filter_map(|node| pool(tree, &parent, node)).collect()
}

fn pool<T: Tree>(tree: &T, parent: &T::Node, node: &T::Node) -> Option<Pool> {
    let compatible = tree.strings(node, "compatible");
    let shared = compatible.iter().any(|one| &**one == "shared-dma-pool");
    let usable = tree.has(node, "reusable") && !tree.has(node, "no-map") && tree.okay(node);
    if !shared || !usable {
        return None;
    }
    // Of several entries of `reg` the kernel takes the first.
    let fixed = intervals(tree, parent, node, "reg").first().copied();
    let (places, bytes) = match fixed {
        Some((first, end)) => (vec![(first, end)], Some(end - first)),
        None => (intervals(tree, parent, node, "alloc-ranges"), size(tree, parent, node)),
    };
    let window = Windows::new(places).filter(|windows| !windows.intervals().is_empty());
    let default = tree.has(node, "linux,cma-default");
    Some(Pool { name: tree.name(node).into(), default, window, bytes })
}

fn size<T: Tree>(tree: &T, parent: &T::Node, node: &T::Node) -> Option<u64> {
    let cells = cells(tree, node, "size");
    (cells.len() == cell_count(tree, parent, "#size-cells")).then(|| number(&cells)).flatten()
}

/// The names of the heaps that a kernel with all of its dma-heaps makes on a board with `pools`.
///
/// drivers/dma-buf/heaps/cma_heap.c: the default area bears its own name (`reserved` where the kernel
/// made it), since 6.17 also `default_cma_region`; the other areas are heaps since 6.19
/// (commit 4f5f8baf7341).
#[must_use]
pub fn heap_names(pools: &[Pool], kernel: Kernel) -> Vec<Name> {
    let since = |minor| (kernel.major, kernel.minor) >= (6, minor);
    let default = pools.iter().find(|pool| pool.default);
    let own = default.map_or_else(|| "reserved".into(), |pool| pool.name.clone());
    let mut names: Vec<Name> = vec!["system".into(), own];
    names.extend(since(17).then(|| "default_cma_region".into()));
    if since(19) {
        let others = pools.iter().filter(|pool| !pool.default);
        names.extend(others.map(|pool| pool.name.clone()));
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::heap_names;
    use crate::discover::Pool;
    use heapq_policies::Kernel;

    #[test]
    fn heaps_are_named_by_the_kernels_version() {
        let pool =
            |name: &str, default| Pool { name: name.into(), default, window: None, bytes: None };
        let pools = [pool("linux,cma", true), pool("camera@50000000", false)];
        for (minor, expected) in [
            (12, vec!["linux,cma", "system"]),
            (17, vec!["default_cma_region", "linux,cma", "system"]),
            (19, vec!["camera@50000000", "default_cma_region", "linux,cma", "system"]),
        ] {
            let names = heap_names(&pools, Kernel { major: 6, minor });
            assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), expected, "6.{minor}");
        }
        let none = heap_names(&[], Kernel { major: 6, minor: 6 });
        assert_eq!(none.iter().map(|name| &**name).collect::<Vec<_>>(), ["reserved", "system"]);
    }
}
