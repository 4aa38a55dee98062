//! Reads a case file. What is wrong with the file itself (its syntax, a key of the file's own) is a
//! [`Complaint`]; what is wrong with the question in it is an answer, `invalid`, and kept with the
//! case.

use super::board::{self, Board, Source};
use super::expect::{self, Expect, unknown};
use super::stated::{self, Stated};
use crate::discover::file::bytes;
use heapq_constraints::value::{Entry, Node, Place, Table, Value};
use heapq_constraints::vocabulary::nearest;
use heapq_policies::document;
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest case or question file that is read, in bytes; the longest of those that exist is a
/// thousandth of it.
pub const LONGEST: usize = 1 << 20;

/// Tables and keys at the top of a case.
const TOP: [&str; 7] =
    ["name", "board", "heap", "compatibility", "participant", "request", "expect"];

/// One question with the answer that is expected.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it was read.
    pub file: PathBuf,
    /// What it calls itself.
    pub name: String,
    pub(super) board: Option<Board>,
    pub(super) stated: Stated,
    pub(super) expect: Expect,
}

/// Something wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Complaint {
    /// Counted from 1; `None` when it is about the file as a whole.
    pub line: Option<u32>,
    /// What is wrong, with the nearest known word where one is near.
    pub message: String,
}

/// Why a file is no case or question at all. Shown as one line a complaint, `FILE:LINE: …`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
pub struct Unusable {
    /// The file.
    pub file: PathBuf,
    /// Everything that is wrong with it, at least one.
    pub complaints: Vec<Complaint>,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Complaint { line, message }) in self.complaints.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.file.display())?;
            if let Some(line) = line {
                write!(f, "{line}:")?;
            }
            write!(f, " {message}")?;
        }
        Ok(())
    }
}

/// Finds lines in a file's text.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a str);

impl Lines<'_> {
    pub(super) fn line(self, at: Option<Place>) -> Option<u32> {
        at.map(|at| document::line(self.0, at))
    }

    pub(super) fn complaint(self, at: Option<Place>, message: impl Into<String>) -> Complaint {
        Complaint { line: self.line(at), message: message.into() }
    }
}

impl Case {
    /// Reads the case in `file`.
    ///
    /// # Errors
    /// [`Unusable`] when it cannot be read, is longer than [`LONGEST`], is no TOML, or has a key
    /// that cases do not have.
    pub fn read(file: &Path) -> Result<Self, Unusable> {
        Self::parse(file, &text(file)?)
    }

    /// Reads a case from `text`; `file` is its name in complaints and the place that its paths
    /// start from.
    ///
    /// # Errors
    /// As [`Case::read`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, Unusable> {
        let top = tree(file, text)?;
        let lines = Lines(text);
        let mut complaints = Vec::new();
        check_keys(&top, "", &TOP, lines, &mut complaints);
        let name = required_name(&top, lines, &mut complaints);
        let board = table(&top, "board", lines, &mut complaints)
            .and_then(|table| board::read(table, file, lines, &mut complaints));
        let expect = match table(&top, "expect", lines, &mut complaints) {
            Some(table) => expect::read(table, lines, &mut complaints),
            None => Expect::default(),
        };
        if expect.0.is_empty() && complaints.is_empty() {
            complaints
                .push(lines.complaint(None, "a case needs an [expect] that expects something"));
        }
        let stated = stated::read(&top, file, lines, &mut complaints);
        if complaints.is_empty() {
            Ok(Self { file: file.to_owned(), name, board, stated, expect })
        } else {
            Err(Unusable { file: file.to_owned(), complaints })
        }
    }

    /// Whether this case reads `file` as a part of its board, so that a search for cases must not
    /// take it for one.
    #[must_use]
    pub fn uses(&self, file: &Path) -> bool {
        let Some(board) = &self.board else { return false };
        let (Source::Dtb { beside: source, .. } | Source::Snapshot(source) | Source::Root(source)) =
            &board.source;
        board.policies.iter().chain([source]).any(|path| beneath(file, path))
    }
}

/// Whether `file` is `path` or below it, whatever way leads there.
fn beneath(file: &Path, path: &Path) -> bool {
    match (file.canonicalize(), path.canonicalize()) {
        (Ok(file), Ok(path)) => file.starts_with(path),
        _ => false,
    }
}

/// The text of a regular file of at most [`LONGEST`] bytes.
pub(super) fn text(file: &Path) -> Result<String, Unusable> {
    let fail = |message: String| Unusable {
        file: file.to_owned(),
        complaints: vec![Complaint { line: None, message }],
    };
    let bytes = bytes(file, LONGEST).map_err(|error| fail(error.to_string()))?;
    if bytes.len() > LONGEST {
        return Err(fail(format!("it exceeds the bound of {LONGEST} bytes for a case")));
    }
    String::from_utf8(bytes).map_err(|error| fail(format!("not text: {error}")))
}

/// The tree of `text`, or its syntax errors.
pub(super) fn tree(file: &Path, text: &str) -> Result<Table, Unusable> {
    document::parse(text).map_err(|errors| {
        let lines = Lines(text);
        let complaints =
            errors.into_iter().map(|error| lines.complaint(Some(error.at), error.message));
        Unusable { file: file.to_owned(), complaints: complaints.collect() }
    })
}

/// Complains of each key of `table` that is not in `known`.
pub(super) fn check_keys(
    table: &Table,
    prefix: &str,
    known: &[&str],
    lines: Lines<'_>,
    complaints: &mut Vec<Complaint>,
) {
    for Entry { key, at, .. } in &table.entries {
        if !known.contains(&key.as_str()) {
            complaints.push(lines.complaint(*at, unknown(prefix, key, nearest(key, known))));
        }
    }
}

fn required_name(top: &Table, lines: Lines<'_>, complaints: &mut Vec<Complaint>) -> String {
    match top.get("name") {
        Some(Node { value: Value::Text(name), .. }) if !name.is_empty() => return name.clone(),
        Some(node) => complaints.push(lines.complaint(node.at, "name: expected a text")),
        None => complaints.push(lines.complaint(None, "a case needs a `name`")),
    }
    String::new()
}

/// The table under `key`, if there is one; anything else there is complained of.
pub(super) fn table<'a>(
    top: &'a Table,
    key: &str,
    lines: Lines<'_>,
    complaints: &mut Vec<Complaint>,
) -> Option<&'a Table> {
    let node = top.get(key)?;
    if let Value::Table(table) = &node.value {
        return Some(table);
    }
    let message = format!("[{key}]: expected a table, found {}", node.value.kind());
    complaints.push(lines.complaint(node.at, message));
    None
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, text};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::path::Path;

    #[test]
    fn nothing_is_read_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        std::fs::write(&file, "#".repeat(LONGEST)).unwrap();
        assert_eq!(text(&file).unwrap().len(), LONGEST);
        std::fs::write(&file, "#".repeat(LONGEST + 1)).unwrap();
        let pipe = dir.path().join("pipe.toml");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for (endless, why) in [
            (&*file, "a.toml: it exceeds the bound of 1048576 bytes"),
            (&*pipe, "pipe.toml: not a regular file"),
            (Path::new("/dev/zero"), "/dev/zero: not a regular file"),
        ] {
            let said = text(endless).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }
}
