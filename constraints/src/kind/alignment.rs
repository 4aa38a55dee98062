//! `base-alignment`: least common multiple. A heap's own alignment is a multiple of the least
//! common multiple exactly when it is one of each, so each is checked by itself and nothing can
//! overflow: a multiple that no 64 bits hold is one that no heap has.

use crate::HeapSet;
use crate::bits::HeapBits;

/// The heaps whose every buffer starts at a multiple of `bytes`.
pub(crate) fn allowed(set: &HeapSet, bytes: u64) -> HeapBits {
    let fits = |heap: &crate::Heap| heap.alignment.checked_rem(bytes) == Some(0);
    let heaps = set.heaps().iter().enumerate();
    heaps.filter(|(_, heap)| fits(heap)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{heaps, named};

    #[test]
    fn the_heaps_alignment_must_be_a_multiple() {
        let set = heaps(&[("page", |_| {}), ("sram", |h| h.alignment = 12288)]);
        let table: [(u64, &[&str]); 5] = [
            (1, &["page", "sram"]),
            (4096, &["page", "sram"]),
            (3, &["sram"]),
            (8192, &[]),
            (u64::MAX, &[]),
        ];
        for (bytes, expected) in table {
            assert_eq!(named(&set, allowed(&set, bytes)), expected, "{bytes}");
        }
    }

    #[test]
    fn two_alignments_whose_multiple_overflows_leave_nothing() {
        let set = heaps(&[
            ("two", |h| h.alignment = 1 << 63),
            ("three", |h| h.alignment = 3_u64.pow(40)),
        ]);
        let both = allowed(&set, 1 << 63).and(allowed(&set, 3_u64.pow(40)));
        assert!(both.is_empty());
    }
}
