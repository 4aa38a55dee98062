//! Where buffers may lie, as sets of CPU-physical addresses. 2^64 is not a `u64`: 128 bits.

use heapq_constraints::Heap;
use heapq_constraints::fact::Windows;

/// Disjoint intervals, end not included.
type Places = Vec<(u128, u128)>;

/// Every place where a buffer of `heap` may lie.
pub(super) fn places(heap: &Heap) -> Places {
    let reach = 1u128 << heap.address_bits;
    let Some(window) = &heap.address_window else { return vec![(0, reach)] };
    let clipped = wide(window).into_iter().map(|(first, end)| (first, end.min(reach)));
    clipped.filter(|(first, end)| first < end).collect()
}

/// Whether every place of `heap` lies below 2^`bits`.
pub(super) fn below(heap: &Heap, bits: u8) -> bool {
    places(heap).iter().all(|(_, end)| *end <= 1u128 << bits)
}

/// Whether every place of `heap` lies in one of the intervals of `window` (they do not touch, so
/// one interval of the heap must lie in one of the window).
pub(super) fn inside(heap: &Heap, window: &Windows) -> bool {
    let window = wide(window);
    places(heap)
        .iter()
        .all(|(first, end)| window.iter().any(|(from, to)| from <= first && end <= to))
}

fn wide(window: &Windows) -> Places {
    window.intervals().iter().map(|(first, end)| (u128::from(*first), u128::from(*end))).collect()
}
