//! Sets of heaps as bits: the search intersects them by the thousand.

/// How many heaps a machine may offer. Real ones offer fewer than ten; the bound keeps a set of
/// them small enough to copy.
pub(crate) const MAX_HEAPS: usize = 256;

const WORDS: usize = MAX_HEAPS / 64;

/// A set of heaps, by their index in the [`crate::HeapSet`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeapBits([u64; WORDS]);

impl HeapBits {
    /// No heap.
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    /// The first `count` heaps.
    pub(crate) fn first(count: usize) -> Self {
        (0..count).collect()
    }

    /// Adds one. An index past the bound is no heap's and is not added.
    pub(crate) fn insert(&mut self, heap: usize) {
        if let Some(word) = self.0.get_mut(heap / 64) {
            *word |= 1 << (heap % 64);
        }
    }

    /// Whether `heap` is in.
    pub(crate) fn contains(&self, heap: usize) -> bool {
        self.0.get(heap / 64).is_some_and(|word| word & (1 << (heap % 64)) != 0)
    }

    /// Whether none is in.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Those in both.
    pub(crate) fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Those in either.
    pub(crate) fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Those that `other` lacks.
    pub(crate) fn without(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// The heaps that are in, lowest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| {
            std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|rest| *rest != 0)
                .map(move |rest| index * 64 + lowest(rest))
        })
    }

    fn zip(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let mut result = self;
        for (word, from) in result.0.iter_mut().zip(other.0) {
            *word = join(*word, from);
        }
        result
    }
}

fn lowest(word: u64) -> usize {
    usize::try_from(word.trailing_zeros()).unwrap_or(0)
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
    fn iterates_over_what_was_inserted_across_words() {
        let set: HeapBits = [0, 63, 64, 200, 255].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 200, 255]);
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
