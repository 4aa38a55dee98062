//! Which heaps can hold the buffers of a frame together.

use super::Asked;
use super::cast::Cast;
use super::image::Figures;
use crate::heap::Heap;
use std::collections::BTreeSet;

/// What binds the buffers of a frame to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// Everything.
    All,
    /// Planes that must not share a heap.
    Apart,
    /// What a heap holds altogether.
    Capacity,
}

/// The buffers of a frame, and the heaps that serve each by itself.
pub(super) struct Placing<'a> {
    figures: &'a Figures,
    apart: Vec<BTreeSet<usize>>,
    heaps: &'a [Heap],
    /// For each buffer, by index.
    pub(super) serving: Vec<Vec<usize>>,
}

/// The plane of a buffer, where each plane is one.
pub(super) fn plane(cast: &Cast, buffer: usize) -> Option<u8> {
    u8::try_from(buffer).ok().filter(|_| cast.separate())
}

impl<'a> Placing<'a> {
    pub(super) fn new(asked: &'a Asked, cast: &Cast, figures: &'a Figures) -> Self {
        let heaps = asked.set.heaps();
        let serving = figures.buffers.iter().enumerate().map(|(index, buffer)| {
            let serves = |heap: &Heap| {
                heap.max_size.is_none_or(|most| buffer.allocation_size <= most)
                    && asked.ruled_out(heap, cast, plane(cast, index)).is_empty()
            };
            (0..heaps.len()).filter(|heap| serves(&heaps[*heap])).collect()
        });
        let planes = |list: &Vec<u8>| -> BTreeSet<usize> {
            list.iter().map(|plane| usize::from(*plane)).filter(|p| *p < figures.planes).collect()
        };
        let lists = cast.entries.iter().flat_map(|entry| &entry.apart);
        let apart = lists.map(planes).filter(|list| list.len() > 1).collect();
        Self { figures, apart, heaps, serving: serving.collect() }
    }

    /// Bytes of the first buffer as allocated, and of all the first buffers of an answer.
    pub(super) fn first_buffer(&self) -> (u64, u128) {
        let allocated = self.figures.buffers.first().map_or(0, |buffer| buffer.allocation_size);
        (allocated, u128::from(allocated) * u128::from(self.figures.count))
    }

    /// Whether `placed`, a heap for each of the first buffers, is allowed.
    pub(super) fn allowed(&self, placed: &[usize], bound: Bound) -> bool {
        let joint = self.figures.buffers.len() < self.figures.planes;
        let together = |list: &BTreeSet<usize>| {
            let heaps: Vec<_> = list.iter().filter_map(|plane| placed.get(*plane)).collect();
            joint || heaps.iter().collect::<BTreeSet<_>>().len() < heaps.len()
        };
        let holds = |heap: &usize| {
            let here = placed.iter().zip(&self.figures.buffers).filter(|(at, _)| *at == heap);
            let bytes: u128 = here.map(|(_, buffer)| u128::from(buffer.allocation_size)).sum();
            let capacity = self.heaps[*heap].capacity.unwrap_or(u64::MAX);
            bytes * u128::from(self.figures.count) <= u128::from(capacity)
        };
        (bound == Bound::Capacity || !self.apart.iter().any(together))
            && (bound == Bound::Apart || placed.iter().all(holds))
    }

    /// Every way to place a frame that starts with `placed`, up to `most` of them.
    pub(super) fn all(&self, placed: Vec<usize>, bound: Bound, most: usize) -> Vec<Vec<usize>> {
        let mut open = vec![placed];
        let mut found = Vec::new();
        while let Some(placed) = open.pop().filter(|_| found.len() < most) {
            if !self.allowed(&placed, bound) {
                continue;
            }
            match self.serving.get(placed.len()) {
                None => found.push(placed),
                Some(next) => open.extend(next.iter().map(|heap| [&*placed, &[*heap]].concat())),
            }
        }
        found
    }
}
