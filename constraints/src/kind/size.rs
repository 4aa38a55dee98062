//! `min-size`, `max-size`, `padding`: bytes of one buffer. The first two bind what is usable; what
//! is allocated is that plus padding, in whole pages.

use crate::Constraint;
use crate::answer::BufferPlan;

/// What the sizes of several participants come to, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// 0 says nothing.
    pub(crate) least: u64,
    most: u64,
    padding: u64,
}

impl Sizes {
    /// Nobody says anything.
    pub(crate) const ANY: Self = Self { least: 0, most: u64::MAX, padding: 0 };

    /// What one constraint says; [`Self::ANY`] for other kinds.
    pub(crate) fn of(constraint: &Constraint) -> Self {
        match constraint {
            Constraint::MinSize(bytes) => Self { least: *bytes, ..Self::ANY },
            Constraint::MaxSize(bytes) => Self { most: *bytes, ..Self::ANY },
            Constraint::Padding(bytes) => Self { padding: *bytes, ..Self::ANY },
            _ => Self::ANY,
        }
    }

    /// Both must hold.
    pub(crate) fn meet(self, other: Self) -> Self {
        Self {
            least: self.least.max(other.least),
            most: self.most.min(other.most),
            padding: self.padding.max(other.padding),
        }
    }

    /// What is certain of either.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
            padding: self.padding.min(other.padding),
        }
    }

    /// A buffer for `image` usable bytes, of which rounding makes `allocated`; `None` when a
    /// maximum forbids it or 64 bits do not hold it.
    pub(crate) fn buffer(self, image: u64, allocated: u64, page: u64) -> Option<BufferPlan> {
        let size = image.max(self.least);
        let bare = allocated.max(size).checked_add(self.padding)?;
        let allocation_size = bare.checked_next_multiple_of(page)?;
        (size <= self.most).then_some(BufferPlan { size, allocation_size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// The needs, the image's bytes, and the buffer's.
    type Row<'t> = (&'t [Constraint], (u64, u64), Option<(u64, u64)>);
    use Constraint::{MaxSize, MinSize, Padding};

    #[test]
    fn usable_and_allocated() {
        let table: [Row; 9] = [
            (&[MinSize(4096), MinSize(10000), MaxSize(20000)], (0, 0), Some((10000, 12288))),
            (&[MinSize(1)], (98304, 98304), Some((98304, 98304))),
            (&[Padding(100), Padding(64)], (1_228_800, 1_228_800), Some((1_228_800, 1_232_896))),
            (&[MaxSize(835_200)], (835_200, 838_912), Some((835_200, 839_680))),
            (&[MaxSize(99)], (100, 100), None),
            (&[MinSize(8192), MaxSize(4096)], (0, 0), None),
            (&[MinSize(u64::MAX)], (0, 0), None),
            (&[MinSize(1), Padding(u64::MAX)], (0, 0), None),
            (&[], (0, 0), Some((0, 0))),
        ];
        for (constraints, (image, allocated), expected) in table {
            let sizes = constraints.iter().fold(Sizes::ANY, |all, one| all.meet(Sizes::of(one)));
            let plan = sizes.buffer(image, allocated, 4096);
            let found = plan.map(|plan| (plan.size, plan.allocation_size));
            assert_eq!(found, expected, "{constraints:?}");
        }
    }

    #[test]
    fn what_is_certain_of_two_alternatives() {
        let either = Sizes { least: 1, most: 5, padding: 3 }.join(Sizes { least: 2, ..Sizes::ANY });
        assert_eq!(either, Sizes { least: 1, ..Sizes::ANY });
    }
}
