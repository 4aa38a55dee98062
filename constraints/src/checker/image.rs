//! How many buffers, and how big: the figures of an answer from those of the participants.

use super::Asked;
use super::cast::Cast;
use crate::Constraint;
use crate::answer::BufferPlan;
use crate::fact::FormatEntry;
use crate::layout::{self, Layout};

/// What a frame comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) count: u32,
    pub(super) buffers: Vec<BufferPlan>,
    /// Of plane 0, for the widest image; 0 where the format says nothing about size.
    pub(super) stride: u32,
    /// Planes of the format; 0 for a plain byte buffer.
    pub(super) planes: usize,
}

/// The largest of what everybody states.
pub(super) fn largest<'q>(cast: &Cast<'q>, of: impl Fn(&'q Constraint) -> Option<u64>) -> u64 {
    cast.facts().filter_map(of).max().unwrap_or(0)
}

fn smallest<'q>(cast: &Cast<'q>, of: impl Fn(&'q Constraint) -> Option<u64>) -> u64 {
    cast.facts().filter_map(of).min().unwrap_or(u64::MAX)
}

pub(super) fn min_size(cast: &Cast) -> u64 {
    largest(cast, |fact| match fact {
        Constraint::MinSize(bytes) => Some(*bytes),
        _ => None,
    })
}

/// The figures that everybody can do with; `None` where there are none, or nobody says how big.
pub(super) fn figures(asked: &Asked, cast: &Cast) -> Option<Figures> {
    let count = count(asked, cast)?;
    let image = image(cast)?;
    let stated = min_size(cast);
    let padding = largest(cast, |fact| match fact {
        Constraint::Padding(bytes) => Some(*bytes),
        _ => None,
    });
    let max_size = smallest(cast, |fact| match fact {
        Constraint::MaxSize(bytes) => Some(*bytes),
        _ => None,
    });
    let mut buffers = Vec::new();
    for (usable, fetched) in image.buffers {
        let usable = usable.max(u128::from(stated));
        let needed = usable.max(fetched) + u128::from(padding);
        let allocated = needed.checked_next_multiple_of(u128::from(asked.set.page_size()))?;
        let buffer = BufferPlan {
            size: u64::try_from(usable).ok()?,
            allocation_size: u64::try_from(allocated).ok()?,
        };
        let limit = asked.question.request.limit_buffer.unwrap_or(u64::MAX);
        if buffer.size == 0 || buffer.size > max_size || buffer.allocation_size > limit {
            return None;
        }
        buffers.push(buffer);
    }
    let frame: u128 = buffers.iter().map(|buffer| u128::from(buffer.allocation_size)).sum();
    let total = u64::try_from(frame * u128::from(count)).ok()?;
    let fits = total <= asked.question.request.limit_total.unwrap_or(u64::MAX);
    fits.then_some(Figures { count, buffers, stride: image.stride, planes: image.planes })
}

fn count(asked: &Asked, cast: &Cast) -> Option<u32> {
    let (mut kept, mut shared, mut least, mut most) = (0_u64, 0, 1, u32::MAX);
    for fact in cast.facts() {
        match fact {
            Constraint::Held(count) | Constraint::Dedicated(count) => kept += u64::from(*count),
            Constraint::Shared(count) => shared = shared.max(u64::from(*count)),
            Constraint::MinCount(count) => least = least.max(*count),
            Constraint::MaxCount(count) => most = most.min(*count),
            _ => {}
        }
    }
    let sum = asked.question.request.seed_count.map_or(kept + shared, u64::from);
    let count = u32::try_from(sum).ok()?.max(least);
    (count <= most).then_some(count)
}

/// What the format comes to: for each buffer the usable bytes and those that are fetched.
struct Image {
    buffers: Vec<(u128, u128)>,
    stride: u32,
    planes: usize,
}

fn image(cast: &Cast) -> Option<Image> {
    let Some(pair) = &cast.pair else {
        return Some(Image { buffers: vec![(0, 0)], stride: 0, planes: 0 });
    };
    let layout = layout::layout(&pair.fourcc);
    let planes = layout::planes(&pair.fourcc);
    let rows = Rows::new(cast, layout)?;
    let mut buffers = vec![(0, 0); if cast.separate() { planes } else { 1 }];
    let mut widest = 0;
    for [width, height] in rows.extents(cast)? {
        let Some(layout) = layout else { continue };
        let stride = rows.stride(width, layout)?;
        widest = widest.max(stride);
        let height = u128::from(height);
        let blocks = height.next_multiple_of(u128::from(rows.block_rows));
        let first = (u128::from(stride) * height, u128::from(stride) * blocks);
        let mut sizes = vec![first];
        for further in layout.further {
            let (times, parts) = further.stride;
            let stride = (u128::from(stride) * u128::from(times)).div_ceil(u128::from(parts));
            let size =
                u128::from(u32::try_from(stride).ok()?) * (height / u128::from(further.rows));
            sizes.push((size, size));
        }
        if !cast.separate() {
            let end = |ends: u128, size: u128| ends.next_multiple_of(rows.offset) + size;
            let [usable, fetched] = [
                sizes.iter().map(|size| size.0).reduce(end),
                sizes.iter().map(|size| size.1).reduce(end),
            ];
            sizes = vec![(usable?, fetched?)];
        }
        for (buffer, size) in buffers.iter_mut().zip(sizes) {
            *buffer = (buffer.0.max(size.0), buffer.1.max(size.1));
        }
    }
    Some(Image { buffers, stride: widest, planes })
}

/// What everybody's entries say of rows and extents together.
struct Rows {
    min_extent: [u32; 2],
    max_extent: [u32; 2],
    unit: [u32; 2],
    min_stride: u32,
    max_stride: u32,
    step: u32,
    block_rows: u32,
    offset: u128,
}

fn most(cast: &Cast, of: impl Fn(&FormatEntry) -> Option<u32>) -> Option<u32> {
    cast.entries.iter().filter_map(|entry| of(entry)).max()
}

fn least(cast: &Cast, of: impl Fn(&FormatEntry) -> Option<u32>) -> u32 {
    cast.entries.iter().filter_map(|entry| of(entry)).min().unwrap_or(u32::MAX)
}

impl Rows {
    /// `None` where strides bound each other so that none is left.
    fn new(cast: &Cast, layout: Option<Layout>) -> Option<Self> {
        let sides = [0, 1];
        let unit = layout.map_or([1, 1], |layout| layout.unit);
        let block = sides.map(|at| most(cast, |entry| Some(entry.block?[at])));
        let mut step = 1;
        let mut multiple = |of: u32| {
            step = lcm(step, of)?;
            Some(())
        };
        for alignment in cast.entries.iter().filter_map(|entry| entry.stride_alignment) {
            multiple(alignment)?;
        }
        if let Some(layout) = layout {
            let whole = cast.entries.iter().any(|entry| entry.whole_pixel_rows);
            multiple(if whole { layout.bytes } else { 1 })?;
            multiple(block[0].map_or(Some(1), |width| width.checked_mul(layout.bytes))?)?;
        }
        let rows = Self {
            min_extent: sides
                .map(|at| most(cast, |entry| Some(entry.min_extent?[at])).unwrap_or(1)),
            max_extent: sides.map(|at| least(cast, |entry| Some(entry.max_extent?[at]))),
            unit: sides.map(|at| {
                let stated = most(cast, |entry| Some(entry.extent_alignment?[at]));
                stated.unwrap_or(1).max(unit[at]).max(1)
            }),
            min_stride: most(cast, |entry| entry.min_stride).unwrap_or(0),
            max_stride: least(cast, |entry| entry.max_stride),
            step,
            block_rows: block[1].unwrap_or(1).max(1),
            offset: most(cast, |entry| entry.offset_alignment).unwrap_or(1).max(1).into(),
        };
        (rows.rounded(rows.min_stride)? <= rows.max_stride).then_some(rows)
    }

    /// The sizes in pixels that must fit, as they come out; `None` where one does not.
    fn extents(&self, cast: &Cast) -> Option<Vec<[u32; 2]>> {
        let mut asked: Vec<[u32; 2]> =
            cast.entries.iter().flat_map(|entry| &entry.must_fit).copied().collect();
        if asked.is_empty() && cast.entries.iter().any(|entry| entry.min_extent.is_some()) {
            asked.push(self.min_extent);
        }
        let raised = |extent: [u32; 2], at: usize| {
            let side =
                extent[at].max(self.min_extent[at]).checked_next_multiple_of(self.unit[at])?;
            (side <= self.max_extent[at]).then_some(side)
        };
        asked.into_iter().map(|extent| Some([raised(extent, 0)?, raised(extent, 1)?])).collect()
    }

    fn stride(&self, width: u32, layout: Layout) -> Option<u32> {
        let bytes = width.checked_mul(layout.bytes)?;
        self.rounded(bytes.max(self.min_stride)).filter(|stride| *stride <= self.max_stride)
    }

    fn rounded(&self, stride: u32) -> Option<u32> {
        stride.checked_next_multiple_of(self.step)
    }
}

fn lcm(a: u32, b: u32) -> Option<u32> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a.checked_div(x)?.checked_mul(b)
}
