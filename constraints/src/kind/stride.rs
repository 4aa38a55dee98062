//! `min-stride`, `max-stride`, `stride-alignment`, `whole-pixel-rows`, `block`: bytes from row to
//! row, and rows that are fetched but not usable.

use super::format::Keys;
use crate::fact::FormatEntry;

/// What the strides of several entries come to, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strides {
    least: u32,
    most: u32,
    /// `None`: the least common multiple does not fit 32 bits.
    alignment: Option<u32>,
    whole_pixels: bool,
    block: Option<[u32; 2]>,
}

impl Strides {
    /// Nobody says anything.
    pub(crate) const ANY: Self =
        Self { least: 0, most: u32::MAX, alignment: Some(1), whole_pixels: false, block: None };

    /// Adds what `entry` says under `keys`.
    pub(crate) fn add(&mut self, entry: &FormatEntry, keys: Keys) {
        let with = |key, value: Option<u32>| value.filter(|_| keys.has(key));
        self.least = self.least.max(with(Keys::MIN_STRIDE, entry.min_stride).unwrap_or(0));
        self.most = self.most.min(with(Keys::MAX_STRIDE, entry.max_stride).unwrap_or(u32::MAX));
        let further = with(Keys::STRIDE_ALIGNMENT, entry.stride_alignment).unwrap_or(1);
        self.alignment = self.alignment.and_then(|alignment| multiple(alignment, further));
        self.whole_pixels |= keys.has(Keys::WHOLE_PIXEL_ROWS) && entry.whole_pixel_rows;
        if let Some([width, height]) = entry.block.filter(|_| keys.has(Keys::BLOCK)) {
            let [other_width, other_height] = self.block.unwrap_or([1; 2]);
            self.block = Some([other_width.max(width), other_height.max(height)]);
        }
    }

    /// What a stride must be a multiple of. `pixel` is the bytes of one, if they are known.
    pub(crate) fn alignment(&self, pixel: Option<u32>) -> Option<u32> {
        let alignment = self.alignment?;
        let Some(pixel) = pixel else { return Some(alignment) };
        let blocks = match self.block {
            None => 1,
            Some([width, _]) => width.checked_mul(pixel)?,
        };
        multiple(multiple(alignment, blocks)?, if self.whole_pixels { pixel } else { 1 })
    }

    /// The stride for rows of `bytes`, a multiple of `alignment`; `None` when a maximum forbids it
    /// or 32 bits do not hold it. A maximum rounded down forbids the same multiples.
    pub(crate) fn stride(&self, bytes: u64, alignment: u32) -> Option<u32> {
        let rounded = bytes.max(self.least.into()).checked_next_multiple_of(alignment.into())?;
        u32::try_from(rounded).ok().filter(|stride| *stride <= self.most)
    }

    /// The rows that are allocated for `height` usable ones.
    pub(crate) fn rows(&self, height: u32) -> u64 {
        u64::from(height).next_multiple_of(self.block.map_or(1, |[_, rows]| rows).into())
    }
}

/// The least common multiple of two numbers from 1, where 32 bits hold it.
fn multiple(a: u32, b: u32) -> Option<u32> {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).checked_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::plane::tests::entry;

    type Change = fn(&mut FormatEntry);

    fn strides(changes: &[Change]) -> Strides {
        let mut strides = Strides::ANY;
        changes.iter().for_each(|change| strides.add(&entry(*change), Keys::ALL));
        strides
    }

    #[test]
    fn strides_round_up_to_the_least_common_multiple() {
        let table: [(&[Change], u32, u64, Option<u32>); 10] = [
            (&[], 4, 1016, Some(1016)),
            (&[|e| e.stride_alignment = Some(64)], 4, 1016, Some(1024)),
            (
                &[|e| e.stride_alignment = Some(64), |e| e.stride_alignment = Some(48)],
                4,
                400,
                Some(576),
            ),
            (&[|e| e.stride_alignment = Some(8), |e| e.whole_pixel_rows = true], 3, 303, Some(312)),
            (&[|e| e.block = Some([4, 4]), |e| e.block = Some([8, 1])], 3, 303, Some(312)),
            (&[|e| e.min_stride = Some(100), |e| e.stride_alignment = Some(3)], 1, 5, Some(102)),
            (
                &[|e| {
                    e.max_stride = Some(1000);
                    e.stride_alignment = Some(64);
                }],
                1,
                950,
                Some(960),
            ),
            (&[|e| e.max_stride = Some(1000), |e| e.stride_alignment = Some(64)], 1, 970, None),
            (&[|e| e.min_stride = Some(u32::MAX), |e| e.stride_alignment = Some(2)], 1, 1, None),
            (&[], 8, 1 << 32, None),
        ];
        for (changes, pixel, bytes, expected) in table {
            let strides = strides(changes);
            let alignment = strides.alignment(Some(pixel)).unwrap();
            assert_eq!(strides.stride(bytes, alignment), expected, "{strides:?}");
        }
    }

    #[test]
    fn a_multiple_that_does_not_fit_is_none() {
        let both: [Change; 2] =
            [|e| e.stride_alignment = Some(65536), |e| e.stride_alignment = Some(65537)];
        assert_eq!(strides(&both).alignment(None), None);
        let block: [Change; 1] = [|e| e.block = Some([1 << 31, 1])];
        assert_eq!(strides(&block).alignment(Some(4)), None);
    }

    #[test]
    fn of_an_unknown_format_only_plain_figures_count() {
        let both: [Change; 2] = [|e| e.block = Some([8, 8]), |e| e.whole_pixel_rows = true];
        assert_eq!(strides(&both).alignment(None), Some(1));
        assert_eq!(strides(&both).rows(450), 456);
    }
}
