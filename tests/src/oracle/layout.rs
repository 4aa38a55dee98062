//! How an image lies in memory, for the formats that this oracle draws.

use super::arithmetic::round_up;
use super::format::Pair;
use super::image::Image;

/// What is known of a fourcc.
#[derive(Clone, Copy, Debug)]
struct Known {
    bytes: u128,
    subsampling: [u128; 2],
    /// Chroma planes of half the rows, each with the luma's stride divided by this, rounded up.
    chroma: &'static [u128],
}

fn known(fourcc: &str) -> Option<Known> {
    let one = |bytes| Known { bytes, subsampling: [1, 1], chroma: &[] };
    Some(match fourcc {
        "R8" => one(1),
        "RG24" | "BG24" => one(3),
        "XR24" | "AR24" | "XB24" | "AB24" => one(4),
        "YUYV" => Known { subsampling: [2, 1], ..one(2) },
        "NV12" | "NV21" => Known { bytes: 1, subsampling: [2, 2], chroma: &[1] },
        "P010" => Known { bytes: 2, subsampling: [2, 2], chroma: &[1] },
        "YU12" => Known { bytes: 1, subsampling: [2, 2], chroma: &[2, 2] },
        _ => return None,
    })
}

/// How many planes `pair` has: one where nobody knows.
pub(super) fn planes(pair: &Pair) -> usize {
    let known = known(&pair.fourcc);
    1 + known.map_or(0, |known| known.chroma.len())
}

/// What the images of one buffer set need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Laid {
    /// For each buffer: usable bytes, and bytes with the rows of whole blocks.
    pub(super) buffers: Vec<(u128, u128)>,
    /// Of plane 0 of the widest image.
    pub(super) stride: Option<u128>,
}

/// The bytes that all images of `image` need. Sizes are `None` within `Some` where nobody says how
/// large they are or how the format lies. `None`: extents or strides cannot be met.
pub(super) fn lay(image: &Image, pair: &Pair) -> Option<Option<Laid>> {
    let bound = u128::from(u32::MAX);
    let known = known(&pair.fourcc);
    let step = image.stride_step(known.map(|known| known.bytes))?;
    let max_stride = image.max_stride.min(bound);
    if image.min_stride.is_some_and(|min| round_up(min, step) > max_stride) {
        return None;
    }
    let subsampling = known.map_or([1; 2], |known| known.subsampling);
    let mut all: Option<Laid> = None;
    for extent in extents(image) {
        let [width, height] = [0, 1].map(|axis| {
            round_up(extent[axis], image.extent_alignment[axis].max(subsampling[axis]))
        });
        if width > image.max_extent[0].min(bound) || height > image.max_extent[1].min(bound) {
            return None;
        }
        if let Some(known) = known {
            let row = (width * known.bytes).max(image.min_stride.unwrap_or(0));
            let stride = round_up(row, step);
            if stride > max_stride {
                return None;
            }
            let block = image.block.map_or(1, |block| block[1]);
            let usable = rows(known, stride, height);
            let whole = rows(known, stride, round_up(height, block));
            let one = gather(image, &usable, &whole, stride);
            all = Some(all.map_or(one.clone(), |all| larger(all, one)));
        }
    }
    Some(all)
}

/// The images that must fit, as written but raised to the minimum.
fn extents(image: &Image) -> Vec<[u128; 2]> {
    if image.must_fit.is_empty() {
        return image.min_extent.into_iter().collect();
    }
    let [width, height] = image.min_extent.unwrap_or([1; 2]);
    image.must_fit.iter().map(|[w, h]| [(*w).max(width), (*h).max(height)]).collect()
}

/// The bytes of each plane.
fn rows(known: Known, stride: u128, height: u128) -> Vec<u128> {
    let chroma = known.chroma.iter().map(|divisor| stride.div_ceil(*divisor) * (height / 2));
    std::iter::once(stride * height).chain(chroma).collect()
}

/// Planes to buffers.
fn gather(image: &Image, usable: &[u128], whole: &[u128], stride: u128) -> Laid {
    let joint = |planes: &[u128]| {
        planes.iter().fold(0, |end, bytes| round_up(end, image.offset_alignment) + bytes)
    };
    let buffers = if image.separate {
        usable.iter().copied().zip(whole.iter().copied()).collect()
    } else {
        vec![(joint(usable), joint(whole))]
    };
    Laid { buffers, stride: Some(stride) }
}

fn larger(a: Laid, b: Laid) -> Laid {
    let pairs = a.buffers.iter().zip(&b.buffers);
    let buffers = pairs.map(|(a, b)| (a.0.max(b.0), a.1.max(b.1))).collect();
    Laid { buffers, stride: a.stride.max(b.stride) }
}
