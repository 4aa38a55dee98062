//! The search.

use crate::vocabulary::Invalid;
use crate::{Answer, HeapSet, Question};

/// Why a question has no answer at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The question contradicts itself or the vocabulary.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It is larger than the solver's stated bounds.
    #[error("{what}: {found} exceeds the bound of {bound}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: u64,
        /// How many there may be.
        bound: u64,
    },
}

/// Answers `question` on the heaps of `heaps`. The answer does not depend on the order of heaps or
/// edges, and on that of participants only where `docs/vocabulary.md` says so.
///
/// # Errors
/// [`Refused`] when the question is malformed or too large. "No heap fits" is an answer.
pub fn solve(_heaps: &HeapSet, _question: &Question) -> Result<Answer, Refused> {
    unimplemented!()
}
