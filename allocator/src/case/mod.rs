//! Cases: one question with the answer that is expected, in one file (docs/vocabulary.md).
//!
//! A case goes the way of a request: its board becomes an observation and a topology, its
//! participants are completed from policies, the question is solved, and the walk over the
//! candidates is the broker's own, over heaps that fail as the case says. Then every expectation
//! is compared.

mod board;
mod compare;
mod dtb;
mod expect;
mod fallback;
mod file;
mod find;
mod machine;
mod run;
mod shown;
mod stated;

pub use compare::Difference;
pub use file::{Case, Complaint, LONGEST, Unusable};
pub use run::{CaseResult, Outcome, Runner, Unanswered, run_all};
pub use shown::Shown;
pub use stated::{QuestionFile, question};

#[cfg(test)]
mod tests;
