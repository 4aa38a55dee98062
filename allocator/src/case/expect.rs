//! `[expect]`: its keys, and the kind of value that each takes.

use super::file::{Complaint, Lines};
use super::shown::Shown;
use heapq_constraints::value::Table;
use heapq_constraints::vocabulary::nearest;

/// What a case expects: keys of [`KEYS`] with their values, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expect(pub(super) Vec<(&'static str, Shown)>);

/// The kind of value that a key takes.
#[derive(Clone, Copy)]
enum Shape {
    /// One of these.
    Word(&'static [&'static str]),
    Text,
    Bool,
    Integer,
    /// A list of names.
    Names,
    /// A list of lists of names.
    Groups,
    /// A table of lists of names.
    NamesByName,
    /// A table of integers.
    IntegerByName,
}

/// Every key of `[expect]`.
const KEYS: [(&str, Shape); 26] = [
    ("verdict", Shape::Word(&["ok", "conflict", "invalid", "no-memory"])),
    ("heap", Shape::Text),
    ("heaps", Shape::Names),
    ("not-heaps", Shape::Names),
    ("eliminated", Shape::NamesByName),
    ("assumed", Shape::Bool),
    ("size-assumed", Shape::Bool),
    ("count", Shape::Integer),
    ("size", Shape::Integer),
    ("allocation-size", Shape::Integer),
    ("contiguous", Shape::Bool),
    ("access", Shape::Word(&["coherent", "sync", "none"])),
    ("protected", Shape::Bool),
    ("min-size-at-least", Shape::Integer),
    ("size-below", Shape::Integer),
    ("fourcc", Shape::Text),
    ("modifier", Shape::Text),
    ("stride", Shape::Integer),
    ("plane-heaps", Shape::Names),
    ("chosen-alternatives", Shape::IntegerByName),
    ("left-out", Shape::Names),
    ("conflicts", Shape::Groups),
    ("conflicts-include", Shape::Groups),
    ("fixes-include", Shape::Groups),
    ("fallback-from", Shape::Names),
    ("invalid-key", Shape::Text),
];

/// Reads `[expect]`. Complaints, all of them, go to `complaints`.
pub(super) fn read(table: &Table, lines: Lines<'_>, complaints: &mut Vec<Complaint>) -> Expect {
    let mut expect = Expect::default();
    for entry in &table.entries {
        let Some((key, shape)) = KEYS.iter().find(|(key, _)| *key == entry.key) else {
            let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
            let message = unknown("expect.", &entry.key, nearest(&entry.key, &known));
            complaints.push(lines.complaint(entry.at, message));
            continue;
        };
        match Shown::try_from(&entry.node).ok().filter(|value| shape.fits(value)) {
            Some(value) => expect.0.push((key, value)),
            None => {
                let message = format!("expect.{key}: expected {}", shape.wanted());
                complaints.push(lines.complaint(entry.node.at, message));
            }
        }
    }
    expect
}

/// The complaint about a key that is not known, with the one that may have been meant.
pub(super) fn unknown(prefix: &str, key: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("unknown key `{prefix}{key}`; did you mean `{prefix}{nearest}`?"),
        None => format!("unknown key `{prefix}{key}`"),
    }
}

impl Shape {
    fn fits(self, value: &Shown) -> bool {
        let names = |value: &Shown| match value {
            Shown::List(members) => members.iter().all(|member| matches!(member, Shown::Text(_))),
            _ => false,
        };
        match (self, value) {
            (Self::Word(words), Shown::Text(text)) => words.contains(&text.as_str()),
            (Self::Text, Shown::Text(_))
            | (Self::Bool, Shown::Bool(_))
            | (Self::Integer, Shown::Integer(_)) => true,
            (Self::Names, value) => names(value),
            (Self::Groups, Shown::List(groups)) => groups.iter().all(names),
            (Self::NamesByName, Shown::Table(entries)) => entries.values().all(names),
            (Self::IntegerByName, Shown::Table(entries)) => {
                entries.values().all(|value| matches!(value, Shown::Integer(_)))
            }
            _ => false,
        }
    }

    fn wanted(self) -> String {
        match self {
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Text => "a string".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Integer => "an integer from 0".to_owned(),
            Self::Names => "a list of strings".to_owned(),
            Self::Groups => "a list of lists of strings".to_owned(),
            Self::NamesByName => "a table of lists of strings".to_owned(),
            Self::IntegerByName => "a table of integers".to_owned(),
        }
    }
}
