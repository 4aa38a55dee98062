//! Which buffers are tried.

use super::subject::Offer;
use super::{LARGE, REPEATS, Way};
use heapq_constraints::Heap;
use std::collections::BTreeSet;

const PAGE: u64 = 4096;
/// No frame whose buffers take more is tried, in bytes. There are [`REPEATS`] of them at once, beside as
/// much memory again that keeps their pieces apart.
const FRAME_MOST: u64 = 32 << 20;

/// Frames of one size from one heap, one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Which way.
    pub way: Way,
    /// The heap, as an index.
    pub heap: usize,
    /// Bytes of each buffer of a frame.
    pub bytes: Vec<u64>,
    /// How many frames, all there at once.
    pub frames: u32,
}

/// What is tried with these heaps: a small frame, a large one, and of each size that is the largest
/// some contiguous heap has, scattered ones to compare with.
#[must_use]
pub fn trials(offers: &[Offer], heaps: &[&Heap]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for offer in offers {
        let sizes = sizes(offer, heaps);
        for (index, heap) in heaps.iter().enumerate() {
            let most = most(heap);
            for (large, bytes) in
                sizes.iter().filter(|(_, bytes)| bytes.iter().all(|one| *one <= most))
            {
                // One is no accident where memory is contiguous anyway. Two, since areas have edges.
                let frames = match (large, heap.contiguous) {
                    (false, _) => 1,
                    (true, true) => 2,
                    (true, false) => REPEATS,
                };
                trials.push(Trial { way: offer.way, heap: index, bytes: bytes.clone(), frames });
            }
        }
    }
    trials
}

/// The frames of one way, smallest first, each with whether it is more than the smallest.
fn sizes(offer: &Offer, heaps: &[&Heap]) -> BTreeSet<(bool, Vec<u64>)> {
    let small = pages(&offer.small);
    let mut sizes = BTreeSet::from([(false, small.clone())]);
    let contiguous = heaps.iter().filter(|heap| heap.contiguous).map(|heap| most(heap));
    for first in contiguous.filter(|most| *most < LARGE).chain([LARGE]) {
        // The larger frame where its first buffer has the room, and as much of it as there is.
        let mut frame = pages(&offer.large);
        if frame.first().is_none_or(|own| *own > first && first < LARGE) {
            frame.clone_from(&small);
        }
        if let Some(own) = frame.first_mut() {
            *own = first.max(*own);
        }
        let sum = frame.iter().try_fold(0_u64, |sum, bytes| sum.checked_add(*bytes));
        if sum.is_some_and(|sum| sum <= FRAME_MOST) && frame > small {
            sizes.insert((true, frame));
        }
    }
    sizes
}

fn pages(bytes: &[u64]) -> Vec<u64> {
    bytes.iter().map(|bytes| (*bytes).max(1).next_multiple_of(PAGE)).collect()
}

/// The largest buffer that `heap` gives for certain: of a small area, half.
fn most(heap: &Heap) -> u64 {
    let half = heap.capacity.map_or(u64::MAX, |bytes| bytes / 2 / PAGE * PAGE);
    heap.max_size.unwrap_or(u64::MAX).min(half)
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Trial, trials};
    use crate::probe::subject::Offer;
    use crate::probe::{LARGE, REPEATS, Way};
    use heapq_constraints::Heap;

    fn heaps() -> Vec<Heap> {
        let huge = Heap { contiguous: true, max_size: Some(2 << 20), ..Heap::new("udmabuf-2M") };
        let area = Heap { contiguous: true, capacity: Some(64 << 20), ..Heap::new("cma") };
        vec![Heap::new("system"), huge, area]
    }

    fn tried(small: &[u64], large: &[u64], heaps: &[Heap]) -> Vec<Trial> {
        let (small, large) = (small.to_vec(), large.to_vec());
        let heaps: Vec<&Heap> = heaps.iter().collect();
        trials(&[Offer { way: Way::Capture, small, large }], &heaps)
    }

    fn of(trials: &[Trial], heap: usize) -> Vec<(Vec<u64>, u32)> {
        let own = trials.iter().filter(|trial| trial.heap == heap);
        own.map(|trial| (trial.bytes.clone(), trial.frames)).collect()
    }

    #[test]
    fn each_contiguous_size_has_scattered_ones_to_compare_with() {
        let trials = tried(&[512], &[4_147_200], &heaps());
        let small = (vec![PAGE], 1);
        let large = |frames| (vec![LARGE], frames);
        let huge = |frames| (vec![2 << 20], frames);
        assert_eq!(of(&trials, 0), [small.clone(), huge(REPEATS), large(REPEATS)]);
        assert_eq!(of(&trials, 1), [small.clone(), huge(2)]);
        assert_eq!(of(&trials, 2), [small, huge(2), large(2)]);
    }

    #[test]
    fn frames_have_all_their_planes_and_the_room_that_they_need() {
        let trials = tried(&[256, 128], &[20 << 20, 10_000_000], &heaps());
        let large = vec![20 << 20, 10_002_432];
        assert_eq!(
            of(&trials, 0),
            [(vec![PAGE, PAGE], 1), (vec![2 << 20, PAGE], REPEATS), (large.clone(), REPEATS)]
        );
        assert_eq!(of(&trials, 2), [(vec![PAGE, PAGE], 1), (vec![2 << 20, PAGE], 2), (large, 2)]);
    }

    #[test]
    fn what_would_take_too_much_is_not_tried() {
        let trials = tried(&[65 << 20], &[65 << 20], &heaps()[..1]);
        assert_eq!(of(&trials, 0).len(), 1);
        let odd =
            tried(&[u64::from(u32::MAX)], &[u64::from(u32::MAX), u64::from(u32::MAX)], &heaps());
        assert!(odd.iter().all(|trial| trial.frames == 1), "{odd:?}");
    }
}
