//! `min-extent`, `max-extent`, `must-fit`, `extent-alignment`: which images a buffer must hold.

use super::format::Keys;
use crate::fact::FormatEntry;

/// What the extents of several entries come to, in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Extents<'a> {
    least: Option<[u32; 2]>,
    most: [u32; 2],
    alignment: [u32; 2],
    must_fit: Vec<&'a [[u32; 2]]>,
}

impl<'a> Extents<'a> {
    /// Nobody says anything.
    pub(crate) fn any() -> Self {
        Self { least: None, most: [u32::MAX; 2], alignment: [1; 2], must_fit: Vec::new() }
    }

    /// Adds what `entry` says under `keys`.
    pub(crate) fn add(&mut self, entry: &'a FormatEntry, keys: Keys) {
        let with = |key, value: Option<[u32; 2]>| value.filter(|_| keys.has(key));
        if let Some(least) = with(Keys::MIN_EXTENT, entry.min_extent) {
            self.least = Some(each(self.least.unwrap_or([1; 2]), least, u32::max));
        }
        if let Some(most) = with(Keys::MAX_EXTENT, entry.max_extent) {
            self.most = each(self.most, most, u32::min);
        }
        if let Some(alignment) = with(Keys::EXTENT_ALIGNMENT, entry.extent_alignment) {
            self.alignment = each(self.alignment, alignment, u32::max);
        }
        if keys.has(Keys::MUST_FIT) && !entry.must_fit.is_empty() {
            self.must_fit.push(&entry.must_fit);
        }
    }

    /// The images that must fit, raised and rounded; empty when nobody says how large. `unit` is
    /// what the format's subsampling asks for, powers of two. `None`: one is larger than may be.
    ///
    /// A maximum rounded down is below a multiple of the alignment exactly when the maximum itself
    /// is, so maxima are compared as they stand. An image that another covers needs no more than
    /// that one does, so it may stay.
    pub(crate) fn images(&self, unit: [u32; 2]) -> Option<Vec<[u32; 2]>> {
        let alignment = each(self.alignment, unit, u32::max);
        let least = self.least.unwrap_or([1; 2]);
        let listed = self.must_fit.iter().flat_map(|list| list.iter());
        let stated: Vec<[u32; 2]> = if self.must_fit.is_empty() {
            self.least.into_iter().collect()
        } else {
            listed.copied().collect()
        };
        stated
            .into_iter()
            .map(|image| self.rounded(each(image, least, u32::max), alignment))
            .collect()
    }

    fn rounded(&self, image: [u32; 2], alignment: [u32; 2]) -> Option<[u32; 2]> {
        let round = |part: usize| {
            image[part]
                .checked_next_multiple_of(alignment[part])
                .filter(|rounded| *rounded <= self.most[part])
        };
        Some([round(0)?, round(1)?])
    }
}

fn each(a: [u32; 2], b: [u32; 2], choose: fn(u32, u32) -> u32) -> [u32; 2] {
    [choose(a[0], b[0]), choose(a[1], b[1])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::plane::tests::entry;

    type Change = fn(&mut FormatEntry);
    /// The entries, what the format asks for, and the images that come out.
    type Row<'t> = (&'t [Change], [u32; 2], Option<Vec<[u32; 2]>>);

    fn images(changes: &[Change], unit: [u32; 2]) -> Option<Vec<[u32; 2]>> {
        let entries: Vec<FormatEntry> = changes.iter().map(|change| entry(*change)).collect();
        let mut extents = Extents::any();
        entries.iter().for_each(|entry| extents.add(entry, Keys::ALL));
        extents.images(unit)
    }

    #[test]
    fn minima_raise_maxima_bound_and_both_round() {
        let table: [Row; 9] = [
            (&[], [1, 1], Some(vec![])),
            (&[|e| e.max_extent = Some([1, 1])], [2, 2], Some(vec![])),
            (&[|e| e.min_extent = Some([641, 3])], [2, 1], Some(vec![[642, 3]])),
            (
                &[|e| e.min_extent = Some([10, 1]), |e| e.min_extent = Some([1, 20])],
                [1, 1],
                Some(vec![[10, 20]]),
            ),
            (
                &[
                    |e| e.must_fit = vec![[500, 1000], [1000, 500]],
                    |e| e.min_extent = Some([1, 600]),
                ],
                [1, 1],
                Some(vec![[500, 1000], [1000, 600]]),
            ),
            (
                &[
                    |e| {
                        e.max_extent = Some([1921, 1081]);
                        e.extent_alignment = Some([16, 16]);
                    },
                    |e| e.must_fit = vec![[1920, 1072]],
                ],
                [2, 2],
                Some(vec![[1920, 1072]]),
            ),
            (
                &[
                    |e| e.max_extent = Some([1921, 1081]),
                    |e| e.extent_alignment = Some([16, 16]),
                    |e| e.must_fit = vec![[1920, 1073]],
                ],
                [1, 1],
                None,
            ),
            (
                &[|e| e.min_extent = Some([1920, 1]), |e| e.max_extent = Some([1280, 1])],
                [1, 1],
                None,
            ),
            (&[|e| e.min_extent = Some([u32::MAX, 1])], [2, 1], None),
        ];
        for (changes, unit, expected) in table {
            assert_eq!(images(changes, unit), expected);
        }
    }

    #[test]
    fn keys_that_are_left_out_say_nothing() {
        let entry = entry(|e| {
            e.min_extent = Some([9, 9]);
            e.max_extent = Some([1, 1]);
        });
        let mut extents = Extents::any();
        extents.add(&entry, Keys::MIN_EXTENT);
        assert_eq!(extents.images([1, 1]), Some(vec![[9, 9]]));
    }
}
