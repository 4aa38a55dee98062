//! Asks every board of a directory of devicetrees what heapq knows of its cameras, codecs, displays
//! and GPUs, and compares the result with the one that is kept in `tests/boards/survey.tsv`.
//!
//! usage: heapq-boards DIR      HEAPQ_BLESS=1 keeps the new result

#![forbid(unsafe_code)]

mod board;
mod kept;
mod roles;
mod sum;

use roles::Roles;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sum::Sum;

/// What can end the survey before its result.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("usage: heapq-boards DIR")]
    Usage,
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {text}")]
    Board { path: PathBuf, text: String },
    #[error("{0} holds no .dtb files: `make boards` fetches them")]
    NoBoards(PathBuf),
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("heapq-boards: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is as it should be.
fn run() -> Result<bool, Problem> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from).ok_or(Problem::Usage)?;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roles = Roles::read(&repository.join("boards"))?;
    let policies = heapq_policies::load(&[]).set;
    let files = devicetrees(&dir)?;
    if files.is_empty() {
        return Err(Problem::NoBoards(dir));
    }
    let mut sum = Sum::default();
    for file in &files {
        sum.add(board::survey(file, &policies, &roles)?);
    }
    print!("{}", sum.report());
    let met = sum.unmet().inspect(|miss| println!("MISSED: {miss}")).count() == 0;
    let same = kept::compare(&repository.join("boards/survey.tsv"), &sum.table())?;
    Ok(met && same)
}

/// All below `dir`, in the order of their names.
fn devicetrees(dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        let fail = |source| Problem::File { path: dir.clone(), source };
        for entry in std::fs::read_dir(&dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let (kind, path) = (entry.file_type().map_err(fail)?, entry.path());
            if kind.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dtb") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
