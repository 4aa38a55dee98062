//! The pixel formats that heapq knows, laid out as `include/uapi/drm/drm_fourcc.h` of Linux
//! defines their planes, bytes and subsampling.

/// The name of the modifier that means rows of pixels one after the other (`DRM_FORMAT_MOD_LINEAR`).
pub(crate) const LINEAR: &str = "linear";

/// How the pixels of a format lie in memory when it is linear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Bytes per pixel in plane 0.
    pub(crate) bytes: u32,
    /// Width and height must be multiples of these (powers of two).
    pub(crate) unit: [u32; 2],
    /// The planes after plane 0.
    pub(crate) further: &'static [Further],
}

/// A plane after plane 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Further {
    /// Its stride is plane 0's times the first divided by the second, rounded up.
    pub(crate) stride: (u32, u32),
    /// Its rows are plane 0's divided by this.
    pub(crate) rows: u32,
}

const PACKED: [u32; 2] = [1, 1];
const HALVED: [u32; 2] = [2, 1];
const QUARTERED: [u32; 2] = [2, 2];

/// `CbCr` of every pixel pair and row pair, interleaved: half the rows.
const NV_420: &[Further] = &[Further { stride: (1, 1), rows: 2 }];
const NV_422: &[Further] = &[Further { stride: (1, 1), rows: 1 }];
const NV_444: &[Further] = &[Further { stride: (2, 1), rows: 1 }];
const YUV_420: &[Further] = &[Further { stride: (1, 2), rows: 2 }; 2];
const YUV_422: &[Further] = &[Further { stride: (1, 2), rows: 1 }; 2];
const YUV_444: &[Further] = &[Further { stride: (1, 1), rows: 1 }; 2];

/// The layout of `fourcc`; `None` for one that heapq does not know.
pub(crate) fn layout(fourcc: &str) -> Option<Layout> {
    let (bytes, unit, further): (u32, _, &'static [Further]) = match fourcc {
        "R8" => (1, PACKED, &[]),
        "R16" | "GR88" | "RG88" | "RG16" | "BG16" | "XR15" | "AR15" | "XR12" | "AR12" | "R10"
        | "R12" => (2, PACKED, &[]),
        "RG24" | "BG24" | "VU24" => (3, PACKED, &[]),
        "XR24" | "AR24" | "XB24" | "AB24" | "RX24" | "RA24" | "BX24" | "BA24" | "XR30" | "AR30"
        | "XB30" | "AB30" | "AYUV" | "XYUV" | "AVUY" | "XVUY" | "GR32" | "RG32" | "Y410" => {
            (4, PACKED, &[])
        }
        "XR4H" | "AR4H" | "XB4H" | "AB4H" | "XR48" | "AR48" | "XB48" | "AB48" => (8, PACKED, &[]),
        "YUYV" | "YVYU" | "UYVY" | "VYUY" => (2, HALVED, &[]),
        "Y210" | "Y212" | "Y216" => (4, HALVED, &[]),
        "NV12" | "NV21" => (1, QUARTERED, NV_420),
        "P010" | "P012" | "P016" => (2, QUARTERED, NV_420),
        "NV16" | "NV61" => (1, HALVED, NV_422),
        "P210" => (2, HALVED, NV_422),
        "NV24" | "NV42" => (1, PACKED, NV_444),
        "YU12" | "YV12" => (1, QUARTERED, YUV_420),
        "YU16" | "YV16" => (1, HALVED, YUV_422),
        "YU24" | "YV24" => (1, PACKED, YUV_444),
        _ => return None,
    };
    Some(Layout { bytes, unit, further })
}

/// Whether heapq knows how the pixels of `fourcc` lie, so that sizes follow from an extent.
#[must_use]
pub fn knows_fourcc(fourcc: &str) -> bool {
    layout(fourcc).is_some()
}

/// How many planes `fourcc` has; one if heapq does not know it.
pub(crate) fn planes(fourcc: &str) -> usize {
    1 + layout(fourcc).map_or(0, |layout| layout.further.len())
}

/// Bytes of a linear image without gaps; 0 for a format that heapq does not know. An image that
/// 64 bits do not count has as many as they do.
pub(crate) fn bytes(fourcc: &str, [width, height]: [u32; 2]) -> u64 {
    let Some(layout) = layout(fourcc) else { return 0 };
    let stride = u64::from(width).saturating_mul(layout.bytes.into());
    let further = layout.further.iter().map(|plane| {
        let (times, parts) = plane.stride;
        let stride = stride.saturating_mul(times.into()).div_ceil(parts.into());
        stride.saturating_mul(u64::from(height).div_ceil(plane.rows.into()))
    });
    further.fold(stride.saturating_mul(height.into()), u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_laid_out_as_drm_defines_them() {
        let table = [
            ("R8", 1, PACKED, 1),
            ("RG24", 3, PACKED, 1),
            ("XR24", 4, PACKED, 1),
            ("AB30", 4, PACKED, 1),
            ("YUYV", 2, HALVED, 1),
            ("UYVY", 2, HALVED, 1),
            ("NV12", 1, QUARTERED, 2),
            ("NV16", 1, HALVED, 2),
            ("NV24", 1, PACKED, 2),
            ("P010", 2, QUARTERED, 2),
            ("YU12", 1, QUARTERED, 3),
            ("YV16", 1, HALVED, 3),
            ("YU24", 1, PACKED, 3),
        ];
        for (fourcc, bytes, unit, count) in table {
            let found = layout(fourcc).unwrap();
            assert_eq!((found.bytes, found.unit, planes(fourcc)), (bytes, unit, count), "{fourcc}");
        }
    }

    #[test]
    fn one_that_nobody_knows_has_one_plane() {
        assert_eq!((layout("MJPG"), planes("MJPG")), (None, 1));
    }
}
