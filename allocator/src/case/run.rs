//! Runs cases.

use super::compare::{Came, Difference, Walked, differences};
use super::fallback::walk;
use super::file::{Case, Unusable};
use super::find;
use super::machine::{Machine, NoMachine, checked};
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{Answer, Heap, Refused, explain, solve};
use heapq_policies::{PolicySet, load};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What one case came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// The case's file.
    #[serde(serialize_with = "shown_path")]
    pub file: PathBuf,
    /// Its name; empty where the file cannot be read.
    pub name: String,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Every expectation holds.
    Passed,
    /// It cannot be run here.
    Skipped {
        /// Why.
        because: String,
    },
    /// Some expectation does not hold.
    Failed {
        /// Each that does not.
        differences: Vec<Difference>,
        /// What came, in words.
        came: Vec<String>,
    },
    /// The file is no case, or what it names cannot be read.
    Unusable {
        /// What is wrong, a line each, with file and line.
        complaints: String,
    },
}

/// A path as text: a name that is not UTF-8 is no reason to say nothing of the others.
fn shown_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Runs cases with the same policies.
#[derive(Debug)]
pub struct Runner {
    policies: Arc<PolicySet>,
    policy_dirs: Vec<PathBuf>,
    dtb_dirs: Vec<PathBuf>,
}

/// Runs the cases at `paths`, files or directories, with the shipped policies and those of
/// `policy_dirs`, the highest precedence last. A board's devicetree that is not beside its case is
/// looked for in `dtb_dirs`.
#[must_use]
pub fn run_all(
    paths: &[PathBuf],
    policy_dirs: &[PathBuf],
    dtb_dirs: &[PathBuf],
) -> Vec<CaseResult> {
    let runner = Runner::new(policy_dirs).map(|runner| runner.with_dtb_dirs(dtb_dirs));
    let found = find::cases(paths).into_iter();
    found
        .map(|case| match (&runner, case) {
            (Ok(runner), Ok(case)) => runner.run(&case),
            (Err(complaints), Ok(case)) => {
                let outcome = Outcome::Unusable { complaints: complaints.clone() };
                CaseResult { file: case.file, name: case.name, outcome }
            }
            (_, Err(unusable)) => unusable.into(),
        })
        .collect()
}

impl From<Unusable> for CaseResult {
    fn from(unusable: Unusable) -> Self {
        let complaints = unusable.to_string();
        let outcome = Outcome::Unusable { complaints };
        Self { file: unusable.file, name: String::new(), outcome }
    }
}

impl Runner {
    /// With the shipped policies and those of `policy_dirs`, the highest precedence last.
    ///
    /// # Errors
    /// Everything that is wrong with the policy files, in words.
    pub fn new(policy_dirs: &[PathBuf]) -> Result<Self, String> {
        let policies = Arc::new(checked(load(policy_dirs))?);
        Ok(Self { policies, policy_dirs: policy_dirs.to_vec(), dtb_dirs: Vec::new() })
    }

    /// Looks for devicetrees in these directories too, and in those directly below them.
    #[must_use]
    pub fn with_dtb_dirs(mut self, dtb_dirs: &[PathBuf]) -> Self {
        self.dtb_dirs = dtb_dirs.to_vec();
        self
    }

    /// Runs one case.
    #[must_use]
    pub fn run(&self, case: &Case) -> CaseResult {
        let outcome = match self.asked(case) {
            Ok((answer, machine)) => compared_with(case, answer, &machine),
            Err(Unanswered::Absent(because)) => Outcome::Skipped { because },
            Err(Unanswered::Unusable(complaints)) => Outcome::Unusable { complaints },
            Err(Unanswered::Invalid(invalid, _)) => compared(case, &Came::Invalid(invalid), &[]),
            Err(Unanswered::TooMany(message)) => compared(case, &Came::TooMany(message), &[]),
        };
        CaseResult { file: case.file.clone(), name: case.name.clone(), outcome }
    }

    /// The answer to a case's question on the case's own machine, whatever the case expects.
    ///
    /// # Errors
    /// [`Unanswered`] when its board cannot be read or its question is refused.
    pub fn answer(&self, case: &Case) -> Result<Answer, Unanswered> {
        self.asked(case).map(|(answer, _)| answer)
    }

    fn asked(&self, case: &Case) -> Result<(Answer, Machine), Unanswered> {
        // A table that the vocabulary refuses comes before what its board may be.
        if let Some((invalid, line)) = case.stated.invalid.first() {
            return Err(Unanswered::Invalid(invalid.clone(), *line));
        }
        let machine = Machine::of(case, &self.policies, &self.policy_dirs, &self.dtb_dirs)?;
        let question = machine.completed(case).map_err(|unknown| {
            Unanswered::Unusable(format!("{}: {unknown}", case.file.display()))
        })?;
        let answer = solve(&machine.heaps, &question).map_err(|refused| match refused {
            Refused::Invalid(invalid) => Unanswered::Invalid(invalid, None),
            many @ Refused::TooMany { .. } => Unanswered::TooMany(many.to_string()),
        })?;
        Ok((answer, machine))
    }
}

/// Why a case's question has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unanswered {
    /// Its board's devicetree is not here.
    #[error("{0}")]
    Absent(String),
    /// Its board, policies or devices cannot be had; a line each, with the file.
    #[error("{0}")]
    Unusable(String),
    /// The question contradicts itself or the vocabulary; with the line, where it has one.
    #[error("{}{_0}", .1.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Invalid(Invalid, Option<u32>),
    /// The question is larger than the solver's bounds.
    #[error("{0}")]
    TooMany(String),
}

impl From<NoMachine> for Unanswered {
    fn from(none: NoMachine) -> Self {
        match none {
            NoMachine::Absent(because) => Self::Absent(because),
            NoMachine::Broken(complaints) => Self::Unusable(complaints),
            NoMachine::Heaps(invalid) => Self::Invalid(invalid, None),
        }
    }
}

/// Walks the candidates over heaps that fail as the case says, and compares.
fn compared_with(case: &Case, answer: Answer, machine: &Machine) -> Outcome {
    let heaps = &machine.heaps;
    let walked = match &answer.plan {
        None => Ok(Walked::default()),
        Some(plan) => walk(plan, &case.stated.fails, heaps),
    };
    match walked {
        Ok(walked) => compared(case, &Came::Answered(Box::new(answer), walked), heaps.heaps()),
        Err(error) => {
            let complaints = format!("{}: {error}", case.file.display());
            Outcome::Unusable { complaints }
        }
    }
}

/// `heaps`: those of the machine, for their names.
fn compared(case: &Case, came: &Came, heaps: &[Heap]) -> Outcome {
    let differences = differences(&case.expect, came, heaps);
    if differences.is_empty() {
        return Outcome::Passed;
    }
    Outcome::Failed { differences, came: in_words(case, came) }
}

fn in_words(case: &Case, came: &Came) -> Vec<String> {
    match came {
        Came::Answered(answer, _) => explain::words(answer),
        Came::TooMany(message) => vec![message.clone()],
        Came::Invalid(invalid) => {
            let mut said = case.stated.invalid.iter();
            let line = said.find(|(one, _)| one == invalid).and_then(|(_, line)| *line);
            let line = line.map(|line| format!("{line}: ")).unwrap_or_default();
            vec![format!("{}:{line}{invalid}", case.file.display())]
        }
    }
}
