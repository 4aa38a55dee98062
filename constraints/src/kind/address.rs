//! `address-bits` and `address-window`: every place where a heap's buffers may lie must be one that
//! the device reaches.
//!
//! The two keys of a heap describe one set of addresses, its places: the window as far as the bits
//! reach. A pool that lies below 4 GiB satisfies a device of 32 bits, whichever key says so.

use crate::HeapSet;
use crate::bits::HeapBits;
use crate::fact::Windows;
use crate::heap::Heap;

/// Addresses from the first to the last, both included: so that "anywhere" fits 64 bits.
pub(crate) type Place = (u64, u64);

/// The highest address of `bits` bits.
fn last_of(bits: u8) -> u64 {
    u64::MAX.checked_shr(64 - u32::from(bits.clamp(1, 64))).unwrap_or(u64::MAX)
}

/// Where buffers of `heap` may lie.
pub(crate) fn places(heap: &Heap) -> Vec<Place> {
    let last = last_of(heap.address_bits);
    match &heap.address_window {
        None => vec![(0, last)],
        Some(windows) => {
            let reached = windows.intervals().iter().filter(|(first, _)| *first <= last);
            reached.map(|(first, end)| (*first, (end - 1).min(last))).collect()
        }
    }
}

/// Whether the window of `heap`, rather than its bits, says how far up its buffers may lie.
pub(crate) fn by_window(heap: &Heap) -> bool {
    let last = heap.address_window.as_ref().and_then(|window| window.intervals().last());
    last.is_some_and(|(_, end)| end - 1 <= last_of(heap.address_bits))
}

/// `address-bits`: the heaps whose every place `bits` reach.
pub(crate) fn reached_by_bits(set: &HeapSet, bits: u8) -> HeapBits {
    let reached = &set.traits().reached;
    reached[usize::from(bits).clamp(1, reached.len() - 1)]
}

/// `address-window`: the heaps whose every place is inside `windows`.
pub(crate) fn reached_by_windows(set: &HeapSet, windows: &Windows) -> HeapBits {
    where_places(set, |places| within_windows(places, windows))
}

fn where_places(set: &HeapSet, fits: impl Fn(&[Place]) -> bool) -> HeapBits {
    let places = set.traits().places.iter().enumerate();
    places.filter(|(_, places)| fits(places)).map(|(index, _)| index).collect()
}

/// The fewest address bits, 1 to 64, that reach all of `places`.
pub(crate) fn bits_needed(places: &[Place]) -> u8 {
    let last = places.iter().map(|(_, last)| *last).max().unwrap_or(0);
    (1..64).find(|bits| last <= last_of(*bits)).unwrap_or(64)
}

/// Whether all of `places` are inside `windows`.
fn within_windows(places: &[Place], windows: &Windows) -> bool {
    let holds = |&(first, last): &Place| {
        windows.intervals().iter().any(|(from, end)| *from <= first && last < *end)
    };
    places.iter().all(holds)
}

/// Whether all of `places` are inside `others`; both sorted, disjoint and not touching.
pub(crate) fn inside(places: &[Place], others: &[Place]) -> bool {
    let holds =
        |&(first, last): &Place| others.iter().any(|(from, to)| *from <= first && last <= *to);
    places.iter().all(holds)
}

/// The bytes of a stated window, for ranking: more room is less scarce.
pub(crate) fn bytes(windows: &Windows) -> u64 {
    windows.intervals().iter().fold(0, |sum, (first, end)| sum.saturating_add(end - first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(bits: u8, window: Option<Vec<(u64, u64)>>) -> Heap {
        let mut heap = Heap::new("h");
        heap.address_bits = bits;
        heap.address_window = window.and_then(Windows::new);
        heap
    }

    #[test]
    fn bits_reach_their_power_of_two() {
        for (bits, last) in [(1, 1), (30, 0x3fff_ffff), (32, 0xffff_ffff), (64, u64::MAX)] {
            assert_eq!(last_of(bits), last, "{bits} bits");
        }
    }

    #[test]
    fn places_are_the_window_as_far_as_the_bits_reach() {
        let table = [
            (heap(64, None), vec![(0, u64::MAX)]),
            (heap(32, None), vec![(0, 0xffff_ffff)]),
            (heap(32, Some(vec![(0x1000, 0x2000)])), vec![(0x1000, 0x1fff)]),
            (heap(12, Some(vec![(0x800, 0x2000), (0x3000, 0x4000)])), vec![(0x800, 0xfff)]),
        ];
        for (heap, expected) in table {
            assert_eq!(places(&heap), expected);
        }
    }

    #[test]
    fn the_lower_end_of_the_two_bounds() {
        let table = [
            (heap(64, None), false),
            (heap(64, Some(vec![(0x1000, 0x2000)])), true),
            (heap(12, Some(vec![(0x800, 0x1000)])), true),
            (heap(12, Some(vec![(0x800, 0x1001)])), false),
        ];
        for (heap, expected) in table {
            assert_eq!(by_window(&heap), expected, "{heap:?}");
        }
    }

    #[test]
    fn every_place_must_be_inside() {
        let camera = Windows::new(vec![(0, 0x4000_0000)]).unwrap();
        let table = [
            (heap(64, Some(vec![(0x3800_0000, 0x4000_0000)])), true),
            (heap(64, Some(vec![(0x3800_0000, 0x4000_1000)])), false),
            (heap(64, Some(vec![(0, 1), (0x4000_0000, 0x4000_0001)])), false),
            (heap(64, None), false),
            (heap(30, None), true),
        ];
        for (heap, expected) in table {
            assert_eq!(within_windows(&places(&heap), &camera), expected, "{heap:?}");
        }
    }

    #[test]
    fn a_pool_below_4_gib_satisfies_32_bits() {
        let table = [
            (heap(64, Some(vec![(0xf000_0000, 0x1_0000_0000)])), 32),
            (heap(64, None), 64),
            (heap(63, None), 63),
            (heap(64, Some(vec![(0, 0x1_0000_0001)])), 33),
            (heap(64, Some(vec![(0, 1)])), 1),
        ];
        for (heap, bits) in table {
            assert_eq!(bits_needed(&places(&heap)), bits, "{heap:?}");
        }
    }

    #[test]
    fn no_window_reaches_the_last_byte_of_all() {
        let most = Windows::new(vec![(0, u64::MAX)]).unwrap();
        assert!(!within_windows(&places(&heap(64, None)), &most));
    }

    #[test]
    fn touching_intervals_are_one() {
        let two = Windows::new(vec![(0x1000, 0x2000), (0, 0x1000)]).unwrap();
        assert!(within_windows(&places(&heap(64, Some(vec![(0x800, 0x1800)]))), &two));
        assert_eq!(bytes(&two), 0x2000);
    }
}
