//! A second opinion on every answer of the solver: the rules of `docs/vocabulary.md` written down
//! once more, in the plainest way, with no code of `heapq-constraints` but its types.
//!
//! Everything is enumerated: who is in, which alternatives, which pairs of fourcc and modifier,
//! which heap for each plane. Figures are computed in 128 bits and compared with their bounds at
//! the end. Slow and obvious on purpose; good for small questions only.

mod address;
mod arithmetic;
mod choice;
mod conflict;
pub mod draw;
mod element;
mod eliminated;
mod expect;
mod figures;
mod format;
pub mod generate;
mod graph;
mod heap;
mod image;
mod invalid;
mod layout;
mod needs;
pub mod print;
mod rank;
mod room;
mod search;
pub mod shrink;
pub mod versus;
mod world;

pub use conflict::{Conflicts, Set, plainly};
pub use eliminated::Table;
pub use expect::{Failing, mismatches};
pub use room::{Small, too_small};
pub use search::{Outcome, Plan, answer};
pub use world::World;
