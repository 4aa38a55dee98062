//! Step 4 of the order: which of two heaps is better.

use super::element::Kept;
use super::figures::unknown;
use super::needs::Needs;
use heapq_constraints::{Heap, Name};
use std::cmp::{Ordering, Reverse};

/// `Less`: `a` comes first.
pub(super) fn order(needs: &Needs, a: &Heap, b: &Heap) -> Ordering {
    let guess = if unknown(needs, Kept::ALL) { scarcity(b, a) } else { Ordering::Equal };
    guess
        .then_with(|| b.weight.cmp(&a.weight))
        .then_with(|| if needs.cpu_read { b.cached.cmp(&a.cached) } else { Ordering::Equal })
        .then_with(|| scarcity(a, b))
        .then_with(|| points(needs, b).cmp(&points(needs, a)))
        .then_with(|| a.name.cmp(&b.name))
}

/// `Less`: `a` is less scarce.
fn scarcity(a: &Heap, b: &Heap) -> Ordering {
    let key = |heap: &Heap| {
        let bytes: Option<u128> = heap.address_window.as_ref().map(|window| {
            window.intervals().iter().map(|(first, end)| u128::from(end - first)).sum()
        });
        (
            heap.protected,
            heap.contiguous,
            Reverse(heap.address_bits),
            bytes.is_some(),
            Reverse(bytes),
            !heap.cached,
        )
    };
    key(a).cmp(&key(b))
}

/// The clients' wishes.
fn points(needs: &Needs, heap: &Heap) -> usize {
    let of = |list: &Vec<Name>| {
        list.iter().position(|name| heap.bears(name)).map_or(0, |place| list.len() - place)
    };
    needs.wishes.iter().map(of).sum()
}
