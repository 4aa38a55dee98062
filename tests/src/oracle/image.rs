//! What the entries for one pair need of the image.

use super::arithmetic::lcm;
use super::element::Kept;
use super::format::Pair;
use super::needs::Needs;
use heapq_constraints::Constraint;
use heapq_constraints::fact::{FormatEntry, Planes};

/// What all entries for one pair need together. Figures in 128 bits.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) min_extent: Option<[u128; 2]>,
    pub(super) max_extent: [u128; 2],
    pub(super) must_fit: Vec<[u128; 2]>,
    pub(super) extent_alignment: [u128; 2],
    pub(super) min_stride: Option<u128>,
    pub(super) max_stride: u128,
    pub(super) stride_alignments: Vec<u128>,
    pub(super) whole_pixel_rows: bool,
    pub(super) block: Option<[u128; 2]>,
    pub(super) offset_alignment: u128,
    pub(super) separate: bool,
    pub(super) plane: Vec<(usize, Constraint)>,
    pub(super) apart: Vec<Vec<u8>>,
}

impl Image {
    /// Of the entries that cover `pair`, the keys that are kept.
    pub(super) fn new(needs: &Needs, pair: &Pair, kept: Kept) -> Self {
        let bound = u128::from(u32::MAX);
        let mut image = Self {
            min_extent: None,
            max_extent: [bound; 2],
            must_fit: Vec::new(),
            extent_alignment: [1; 2],
            min_stride: None,
            max_stride: bound,
            stride_alignments: Vec::new(),
            whole_pixel_rows: false,
            block: None,
            offset_alignment: 1,
            separate: false,
            plane: Vec::new(),
            apart: Vec::new(),
        };
        for formats in &needs.formats {
            if let Some((_, entry)) = formats.entry(pair) {
                image.extents(entry, |key| formats.has(key, kept));
                image.rows(entry, |key| formats.has(key, kept));
                image.planes(entry, |key| formats.has(key, kept));
                // `planes` is no element; it goes with the group that it stands in.
                let gone = formats.grouped && !kept.has(formats.element);
                image.separate |= entry.planes == Some(Planes::Separate) && !gone;
            }
        }
        image
    }

    fn extents(&mut self, entry: &FormatEntry, has: impl Fn(&str) -> bool) {
        if let Some(min) = entry.min_extent.filter(|_| has("min-extent")) {
            self.min_extent = Some(each(self.min_extent.unwrap_or([1; 2]), wide(min), u128::max));
        }
        if let Some(max) = entry.max_extent.filter(|_| has("max-extent")) {
            self.max_extent = each(self.max_extent, wide(max), u128::min);
        }
        if has("must-fit") {
            self.must_fit.extend(entry.must_fit.iter().copied().map(wide));
        }
        if let Some(to) = entry.extent_alignment.filter(|_| has("extent-alignment")) {
            self.extent_alignment = each(self.extent_alignment, wide(to), u128::max);
        }
        if let Some(block) = entry.block.filter(|_| has("block")) {
            self.block = Some(each(self.block.unwrap_or([1; 2]), wide(block), u128::max));
        }
    }

    fn rows(&mut self, entry: &FormatEntry, has: impl Fn(&str) -> bool) {
        if let Some(min) = entry.min_stride.filter(|_| has("min-stride")) {
            self.min_stride = self.min_stride.max(Some(min.into()));
        }
        if let Some(max) = entry.max_stride.filter(|_| has("max-stride")) {
            self.max_stride = self.max_stride.min(max.into());
        }
        if let Some(to) = entry.stride_alignment.filter(|_| has("stride-alignment")) {
            self.stride_alignments.push(to.into());
        }
        self.whole_pixel_rows |= entry.whole_pixel_rows && has("whole-pixel-rows");
        if let Some(to) = entry.offset_alignment.filter(|_| has("offset-alignment")) {
            self.offset_alignment = self.offset_alignment.max(to.into());
        }
    }

    fn planes(&mut self, entry: &FormatEntry, has: impl Fn(&str) -> bool) {
        if has("plane") {
            for (plane, needs) in &entry.plane {
                let own = needs.iter().map(|need| (usize::from(*plane), need.clone()));
                self.plane.extend(own);
            }
        }
        if has("apart") {
            self.apart.extend(entry.apart.iter().cloned());
        }
    }

    /// What the stride must be a multiple of; `bytes` are those of a pixel, where they are known.
    pub(super) fn stride_step(&self, bytes: Option<u128>) -> Option<u128> {
        let mut steps = self.stride_alignments.clone();
        if let Some(bytes) = bytes {
            steps.extend(self.block.map(|[width, _]| width * bytes));
            steps.extend(self.whole_pixel_rows.then_some(bytes));
        }
        lcm(steps, u128::from(u32::MAX))
    }

    /// Whether two planes that must not share a heap are `a` and `b`.
    pub(super) fn must_part(&self, a: usize, b: usize) -> bool {
        let names = |group: &[u8], plane| group.iter().any(|it| usize::from(*it) == plane);
        a != b && self.apart.iter().any(|group| names(group, a) && names(group, b))
    }
}

fn wide(extent: [u32; 2]) -> [u128; 2] {
    extent.map(u128::from)
}

fn each(a: [u128; 2], b: [u128; 2], pick: fn(u128, u128) -> u128) -> [u128; 2] {
    [pick(a[0], b[0]), pick(a[1], b[1])]
}
