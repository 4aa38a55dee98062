//! `heapq-kernel-table`: writes `20-kernel-*.toml` from the sources of a kernel, or compares them.

#![forbid(unsafe_code)]

use clap::Parser;
use heapq_generator::{Tables, tables};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Lines of a difference that are shown, per file and side.
const SHOWN: usize = 40;

/// Writes the shipped policies of a kernel's V4L2 and DRM drivers, and says what it left out
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Options {
    /// The unpacked sources: the directory that holds drivers, include and Makefile
    kernel: PathBuf,

    /// Where the shipped policies are
    #[arg(long, value_name = "DIR", default_value = "policies/shipped")]
    shipped: PathBuf,

    /// Write nothing; fail where the shipped policies differ from what would be written
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("heapq-kernel-table: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the shipped policies are now, or with `--check` were, those of this kernel.
fn run(options: &Options) -> Result<bool, String> {
    let made = tables(&options.kernel, &by_hand(&options.shipped)?)
        .map_err(|fault| format!("{}: {fault}", options.kernel.display()))?;
    print!("{}", made.report);
    if options.check { compare(&made, &options.shipped) } else { write(&made, &options.shipped) }
}

/// The policy files made by hand, sorted.
fn by_hand(shipped: &Path) -> Result<Vec<(String, String)>, String> {
    let fault = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(shipped).map_err(|error| fault(shipped, error))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("30-") && name.ends_with(".toml") {
            let text =
                fs::read_to_string(entry.path()).map_err(|error| fault(&entry.path(), error))?;
            files.push((name, text));
        }
    }
    files.sort();
    Ok(files)
}

fn write(made: &Tables, shipped: &Path) -> Result<bool, String> {
    for (name, text) in &made.files {
        let path = shipped.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(true)
}

fn compare(made: &Tables, shipped: &Path) -> Result<bool, String> {
    let mut same = true;
    for (name, text) in &made.files {
        let path = shipped.join(name);
        let there =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if there != *text {
            same = false;
            println!("{} differs from this kernel:", path.display());
            show("-", &there, text);
            show("+", text, &there);
        }
    }
    Ok(same)
}

/// The lines that only one side has; their order may differ too.
fn show(mark: &str, text: &str, other: &str) {
    let other: BTreeSet<&str> = other.lines().collect();
    let only: Vec<&str> = text.lines().filter(|line| !other.contains(line)).collect();
    for line in only.iter().take(SHOWN) {
        println!("{mark}{line}");
    }
    if only.len() > SHOWN {
        println!("{mark} and {} more lines", only.len() - SHOWN);
    }
}
