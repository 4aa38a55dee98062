//! `heapq explain`: the whole answer in words.

use crate::ask::Ask;
use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::Session;
use heapq_constraints::{Answer, explain};
use heapq_dbus::exit::Exit;
use serde::Serialize;

/// An answer with whoever gave it.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    /// `daemon` or `in-process`.
    pub(crate) via: &'static str,
    /// What came.
    #[serde(flatten)]
    pub(crate) answer: Answer,
}

/// The same in sentences.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Explained(Answered);

impl Report for Explained {
    fn human(&self, _legend: bool) -> String {
        in_words(&self.0.answer)
    }
}

/// The answer in sentences, a line each.
pub(crate) fn in_words(answer: &Answer) -> String {
    let lines = explain::words(answer).into_iter();
    lines.map(|line| crate::table::printable(&line) + "\n").collect()
}

/// Asks.
pub(crate) fn answer(ask: &Ask, global: &Global) -> Result<Answered, Problem> {
    let asked = ask.asked()?;
    let session = Session::open(global)?;
    Ok(Answered { via: session.via(), answer: session.plan(&asked)? })
}

/// Runs the command.
pub(crate) fn run(ask: &Ask, global: &Global) -> Result<Exit, Problem> {
    let report = Explained(answer(ask, global)?);
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::from(&report.0.answer))
}
