//! Explanations within a bound.
//!
//! Each heap that does not serve is explained with every need of every participant, so a question
//! of some kilobytes can ask for megabytes, which as nested variants take ten times as much memory
//! until the client has read them.

use heapq_constraints::Answer;
use std::io::{self, Write};

/// Most bytes of an explanation, as JSON. A machine of 64 heaps explains a conflict of 16 devices
/// in less.
pub(crate) const LONGEST: usize = 256 << 10;

/// What of `answer` keeps within the bound; `None` when all of it does. The plan stays, with its
/// candidates up to `candidate` at least; heaps that do not serve go first.
pub(super) fn cut(answer: &Answer, candidate: usize) -> Option<Answer> {
    if fits(answer) {
        return None;
    }
    let mut short = answer.clone();
    while !fits(&short) && shorten(&mut short, candidate) {}
    Some(short)
}

fn fits(answer: &Answer) -> bool {
    serde_json::to_writer(Room(LONGEST), answer).is_ok()
}

/// Takes half of a list away; `false` when nothing is left to take.
fn shorten(answer: &mut Answer, candidate: usize) -> bool {
    if !answer.eliminated.is_empty() {
        answer.eliminated.truncate(answer.eliminated.len() / 2);
    } else if !answer.fixes.is_empty() {
        answer.fixes.truncate(answer.fixes.len() / 2);
    } else if !answer.too_small.is_empty() {
        answer.too_small.truncate(answer.too_small.len() / 2);
    } else if !answer.conflicts.is_empty() {
        answer.conflicts.truncate(answer.conflicts.len() / 2);
        answer.conflicts_complete = false;
    } else if let Some(plan) = &mut answer.plan
        && plan.candidates.len() > candidate.saturating_add(1)
    {
        let half = plan.candidates.len() / 2;
        plan.candidates.truncate(half.max(candidate.saturating_add(1)));
        plan.candidates_complete = false;
    } else {
        return false;
    }
    true
}

/// Counts what is written, and refuses what there is no room for.
struct Room(usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::WriteZero)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
