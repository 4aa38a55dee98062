//! `[board]`: the machine that a case is set on.

use super::file::{Complaint, Lines, check_keys};
use heapq_constraints::Name;
use heapq_constraints::value::{Table, Value};
use std::path::{Path, PathBuf};

/// Keys of `[board]`.
const BOARD: [&str; 5] = ["dtb", "snapshot", "root", "policies", "heaps"];

/// What `[board]` says. Paths are those of the case, completed by its
/// directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Board {
    pub(super) source: Source,
    /// Directories of policies above the shipped ones, highest precedence last.
    pub(super) policies: Vec<PathBuf>,
    /// Heaps that its kernel offers beside those that the source shows.
    pub(super) heaps: Vec<Name>,
}

/// What describes a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A flattened devicetree: where it is if it is beside the case, and as the case names it.
    Dtb { beside: PathBuf, name: PathBuf },
    /// A file that `heapq snapshot` wrote.
    Snapshot(PathBuf),
    /// A directory that holds `sys/`.
    Root(PathBuf),
}

/// Reads `[board]`; `None` when something is complained of.
pub(super) fn read(
    table: &Table,
    file: &Path,
    lines: Lines<'_>,
    complaints: &mut Vec<Complaint>,
) -> Option<Board> {
    let before = complaints.len();
    check_keys(table, "board.", &BOARD, lines, complaints);
    let beside = |name: &str| file.parent().unwrap_or(Path::new("")).join(name);
    let sources: Vec<Source> = table
        .entries
        .iter()
        .filter_map(|entry| {
            let make: fn(PathBuf, &str) -> Source = match entry.key.as_str() {
                "dtb" => |beside, name| Source::Dtb { beside, name: name.into() },
                "snapshot" => |beside, _| Source::Snapshot(beside),
                "root" => |beside, _| Source::Root(beside),
                _ => return None,
            };
            let Value::Text(name) = &entry.node.value else {
                let message = format!("board.{}: expected a path", entry.key);
                complaints.push(lines.complaint(entry.node.at, message));
                return None;
            };
            Some(make(beside(name), name))
        })
        .collect();
    let policies = texts(table, "policies", lines, complaints);
    let heaps = texts(table, "heaps", lines, complaints);
    if complaints.len() > before {
        return None;
    }
    let [source] = sources.as_slice() else {
        let message = "[board] needs exactly one of `dtb`, `snapshot` and `root`";
        complaints.push(lines.complaint(table.entries.first().and_then(|entry| entry.at), message));
        return None;
    };
    Some(Board {
        source: source.clone(),
        policies: policies.iter().map(|name| beside(name)).collect(),
        heaps: heaps.into_iter().map(Name::from).collect(),
    })
}

/// The list of texts under `key` of `[board]`; empty when there is none.
fn texts(
    table: &Table,
    key: &str,
    lines: Lines<'_>,
    complaints: &mut Vec<Complaint>,
) -> Vec<String> {
    let Some(node) = table.get(key) else { return Vec::new() };
    let texts = match &node.value {
        Value::List(nodes) => nodes
            .iter()
            .map(|node| if let Value::Text(text) = &node.value { Some(text.clone()) } else { None })
            .collect::<Option<Vec<String>>>(),
        _ => None,
    };
    texts.unwrap_or_else(|| {
        let message = format!("board.{key}: expected a list of strings");
        complaints.push(lines.complaint(node.at, message));
        Vec::new()
    })
}
