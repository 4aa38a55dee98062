//! Runs cases.

use super::compare::{Came, Difference, Walked, differences};
use super::fallback::walk;
use super::file::{Case, Unusable};
use super::find;
use super::machine::{Machine, NoMachine, checked};
use heapq_constraints::{Heap, Refused, explain, solve};
use heapq_policies::{PolicySet, load};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What one case came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// The case's file.
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

/// Runs cases with the same policies.
#[derive(Debug)]
pub struct Runner {
    policies: Arc<PolicySet>,
    policy_dirs: Vec<PathBuf>,
}

/// Runs the cases at `paths`, files or directories, with the shipped policies and those of
/// `policy_dirs`, the highest precedence last.
#[must_use]
pub fn run_all(paths: &[PathBuf], policy_dirs: &[PathBuf]) -> Vec<CaseResult> {
    let runner = Runner::new(policy_dirs);
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
        Ok(Self { policies, policy_dirs: policy_dirs.to_vec() })
    }

    /// Runs one case.
    #[must_use]
    pub fn run(&self, case: &Case) -> CaseResult {
        let outcome = match Machine::of(case, &self.policies, &self.policy_dirs) {
            _ if !case.stated.invalid.is_empty() => malformed(case),
            Ok(machine) => asked(case, &machine),
            Err(NoMachine::Unsupported(because)) => Outcome::Skipped { because },
            Err(NoMachine::Broken(complaints)) => Outcome::Unusable { complaints },
            Err(NoMachine::Heaps(invalid)) => compared(case, &Came::Invalid(invalid), &[]),
        };
        CaseResult { file: case.file.clone(), name: case.name.clone(), outcome }
    }
}

/// A case whose tables the vocabulary refuses: its first complaint is the verdict.
fn malformed(case: &Case) -> Outcome {
    match case.stated.invalid.first() {
        Some((invalid, _)) => compared(case, &Came::Invalid(invalid.clone()), &[]),
        None => Outcome::Passed,
    }
}

fn asked(case: &Case, machine: &Machine) -> Outcome {
    let heaps = &machine.heaps;
    let question = match machine.completed(case) {
        Ok(question) => question,
        Err(unknown) => {
            let complaints = format!("{}: {unknown}", case.file.display());
            return Outcome::Unusable { complaints };
        }
    };
    let came = match solve(heaps, &question) {
        Ok(answer) => {
            match answer.plan.as_ref().map(|plan| walk(plan, &case.stated.fails, heaps)) {
                None => Came::Answered(Box::new(answer), Walked::default()),
                Some(Ok(walked)) => Came::Answered(Box::new(answer), walked),
                Some(Err(error)) => {
                    let complaints = format!("{}: {error}", case.file.display());
                    return Outcome::Unusable { complaints };
                }
            }
        }
        Err(Refused::Invalid(invalid)) => Came::Invalid(invalid),
        Err(refused @ Refused::TooMany { .. }) => Came::TooMany(refused.to_string()),
    };
    compared(case, &came, heaps.heaps())
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
