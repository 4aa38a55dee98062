//! `heapq policy check`: what is wrong with policy files.

use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::policy_dirs;
use crate::table::{BAD, GOOD, counted};
use heapq_constraints::Name;
use heapq_dbus::exit::Exit;
use heapq_policies::{
    Diagnostic, FileState, Loaded, PolicyFile, Related, Severity, load, load_files, render,
};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::PathBuf;

/// What was checked, and everything that is wrong with it.
#[derive(Debug, Serialize)]
struct Checked {
    files: Vec<File>,
    diagnostics: Vec<Complaint>,
    errors: usize,
    warnings: usize,
    /// The diagnostics as a compiler shows them.
    #[serde(skip)]
    shown: Vec<String>,
}

/// One policy file.
#[derive(Debug, Serialize)]
pub(super) struct File {
    path: Name,
    /// `used`, `masked` or `left-out`.
    state: &'static str,
    /// Files of the same name that it stands in for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<Name>,
}

/// One diagnostic.
#[derive(Debug, Serialize)]
struct Complaint {
    severity: &'static str,
    code: &'static str,
    file: Name,
    /// Counted from 1; absent when the file as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// Other places that have to do with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Elsewhere>,
}

/// Another place of a diagnostic.
#[derive(Debug, Serialize)]
struct Elsewhere {
    file: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    label: String,
}

impl From<&PolicyFile> for File {
    fn from(file: &PolicyFile) -> Self {
        let state = match file.state {
            FileState::Used => "used",
            FileState::Masked => "masked",
            FileState::LeftOut => "left-out",
        };
        Self { path: file.path.clone(), state, replaces: file.replaces.clone() }
    }
}

/// The path, with what is to be known of one that is not simply read.
impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match self.state {
            "used" => {}
            "left-out" => f.write_str(" (left out: see `heapq policy check`)")?,
            state => write!(f, " ({state})")?,
        }
        if !self.replaces.is_empty() {
            write!(f, " in place of {}", self.replaces.join(", "))?;
        }
        Ok(())
    }
}

impl From<&Diagnostic> for Complaint {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity().as_str(),
            code: diagnostic.code.as_str(),
            file: diagnostic.file.clone(),
            line: (diagnostic.line > 0).then_some(diagnostic.line),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            related: diagnostic.related.iter().map(Elsewhere::from).collect(),
        }
    }
}

impl From<&Related> for Elsewhere {
    fn from(related: &Related) -> Self {
        let Related { file, line, label, .. } = related;
        Self { file: file.clone(), line: (*line > 0).then_some(*line), label: label.clone() }
    }
}

impl Report for Checked {
    fn human(&self, _legend: bool) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for shown in &self.shown {
            let _ = writeln!(text, "{shown}\n");
        }
        let style = if self.errors == 0 { GOOD } else { BAD };
        let files = counted(self.files.len(), "file");
        let (errors, warnings) = (counted(self.errors, "error"), counted(self.warnings, "warning"));
        let _ = writeln!(text, "{style}{files}, {errors}, {warnings}{style:#}");
        text
    }
}

/// Runs the command.
pub(super) fn run(paths: &[PathBuf], global: &Global) -> Result<Exit, Problem> {
    let report = checked(&loaded(paths, global)?);
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(if report.errors == 0 { Exit::Ok } else { Exit::Invalid })
}

/// Directories are layers above the built-in files, as the daemon would see them; files stand for
/// themselves.
fn loaded(paths: &[PathBuf], global: &Global) -> Result<Loaded, Problem> {
    if paths.is_empty() {
        return Ok(reviewed(load(&policy_dirs(global))));
    }
    for path in paths {
        // A directory that is not there holds nothing for the daemon; here it was named.
        std::fs::metadata(path).map_err(|source| Problem::Named { path: path.clone(), source })?;
    }
    let (dirs, files): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.iter().cloned().partition(|path| path.is_dir());
    let mut all = if dirs.is_empty() { Loaded::default() } else { reviewed(load(&dirs)) };
    let single = reviewed(load_files(&files));
    all.files.extend(single.files);
    all.diagnostics.extend(single.diagnostics);
    Ok(all)
}

/// With what there is to say of all files together.
fn reviewed(mut loaded: Loaded) -> Loaded {
    loaded.diagnostics.extend(loaded.review());
    loaded
}

fn checked(loaded: &Loaded) -> Checked {
    let all = &loaded.diagnostics;
    let count = |severity| all.iter().filter(|one| one.severity() == severity).count();
    Checked {
        files: loaded.files.iter().map(File::from).collect(),
        diagnostics: all.iter().map(Complaint::from).collect(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        shown: all.iter().map(|diagnostic| render(diagnostic, true)).collect(),
    }
}
