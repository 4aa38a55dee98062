//! Answers in words. The only place that makes sentences from them.

use crate::Answer;

/// Lines that say what was chosen and why, or why nothing could be and what would help. Plain text
/// without colour; every line about a need ends in its origin.
#[must_use]
pub fn words(_answer: &Answer) -> Vec<String> {
    unimplemented!()
}
