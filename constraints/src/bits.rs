//! Sets of heaps as bits: the search intersects them by the thousand.

/// How many heaps a machine may offer. Real ones offer fewer than ten; the bound keeps a set of
/// them as cheap as a number.
pub const MAX_HEAPS: usize = 128;

/// A set of heaps, by their index in the [`crate::HeapSet`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeapBits(u128);

impl HeapBits {
    /// No heap.
    pub(crate) const EMPTY: Self = Self(0);

    /// The first `count` heaps.
    pub(crate) fn first(count: usize) -> Self {
        (0..count).collect()
    }

    /// Adds one. An index past the bound is no heap's and is not added.
    pub(crate) fn insert(&mut self, heap: usize) {
        self.0 |= bit(heap);
    }

    /// Whether `heap` is in.
    pub(crate) fn contains(self, heap: usize) -> bool {
        self.0 & bit(heap) != 0
    }

    /// Whether none is in.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that `other` lacks.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The heaps that are in, lowest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let lowest = usize::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
            rest &= rest - 1;
            Some(lowest)
        })
    }
}

fn bit(heap: usize) -> u128 {
    u32::try_from(heap).ok().and_then(|heap| 1_u128.checked_shl(heap)).unwrap_or(0)
}

impl FromIterator<usize> for HeapBits {
    fn from_iter<I: IntoIterator<Item = usize>>(heaps: I) -> Self {
        let mut set = Self::EMPTY;
        heaps.into_iter().for_each(|heap| set.insert(heap));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterates_over_what_was_inserted() {
        let set: HeapBits = [0, 63, 64, 100, 127].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 100, 127]);
        assert!(set.contains(64) && !set.contains(65));
    }

    #[test]
    fn an_index_past_the_bound_is_in_no_set() {
        let set: HeapBits = [MAX_HEAPS, usize::MAX].into_iter().collect();
        assert!(set.is_empty() && !set.contains(usize::MAX));
    }

    #[test]
    fn set_operations() {
        let (a, b): (HeapBits, HeapBits) = ([1, 2].into_iter().collect(), HeapBits::first(2));
        assert_eq!(a.and(b).iter().collect::<Vec<_>>(), [1]);
        assert_eq!(a.or(b).iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(a.without(b).iter().collect::<Vec<_>>(), [2]);
    }
}
