//! The kinds of constraint: what each means for a heap or a figure, and how several combine. One
//! file a kind, with a table of tests each.
//!
//! Those that rule single heaps out are sets of heaps ([`allowed`]) and combine by intersection.
//! The others have a type with `meet` (both must hold) and `join` (the weakest that either
//! implies: what is certain while an alternative is not chosen yet).

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod alignment;
pub(crate) mod attribute;
pub(crate) mod contiguous;
pub(crate) mod count;
pub(crate) mod extent;
pub(crate) mod format;
pub(crate) mod heaps;
pub(crate) mod plane;
pub(crate) mod protected;
pub(crate) mod size;
pub(crate) mod stride;

use crate::bits::HeapBits;
use crate::{Constraint, HeapSet};

/// The heaps that `constraint` by itself leaves; all of them for the kinds that combine into
/// figures first.
pub(crate) fn allowed(set: &HeapSet, constraint: &Constraint) -> HeapBits {
    match constraint {
        Constraint::Link(names) => heaps::linked(set, names),
        Constraint::Heaps(names) => heaps::listed(set, names),
        Constraint::Avoid(names) => heaps::not_avoided(set, names),
        Constraint::Contiguous(needed) => contiguous::allowed(set, *needed),
        Constraint::AddressBits(bits) => address::reached_by_bits(set, *bits),
        Constraint::AddressWindow(windows) => address::reached_by_windows(set, windows),
        Constraint::BaseAlignment(bytes) => alignment::allowed(set, *bytes),
        Constraint::Protected(protection) => protected::allowed(set, *protection),
        _ => set.traits().all,
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::bits::HeapBits;
    use crate::{Heap, HeapSet};

    /// What is different from the defaults.
    pub(crate) type Change = fn(&mut Heap);

    /// A set of heaps, each with a change from the defaults.
    pub(crate) fn heaps(changes: &[(&str, Change)]) -> HeapSet {
        let heap = |(name, change): &(&str, Change)| {
            let mut heap = Heap::new(*name);
            change(&mut heap);
            heap
        };
        HeapSet::new(changes.iter().map(heap).collect(), &[]).unwrap()
    }

    /// The names of the heaps in `bits`.
    pub(crate) fn named(set: &HeapSet, bits: HeapBits) -> Vec<&str> {
        bits.iter().map(|heap| &*set.heaps()[heap].name).collect()
    }
}
