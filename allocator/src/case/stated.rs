//! The question of a file, in the words of the vocabulary: heaps, edges, participants, request.

use super::file::{Complaint, Lines, Unusable, check_keys, table, text, tree};
use heapq_constraints::heap::{Edge, Heap};
use heapq_constraints::value::{Node, Place, Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use heapq_constraints::{Name, Origin, Question, Request};
use std::path::Path;

/// What the tables of the vocabulary state.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    pub(super) heaps: Vec<Heap>,
    pub(super) edges: Vec<Edge>,
    pub(super) question: Question,
    /// Heaps whose first allocation fails for want of memory.
    pub(super) fails: Vec<Name>,
    /// Every complaint of the vocabulary, in the order of the file, each with its line.
    pub(super) invalid: Vec<(Invalid, Option<u32>)>,
}

/// A question as its file states it: found to be well-formed, and still in the vocabulary's own
/// tables, which is what a service is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuestionFile {
    /// The `[[participant]]` tables, in the order of the file.
    pub participants: Vec<Table>,
    /// The keys of `[request]`.
    pub request: Table,
}

/// Reads a file that holds one question and nothing else: `[[participant]]` tables and
/// `[request]`, as cases spell them; a `name` may stand above them.
///
/// # Errors
/// [`Unusable`] with everything that is wrong with it.
pub fn question(file: &Path) -> Result<QuestionFile, Unusable> {
    let text = text(file)?;
    let top = tree(file, &text)?;
    let lines = Lines(&text);
    let mut complaints = Vec::new();
    check_keys(&top, "", &["name", "participant", "request"], lines, &mut complaints);
    let stated = read(&top, file, lines, &mut complaints);
    let said = stated.invalid.into_iter();
    complaints.extend(said.map(|(invalid, line)| Complaint { line, message: invalid.to_string() }));
    if !complaints.is_empty() {
        return Err(Unusable { file: file.to_owned(), complaints });
    }
    let participants = tables(&top, "participant", lines, &mut complaints);
    Ok(QuestionFile {
        participants: participants.into_iter().map(|(table, _)| table.clone()).collect(),
        request: table(&top, "request", lines, &mut complaints).cloned().unwrap_or_default(),
    })
}

/// Reads the tables of the vocabulary in `top`. What stands where a table should be is
/// complained of; what is wrong within them is kept as `invalid`.
pub(super) fn read(
    top: &Table,
    file: &Path,
    lines: Lines<'_>,
    complaints: &mut Vec<Complaint>,
) -> Stated {
    let mut reader = Reader { lines, invalid: Vec::new() };
    let name: Name = file.to_string_lossy().into();
    let here = |at: Option<Place>| Origin::Policy {
        file: name.clone(),
        line: lines.line(at).unwrap_or_default(),
    };
    let client = |_: Option<Place>| Origin::Client;
    let mut stated = Stated::default();
    for (heap, at) in tables(top, "heap", lines, complaints) {
        let mut heap = heap.clone();
        let fails = reader.keep(at, take_fails(&mut heap)).unwrap_or_default();
        if let Some(heap) = reader.keep(at, vocabulary::heap(&heap, &here)) {
            stated.fails.extend(fails.then(|| heap.name.clone()));
            stated.heaps.push(heap);
        }
    }
    for (edge, at) in tables(top, "compatibility", lines, complaints) {
        stated.edges.extend(reader.keep(at, vocabulary::edge(edge, &here)));
    }
    for (participant, at) in tables(top, "participant", lines, complaints) {
        let read = vocabulary::participant(participant, &client);
        stated.question.participants.extend(reader.keep(at, read));
    }
    stated.question.request = match table(top, "request", lines, complaints) {
        Some(table) => reader.keep(None, vocabulary::request(table)).unwrap_or_default(),
        None => Request::default(),
    };
    reader.invalid.sort_by_key(|(start, ..)| *start);
    stated.invalid = reader.invalid.into_iter().map(|(_, invalid, line)| (invalid, line)).collect();
    stated
}

/// Keeps the vocabulary's complaints with the place that orders them.
struct Reader<'a> {
    lines: Lines<'a>,
    invalid: Vec<(usize, Invalid, Option<u32>)>,
}

impl Reader<'_> {
    /// `at`: where the table stands, for a complaint about a key that is not there.
    fn keep<T>(&mut self, at: Option<Place>, read: Result<T, Vec<Invalid>>) -> Option<T> {
        let complaints = match read {
            Ok(value) => return Some(value),
            Err(complaints) => complaints,
        };
        for invalid in complaints {
            let place = invalid.at.or(at);
            let start = place.map_or(usize::MAX, |place| place.start);
            self.invalid.push((start, invalid, self.lines.line(place)));
        }
        None
    }
}

/// The tables of the array of tables under `key`, each with its place.
fn tables<'a>(
    top: &'a Table,
    key: &str,
    lines: Lines<'_>,
    complaints: &mut Vec<Complaint>,
) -> Vec<(&'a Table, Option<Place>)> {
    let Some(node) = top.get(key) else { return Vec::new() };
    let Value::List(nodes) = &node.value else {
        let message = format!("expected [[{key}]] tables, found {}", node.value.kind());
        complaints.push(lines.complaint(node.at, message));
        return Vec::new();
    };
    let mut tables = Vec::with_capacity(nodes.len());
    for Node { value, at } in nodes {
        match value {
            Value::Table(table) => tables.push((table, *at)),
            other => {
                let message = format!("expected a [[{key}]] table, found {}", other.kind());
                complaints.push(lines.complaint(*at, message));
            }
        }
    }
    tables
}

/// Takes the key out of a heap's table that only cases have: `fails`.
fn take_fails(heap: &mut Table) -> Result<bool, Vec<Invalid>> {
    let Some(index) = heap.entries.iter().position(|entry| entry.key == "fails") else {
        return Ok(false);
    };
    let entry = heap.entries.remove(index);
    let value = match entry.node.value {
        Value::Text(word) if word == "no-memory" => return Ok(true),
        Value::Text(word) => word,
        other => other.kind().to_owned(),
    };
    let name = match heap.get("name").map(|node| &node.value) {
        Some(Value::Text(name)) => name.as_str(),
        _ => "",
    };
    Err(vec![Invalid {
        key: format!("heap.{name}.fails"),
        value,
        rule: "expected \"no-memory\"".to_owned(),
        at: entry.node.at.or(entry.at),
    }])
}
