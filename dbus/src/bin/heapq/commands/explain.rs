//! `heapq explain`: the whole answer in words.

use super::test::{on_its_own_machine, policy_dirs_for_cases};
use crate::ask::{Ask, Malformed};
use crate::cli::Global;
use crate::doubt;
use crate::output::{Report, note, print};
use crate::problem::Problem;
use crate::session::Session;
use heapq_allocator::case::{Case, Runner};
use heapq_constraints::{Answer, explain};
use heapq_dbus::exit::Exit;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// An answer with whoever gave it.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    /// `daemon`, `in-process`, or `case` where the machine is a case's.
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
    doubt::about(&asked, &session)?.iter().for_each(note);
    let answer = session.plan(&asked)?;
    if answer.plan.is_none() {
        session.advise();
    }
    Ok(Answered { via: session.via(), answer })
}

/// What a case asks, answered on the case's own machine.
fn answer_of_case(file: &Path, dtb_dirs: &[PathBuf], global: &Global) -> Result<Answered, Problem> {
    on_its_own_machine("explain --case", global)?;
    let runner = Runner::new(&policy_dirs_for_cases(global)).map_err(Problem::Case)?;
    let runner = runner.with_dtb_dirs(dtb_dirs);
    let case = Case::read(file).map_err(Malformed::from)?;
    let answer = runner
        .answer(&case)
        .map_err(|unanswered| Problem::Case(format!("{}: {unanswered}", file.display())))?;
    Ok(Answered { via: "case", answer })
}

/// Runs the command.
pub(crate) fn run(
    ask: &Ask,
    case: Option<&Path>,
    dtb_dirs: &[PathBuf],
    global: &Global,
) -> Result<Exit, Problem> {
    let report = Explained(match case {
        Some(file) => answer_of_case(file, dtb_dirs, global)?,
        None => answer(ask, global)?,
    });
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::from(&report.0.answer))
}
