//! What devices need of a buffer's memory, and which heap can give it.
//!
//! Pure: no I/O, no clock, no logging. A [`Question`] is a set of participants, each with the facts
//! that are known of it; [`HeapSet`] is what the machine offers, with its compatibility graph;
//! [`solve()`] brings them together in an [`Answer`], which is data first. Words are made from it in
//! one place ([`explain`]).
//!
//! The vocabulary (every key, what it means, how several participants combine) is that of
//! `docs/vocabulary.md`; [`vocabulary`] is its only reader, whatever syntax a question came in.

#![forbid(unsafe_code)]

pub mod answer;
mod bits;
pub mod checker;
pub mod choice;
pub mod explain;
pub mod fact;
mod graph;
pub mod heap;
mod heap_set;
mod heap_words;
mod kind;
mod layout;
pub mod origin;
pub mod question;
pub mod solve;
mod spell;
pub mod terms;
mod traits;
pub mod value;
pub mod vocabulary;

pub use answer::Answer;
pub use bits::MAX_HEAPS;
pub use fact::{Constraint, Fact};
pub use heap::{Heap, HeapSet};
pub use heap_set::MAX_EDGES;
pub use layout::knows_fourcc;
pub use origin::Origin;
pub use question::{Participant, Question, Request};
pub use solve::{Refused, solve, solve_unexplained};

/// A name as its giver wrote it: of a heap, a participant, a role. Cheap to clone, since answers
/// repeat names often.
pub type Name = std::sync::Arc<str>;
