//! Properties that are lists of big-endian 32-bit cells, and what such lists stand for.

use super::Tree;

/// Entries of one property that are read. Mainline's longest list of ranges has fewer.
pub(super) const ENTRIES_MAX: usize = 64;
/// Most cells of an address, size or specifier.
const CELLS_MAX: usize = 8;

/// A property as cells; a rest that is none is warned of and left out, as the kernel leaves it.
pub(super) fn cells<T: Tree>(tree: &T, node: &T::Node, name: &str) -> Vec<u32> {
    let bytes = tree.property(node, name).unwrap_or_default();
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        let path = tree.path(node);
        tree.warn(format!(
            "devicetree {path}: {name} of {} bytes is no list of cells",
            bytes.len()
        ));
    }
    words.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

/// `#address-cells`, `#size-cells` and their like of what is in a node; the standard's defaults
/// where it says nothing.
pub(super) fn cell_count<T: Tree>(tree: &T, node: &T::Node, name: &str) -> usize {
    let default = match name {
        "#address-cells" => 2,
        "#size-cells" => 1,
        _ => 0,
    };
    let said = cells(tree, node, name).first().copied();
    said.map_or(default, |count| usize::try_from(count).unwrap_or(CELLS_MAX).min(CELLS_MAX))
}

/// Cells as one number; `None` when it has more than 64 bits.
pub(super) fn number(cells: &[u32]) -> Option<u64> {
    cells.iter().try_fold(0_u64, |number, cell| {
        let shifted = if number >> 32 == 0 { number << 32 } else { return None };
        Some(shifted | u64::from(*cell))
    })
}

/// `(address, size)` pairs of a property in a child of `parent`, as `[first, end)`. Empty ones are
/// left out without a word (boot loaders fill them in), what exceeds 64 bits with one.
pub(super) fn intervals<T: Tree>(
    tree: &T,
    parent: &T::Node,
    node: &T::Node,
    name: &str,
) -> Vec<(u64, u64)> {
    let address = cell_count(tree, parent, "#address-cells");
    let size = cell_count(tree, parent, "#size-cells");
    let cells = cells(tree, node, name);
    let mut found = Vec::new();
    for entry in cells.chunks_exact((address + size).max(1)).take(ENTRIES_MAX) {
        let (first, size) = entry.split_at_checked(address).unwrap_or_default();
        let (first, size) = (number(first), number(size));
        match first.zip(size).and_then(|(first, size)| Some((first, first.checked_add(size)?))) {
            Some((first, end)) if first < end => found.push((first, end)),
            Some(_) => {}
            None => {
                let path = tree.path(node);
                tree.warn(format!("devicetree {path}: {name} exceeds 64 bits"));
            }
        }
    }
    found
}

/// How many cells follow a phandle.
#[derive(Clone, Copy)]
pub(super) enum Arguments<'a> {
    /// As many after each.
    Fixed(usize),
    /// As many as this property of the node referred to says.
    Counted(&'a str),
}

/// The nodes that a list of phandles with arguments names. The list ends at a phandle of no node: how
/// many cells belong to it may be nobody's knowledge.
pub(super) fn references<T: Tree>(
    tree: &T,
    node: &T::Node,
    name: &str,
    arguments: Arguments<'_>,
) -> Vec<Option<T::Node>> {
    let cells = cells(tree, node, name);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(phandle) = cells.get(at)
        && found.len() < ENTRIES_MAX
    {
        at += 1;
        // Zero is an entry that is left out on purpose.
        if *phandle == 0 {
            found.push(None);
            continue;
        }
        let Some(target) = tree.by_phandle(*phandle) else {
            let path = tree.path(node);
            tree.warn(format!(
                "devicetree {path}: {name} names phandle {phandle:#x}, which is no node's"
            ));
            break;
        };
        at += match arguments {
            Arguments::Fixed(count) => count,
            Arguments::Counted(name) => cell_count(tree, &target, name),
        };
        found.push(Some(target));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_of_more_than_64_bits_are_none() {
        assert_eq!(number(&[]), Some(0));
        assert_eq!(number(&[1, 2]), Some(0x1_0000_0002));
        assert_eq!(number(&[1, 2, 3]), None);
    }
}
