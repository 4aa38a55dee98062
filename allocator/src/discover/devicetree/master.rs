//! Where a way of the policies to a DMA master leads in a devicetree.

use super::cells::{Arguments, references};
use super::iommu;
use super::{NODES_MAX, Tree};
use heapq_policies::{self as policies, DmaMaster, Patterns};

/// The node that `way` leads to from `node`; what is above and has no node is nobody's to find here.
///
/// Of several that a property names, one in use before one that is not, and then the strictest: one
/// without an IOMMU where there is one.
pub(in crate::discover) fn find<T: Tree>(
    tree: &T,
    node: Option<&T::Node>,
    way: &DmaMaster,
) -> Option<T::Node> {
    let mut masters: Vec<T::Node> = match (way, node) {
        (DmaMaster::First(patterns), _) => return first(tree, patterns),
        (DmaMaster::Parent, Some(node)) => return tree.parent(node),
        (DmaMaster::Property(name, cells), Some(node)) => {
            references(tree, node, name, arguments(cells)).into_iter().flatten().collect()
        }
        (DmaMaster::PortsOf(name), Some(node)) => {
            let ports = references(tree, node, name, Arguments::Fixed(0)).into_iter().flatten();
            ports.filter_map(|port| owner(tree, &port)).collect()
        }
        (DmaMaster::Bus(_), _) | (_, None) => return None,
    };
    masters.sort_by_key(|master| (!tree.available(master), iommu::group(tree, master).is_some()));
    masters.into_iter().next()
}

fn arguments(cells: &policies::Arguments) -> Arguments<'_> {
    match cells {
        policies::Arguments::Fixed(count) => Arguments::Fixed(*count),
        policies::Arguments::Counted(name) => Arguments::Counted(name),
    }
}

/// What a `port` belongs to, be there a `ports` between them or not.
fn owner<T: Tree>(tree: &T, port: &T::Node) -> Option<T::Node> {
    let above = tree.parent(port)?;
    if tree.name(&above) == "ports" { tree.parent(&above) } else { Some(above) }
}

/// In the order of the tree; one in use before any that is not.
fn first<T: Tree>(tree: &T, patterns: &Patterns) -> Option<T::Node> {
    let mut unused = None;
    let mut todo = vec![tree.root()];
    let mut visited = 0;
    while let Some(node) = todo.pop()
        && visited < NODES_MAX
    {
        visited += 1;
        if tree.strings(&node, "compatible").iter().any(|one| patterns.matches(one)) {
            if tree.available(&node) {
                return Some(node);
            }
            unused.get_or_insert(node);
            continue;
        }
        todo.extend(tree.children(&node).into_iter().rev());
    }
    unused
}
