//! `heapq test`: runs cases.

use crate::cli::{DAEMONS, Global, MACHINES};
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::policy_dirs;
use crate::table::{BAD, DIM, GOOD, printable, printable_lines};
use heapq_allocator::case::{self, CaseResult, Outcome};
use heapq_dbus::exit::Exit;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What all cases came to.
#[derive(Debug, Serialize)]
struct Tested {
    /// One a case, in the order of the files.
    cases: Vec<CaseResult>,
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Print what did not pass only.
    #[serde(skip)]
    quiet: bool,
}

impl Report for Tested {
    fn human(&self, _legend: bool) -> String {
        let mut text = String::new();
        for case in &self.cases {
            if !(self.quiet && matches!(case.outcome, Outcome::Passed)) {
                text.push_str(&one(case));
            }
        }
        let Self { passed, failed, skipped, .. } = self;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{passed} passed, {failed} failed, {skipped} skipped");
        text
    }
}

fn one(case: &CaseResult) -> String {
    let what = printable(&format!("{}: {}", case.file.display(), case.name));
    let what = what.trim_end_matches(": ").to_owned();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match &case.outcome {
        Outcome::Passed => writeln!(text, "{GOOD}ok{GOOD:#}   {what}"),
        Outcome::Skipped { because } => writeln!(text, "{DIM}skip{DIM:#} {what}\n     {because}"),
        Outcome::Unusable { complaints } => {
            let complaints = printable_lines(complaints).replace('\n', "\n     ");
            writeln!(text, "{BAD}FAIL{BAD:#} {what}\n     {complaints}")
        }
        Outcome::Failed { differences, came } => {
            let _ = writeln!(text, "{BAD}FAIL{BAD:#} {what}");
            for difference in differences {
                let _ = writeln!(text, "     {}", difference.key);
                let _ = writeln!(
                    text,
                    "       expected {}",
                    printable(&difference.expected.to_string())
                );
                let _ =
                    writeln!(text, "       found    {}", printable(&difference.found.to_string()));
            }
            came.iter()
                .try_for_each(|line| writeln!(text, "     {DIM}| {}{DIM:#}", printable(line)))
        }
    };
    text
}

/// Runs the command.
pub(crate) fn run(
    paths: &[PathBuf],
    dtb_dirs: &[PathBuf],
    quiet: bool,
    global: &Global,
) -> Result<Exit, Problem> {
    on_its_own_machine("test", global)?;
    let cases = case::run_all(paths, &policy_dirs_for_cases(global), dtb_dirs);
    let count =
        |which: fn(&Outcome) -> bool| cases.iter().filter(|case| which(&case.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
    let unusable = count(|outcome| matches!(outcome, Outcome::Unusable { .. }));
    let report = Tested { passed, skipped, failed: cases.len() - passed - skipped, quiet, cases };
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(match (report.cases.len() - report.passed, unusable) {
        _ if report.cases.is_empty() => {
            crate::output::note("there is no case to run");
            Exit::Failure
        }
        (0, _) => Exit::Ok,
        (_, 0) => Exit::Failure,
        (_, _) => Exit::Invalid,
    })
}

/// Refuses the options that name a machine or a daemon.
pub(super) fn on_its_own_machine(command: &'static str, global: &Global) -> Result<(), Problem> {
    global.refuse(&[MACHINES, DAEMONS].concat(), command, "a case brings its own machine")
}

/// Cases run with the shipped policies: what a machine has in /etc must not change a regression
/// test. Directories that are named count.
pub(super) fn policy_dirs_for_cases(global: &Global) -> Vec<PathBuf> {
    if global.policy_dir.is_empty() { Vec::new() } else { policy_dirs(global) }
}
