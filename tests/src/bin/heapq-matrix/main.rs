//! Reads what guests of `tests/vm` said, prints the agreement matrix of all of them, and says whether
//! what must hold of it does.
//!
//! usage: heapq-matrix [--part] FILE...      --part: not all machines are in it

#![forbid(unsafe_code)]

use heapq_tests::matrix::{self, Cell, Judgement, Sum, report};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What keeps the matrix from being one.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("usage: heapq-matrix [--part] FILE...")]
    Usage,
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: {line}: {source}")]
    Line { path: PathBuf, line: String, source: serde_json::Error },
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("heapq-matrix: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all holds.
fn run() -> Result<bool, Problem> {
    let mut files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let part = files.first().is_some_and(|first| first == Path::new("--part"));
    files.drain(..usize::from(part));
    if files.is_empty() {
        return Err(Problem::Usage);
    }
    let mut cells = Vec::new();
    for file in &files {
        cells.extend(read(file)?);
    }
    Ok(print(&cells, !part))
}

fn read(path: &Path) -> Result<Vec<Cell>, Problem> {
    let file = |source| Problem::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(file)?;
    let cell = |line: &str| {
        let wrong = |source| Problem::Line { path: path.to_owned(), line: line.to_owned(), source };
        matrix::read(line).map(|cell| cell.map_err(wrong))
    };
    text.lines().filter_map(cell).collect()
}

fn print(cells: &[Cell], whole: bool) -> bool {
    let mut machines: Vec<&str> = cells.iter().map(|cell| &*cell.machine).collect();
    machines.dedup();
    for machine in machines {
        let of: Vec<&Cell> = cells.iter().filter(|cell| cell.machine == machine).collect();
        println!("== matrix of {machine}\n{}", report::table(&of));
    }
    println!("{}\n", report::LEGEND);
    for cell in cells {
        match cell.judge() {
            Judgement::Accepted | Judgement::Refused | Judgement::Assumed => {}
            Judgement::Lucky => println!("luck: {cell}"),
            Judgement::Copied => println!("copy: {cell}"),
            Judgement::FalseReject => println!("FALSE REJECT: {cell}"),
            Judgement::FalseAccept => println!("FALSE ACCEPT: {cell}"),
        }
    }
    let sum = Sum::of(cells);
    print!("{sum}");
    let unmet = sum.unmet(whole);
    for unmet in &unmet {
        println!("FAILED matrix: {unmet}");
    }
    unmet.is_empty()
}
