//! `held`, `dedicated`, `shared`, `min-count`, `max-count`: how many buffers.

use crate::Constraint;

/// What the counts of several participants come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Held and dedicated, summed. Participants and facts are bounded, so 64 bits hold it.
    held: u64,
    shared: u32,
    least: u32,
    most: u32,
}

/// Where the sum comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// From what participants hold.
    Held,
    /// `seed-count` stands in for it.
    Seed(u32),
    /// `seed-count` did, and was dropped: nothing brings the sum back.
    Dropped,
}

impl Counts {
    /// Nobody says anything.
    pub(crate) const ANY: Self = Self { held: 0, shared: 0, least: 0, most: u32::MAX };

    /// What one constraint says; [`Self::ANY`] for other kinds.
    pub(crate) fn of(constraint: &Constraint) -> Self {
        match constraint {
            Constraint::Held(count) | Constraint::Dedicated(count) => {
                Self { held: u64::from(*count), ..Self::ANY }
            }
            Constraint::Shared(count) => Self { shared: *count, ..Self::ANY },
            Constraint::MinCount(count) => Self { least: *count, ..Self::ANY },
            Constraint::MaxCount(count) => Self { most: *count, ..Self::ANY },
            _ => Self::ANY,
        }
    }

    /// So many held and nothing else.
    pub(crate) fn holding(held: u64) -> Self {
        Self { held, ..Self::ANY }
    }

    /// Held and dedicated ones.
    pub(crate) fn held(self) -> u64 {
        self.held
    }

    /// Both must hold.
    pub(crate) fn meet(self, other: Self) -> Self {
        Self {
            held: self.held.saturating_add(other.held),
            shared: self.shared.max(other.shared),
            least: self.least.max(other.least),
            most: self.most.min(other.most),
        }
    }

    /// What is certain of either.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            held: self.held.min(other.held),
            shared: self.shared.min(other.shared),
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// How many buffers; `None` when a maximum forbids it or 32 bits do not hold it.
    pub(crate) fn count(self, sum: Sum) -> Option<u32> {
        let sum = match sum {
            Sum::Held => u32::try_from(self.held.checked_add(u64::from(self.shared))?).ok()?,
            Sum::Seed(count) => count,
            Sum::Dropped => 0,
        };
        Some(sum.max(self.least).max(1)).filter(|count| *count <= self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Constraint::{Dedicated, Held, MaxCount, MinCount, Shared};

    fn all(constraints: &[Constraint]) -> Counts {
        constraints.iter().fold(Counts::ANY, |counts, one| counts.meet(Counts::of(one)))
    }

    #[test]
    fn sums_maxima_and_bounds() {
        let table: [(&[Constraint], Sum, Option<u32>); 11] = [
            (&[], Sum::Held, Some(1)),
            (&[Held(2), Held(3), Dedicated(1), Shared(2), Shared(1)], Sum::Held, Some(8)),
            (&[Held(3), MinCount(5), MinCount(4)], Sum::Held, Some(5)),
            (&[Held(2), Held(3), MaxCount(4)], Sum::Held, None),
            (&[Held(2), MaxCount(2), MaxCount(9)], Sum::Held, Some(2)),
            (&[MinCount(4), MaxCount(3)], Sum::Held, None),
            (&[Held(9), MaxCount(8)], Sum::Seed(6), Some(6)),
            (&[Held(1), MaxCount(5)], Sum::Seed(6), None),
            (&[Held(9), MaxCount(8)], Sum::Dropped, Some(1)),
            (&[Held(u32::MAX)], Sum::Held, Some(u32::MAX)),
            (&[Held(u32::MAX), Shared(1)], Sum::Held, None),
        ];
        for (constraints, sum, expected) in table {
            assert_eq!(all(constraints).count(sum), expected, "{constraints:?}");
        }
    }

    #[test]
    fn what_is_certain_of_two_alternatives() {
        let either = all(&[Held(3), MaxCount(5)]).join(all(&[Held(1), MinCount(2), MaxCount(9)]));
        assert_eq!(either, all(&[Held(1), MaxCount(9)]));
    }
}
