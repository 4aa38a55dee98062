//! Whether an answer is right, by the rules of `docs/vocabulary.md` and nothing else.
//!
//! Written from the rules and not from the solver, of which it uses nothing: plain definitions on
//! the question as it was asked, one heap and one fact at a time. Every answer is checked in debug
//! builds. What would take long is looked at up to a bound of work; what lies beyond it is not
//! complained of.

mod cast;
mod conflict;
mod heaps;
mod image;
mod links;
mod order;
mod placing;
mod plan;
mod room;
mod rows;
mod sound;
mod works;

use crate::answer::{Answer, Verdict};
use crate::{HeapSet, Name, Question};
use links::Links;
use std::fmt::Display;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A figure or a statement that differs from what the rules give.
    #[error("{what}: {found}, where the rules give {rule}")]
    Figure {
        /// Which.
        what: String,
        /// What the answer says.
        found: String,
        /// What it should say.
        rule: String,
    },
    /// Something that the question or the machine does not have.
    #[error("{what}: there is no `{name}`")]
    Nameless {
        /// Where the name stands.
        what: String,
        /// The name.
        name: String,
    },
    /// A heap that does not serve is offered.
    #[error("heap `{heap}` cannot hold buffer {buffer}: {keys} rule it out")]
    Unfit {
        /// The heap.
        heap: Name,
        /// Which buffer of a frame.
        buffer: usize,
        /// The constraint keys that rule it out.
        keys: String,
    },
    /// Candidates that stand in the wrong order, or twice.
    #[error("the candidate {first} stands before {then}, which the order puts first")]
    Order {
        /// The heaps of the one that stands first.
        first: String,
        /// The heaps of the one behind it.
        then: String,
    },
    /// Something better works: the answer should have been that.
    #[error("{what} would work too, and is better")]
    Better {
        /// What.
        what: String,
    },
}

/// Checks `answer` against `question` on `heaps`. Of questions that the vocabulary would refuse the
/// rules say nothing: any answer to them passes.
///
/// # Errors
/// The first thing found that is wrong.
pub fn check(heaps: &HeapSet, question: &Question, answer: &Answer) -> Result<(), Wrong> {
    if !sound::question(question) || !heaps.heaps().iter().all(sound::heap) {
        return Ok(());
    }
    let asked = Asked { set: heaps, links: Links::new(heaps), question };
    match (answer.verdict, &answer.plan) {
        (Verdict::Ok, Some(plan)) => {
            same("conflicts of an `ok`", &answer.conflicts.len(), &0)?;
            same("fixes of an `ok`", &answer.fixes.len(), &0)?;
            same("heaps too small for an `ok`", &answer.too_small.len(), &0)?;
            same("a copy plan of an `ok`", &answer.copy_plan.is_some(), &false)?;
            plan::check(&asked, plan, &answer.eliminated)
        }
        (Verdict::Conflict, None) => conflict::check(&asked, answer),
        (_, plan) => same("a plan", &plan.is_some(), &plan.is_none()),
    }
}

/// What was asked, and of which machine.
struct Asked<'a> {
    set: &'a HeapSet,
    links: Links<'a>,
    question: &'a Question,
}

impl Asked<'_> {
    /// How many whole combinations may be tried for this question: fewer where each takes longer.
    fn trials(&self) -> usize {
        let facts = self.question.participants.iter().map(|participant| participant.facts.len());
        let each = (1 + self.set.heaps().len()).saturating_mul(1 + facts.sum::<usize>());
        (200_000 / each).min(256)
    }
}

/// A complaint unless both are the same.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, rule: &T) -> Result<(), Wrong> {
    if found == rule {
        return Ok(());
    }
    Err(figure(what, format!("{found:?}"), format!("{rule:?}")))
}

fn figure(what: impl Into<String>, found: impl Display, rule: impl Display) -> Wrong {
    Wrong::Figure { what: what.into(), found: found.to_string(), rule: rule.to_string() }
}

fn nameless(what: &str, name: &str) -> Wrong {
    Wrong::Nameless { what: what.to_owned(), name: name.to_owned() }
}
