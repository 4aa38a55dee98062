//! From needs and a pair to figures: count, sizes, strides, and the heaps that are left.

use super::formats::{Active, Formats, Pair};
use super::needs::Needs;
use super::place;
use crate::HeapSet;
use crate::answer::{BufferPlan, PlanePlan};
use crate::bits::HeapBits;
use crate::kind::count::Sum;
use crate::kind::extent::Extents;
use crate::kind::plane::{PLANES, Placing};
use crate::kind::stride::Strides;
use crate::layout::{self, Layout};

/// What a request asks of the answer as a whole, or what is left of that when some is dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) sum: Sum,
    pub(crate) strict: bool,
    /// Bytes of one buffer, as allocated.
    pub(crate) buffer: u64,
    /// Bytes of all buffers, as allocated.
    pub(crate) total: u64,
    /// Heaps that are there and may be opened.
    pub(crate) open: HeapBits,
    /// Heaps for which it is waived that they are absent, not permitted or reserved.
    pub(crate) lifted: HeapBits,
}

/// One way to lay a frame out, and the heaps that can hold it.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) count: u32,
    pub(crate) buffers: Vec<BufferPlan>,
    /// The heaps that can hold each buffer by itself.
    pub(crate) heaps: Vec<HeapBits>,
    /// Planes of the widest image; empty when nobody says how large images are.
    pub(crate) planes: Vec<PlanePlan>,
    pub(crate) placing: Placing,
    /// Somebody says how big.
    pub(crate) sized: bool,
}

impl Shape {
    /// The heaps that can hold a buffer of it.
    pub(crate) fn somewhere(&self) -> HeapBits {
        self.heaps.iter().fold(HeapBits::EMPTY, |all, heaps| all.or(*heaps))
    }
}

/// What the needs alone decide, whatever the pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) count: u32,
    pub(crate) heaps: HeapBits,
}

/// Count and heaps for `needs`; `None`: nothing is left.
pub(crate) fn settle(set: &HeapSet, terms: &Terms, needs: &Needs) -> Option<Settled> {
    if needs.attributes.clash() || (terms.strict && needs.unknown) {
        return None;
    }
    let count = needs.counts.count(terms.sum)?;
    let available = terms.open.and(needs.unreserved).or(terms.lifted);
    let heaps = available.and(needs.heaps).and(needs.touch.allowed(set.traits()));
    (!heaps.is_empty()).then_some(Settled { count, heaps })
}

/// The figures for one pair (`None`: a plain byte buffer), if there is a place for them.
pub(crate) fn shape(
    set: &HeapSet,
    formats: &Formats,
    terms: &Terms,
    needs: &Needs,
    settled: Settled,
    choice: (Option<&Pair>, &[Active]),
) -> Option<Shape> {
    let image = Image::of(set, formats, choice)?;
    let mut buffers = Vec::with_capacity(image.buffers.len());
    for (usable, allocated) in &image.buffers {
        let buffer = needs.sizes.buffer(*usable, *allocated, set.page_size())?;
        if buffer.allocation_size > terms.buffer {
            return None;
        }
        buffers.push(buffer);
    }
    let frame = total(buffers.iter().map(|buffer| buffer.allocation_size))?;
    total(buffers.iter().map(|buffer| buffer.size))?;
    frame.checked_mul(settled.count.into()).filter(|all| *all <= terms.total)?;
    let fits = |(plane, buffer): (usize, &BufferPlan)| {
        let heaps = settled.heaps.and(image.placing.heaps[plane.min(PLANES - 1)]);
        roomy(set, heaps, buffer.allocation_size, settled.count)
    };
    let heaps: Vec<HeapBits> = buffers.iter().enumerate().map(fits).collect();
    let shape = Shape {
        count: settled.count,
        heaps,
        planes: image.planes,
        placing: image.placing,
        sized: image.sized || needs.sizes.least > 0,
        buffers,
    };
    place::possible(set, &shape).then_some(shape)
}

fn total(mut bytes: impl Iterator<Item = u64>) -> Option<u64> {
    bytes.try_fold(0_u64, u64::checked_add)
}

/// Those of `heaps` in which `count` buffers of `bytes` fit.
pub(crate) fn roomy(set: &HeapSet, heaps: HeapBits, bytes: u64, count: u32) -> HeapBits {
    let all = bytes.checked_mul(count.into());
    let small = |heap: &usize| {
        let heap = &set.heaps()[*heap];
        heap.max_size.is_some_and(|most| bytes > most)
            || heap.capacity.is_some_and(|most| all.is_none_or(|all| all > most))
    };
    heaps.without(heaps.and(set.traits().limited).iter().filter(small).collect())
}

/// The images of one pair, laid out.
struct Image {
    /// Usable bytes of each buffer, and those with the rows that blocks need.
    buffers: Vec<(u64, u64)>,
    planes: Vec<PlanePlan>,
    placing: Placing,
    sized: bool,
}

impl Image {
    fn of(
        set: &HeapSet,
        formats: &Formats,
        (pair, active): (Option<&Pair>, &[Active]),
    ) -> Option<Self> {
        let mut extents = Extents::any();
        let mut strides = Strides::ANY;
        let mut placing = Placing::any(set.traits().all);
        for one in active {
            let Some(cover) = pair.and_then(|pair| pair.covers[one.list]) else { continue };
            let entry = &formats.lists[one.list].entries[cover.entry];
            extents.add(entry.stated, one.keys);
            strides.add(entry.stated, one.keys);
            placing.add(entry.stated, &entry.planes, one.keys);
        }
        let code = pair.and_then(|pair| formats.fourccs.name(pair.fourcc));
        let layout = code.and_then(|code| layout::layout(code));
        let images = extents.images(layout.map_or([1, 1], |layout| layout.unit))?;
        let alignment = strides.alignment(layout.map(|layout| layout.bytes))?;
        // Also without an image: a minimum may be above a maximum.
        strides.stride(0, alignment)?;
        Self::lay_out(layout, &images, (&strides, alignment), placing)
    }

    fn lay_out(
        layout: Option<Layout>,
        images: &[[u32; 2]],
        (strides, alignment): (&Strides, u32),
        placing: Placing,
    ) -> Option<Self> {
        let count = 1 + layout.map_or(0, |layout| layout.further.len());
        if !placing.separate && clash_in_one_buffer(&placing, count) {
            return None;
        }
        let mut buffers = vec![(0, 0); if placing.separate { count } else { 1 }];
        let mut planes: Vec<PlanePlan> = Vec::new();
        let mut widest = [0, 0];
        for image in images {
            let Some(layout) = layout else { break };
            let stride =
                strides.stride(u64::from(image[0]) * u64::from(layout.bytes), alignment)?;
            let rows = (image[1], strides.rows(image[1]));
            let laid = planes_of(&layout, stride, rows, &placing)?;
            let tail = u64::from(stride).checked_mul(rows.1 - u64::from(rows.0))?;
            for (index, buffer) in buffers.iter_mut().enumerate() {
                let index = u32::try_from(index).ok()?;
                let inside = laid.iter().filter(|plane| plane.buffer_index == index);
                let end = inside.map(|plane| plane.offset + plane.size).max().unwrap_or(0);
                let fetched = end.checked_add(tail)?;
                *buffer = (buffer.0.max(end), buffer.1.max(fetched));
            }
            if planes.is_empty() || *image > widest {
                (planes, widest) = (laid, *image);
            }
        }
        let sized = layout.is_some() && !images.is_empty();
        Some(Self { buffers, planes, placing, sized })
    }
}

/// Planes of one buffer share its heap.
fn clash_in_one_buffer(placing: &Placing, planes: usize) -> bool {
    (0..planes).any(|a| (0..a).any(|b| placing.apart(a, b)))
}

/// The planes of one image. `rows`: those that are usable, and those that are allocated.
fn planes_of(
    layout: &Layout,
    stride: u32,
    rows: (u32, u64),
    placing: &Placing,
) -> Option<Vec<PlanePlan>> {
    let size = u64::from(stride).checked_mul(rows.0.into())?;
    let mut planes = vec![PlanePlan { buffer_index: 0, offset: 0, stride, size }];
    let mut end = size;
    for (index, further) in (1..).zip(layout.further) {
        let (times, by) = further.stride;
        let stride = u64::from(stride).checked_mul(times.into())?.div_ceil(by.into());
        let size = stride.checked_mul((rows.0 / further.rows).into())?;
        let offset =
            if placing.separate { 0 } else { end.checked_next_multiple_of(placing.offset.into())? };
        end = offset.checked_add(size)?;
        let stride = u32::try_from(stride).ok()?;
        let buffer_index = if placing.separate { index } else { 0 };
        planes.push(PlanePlan { buffer_index, offset, stride, size });
    }
    Some(planes)
}
