//! Where RAM is, as far as a devicetree says.

use super::Tree;
use super::cells::intervals;
use super::dma::Reach;
use crate::discover::Placed;
use heapq_constraints::fact::Windows;

/// Above all memory: RISC-V addresses 56 bits of it, 64-bit ARM 52, 32-bit ARM 40.
const TOP: u64 = 1 << 56;

/// The `memory` nodes at the top; where they are absent or empty the boot loader fills them in, and
/// RAM is then taken to begin where the buses' reach does, and to have no end.
pub(super) fn ram<T: Tree>(tree: &T, reach: Reach) -> Option<Placed> {
    let root = tree.root();
    let mut places = Vec::new();
    let mut from = None;
    for node in tree.children(&root) {
        let kind = tree.strings(&node, "device_type");
        if kind.first().is_some_and(|kind| &**kind == "memory") && tree.okay(&node) {
            let own = intervals(tree, &root, &node, "reg");
            if !own.is_empty() {
                from.get_or_insert_with(|| tree.path(&node));
            }
            places.extend(own);
        }
    }
    if let Some(from) = from {
        return Some(Placed { windows: Windows::new(places)?, from: from.into() });
    }
    let bottom = reach.bottom.unwrap_or(0).min(TOP - 1);
    tree.warn(format!(
        "devicetree: the boot loader says where RAM is; it is taken to begin at {bottom:#x}"
    ));
    Some(Placed { windows: Windows::new(vec![(bottom, TOP)])?, from: "/".into() })
}
