//! Typed reading of single keys; what does not fit is complained about and left out.

use super::source::{Complaints, shortened, suggestion};
use crate::diagnostic::Code;
use crate::glob::Glob;
use crate::kernel::{KernelRange, NoKernel};
use heapq_constraints::question::Usage;
use heapq_constraints::value::{Entry, Node, Place, Table, Value};

/// Longest pattern, in bytes: matching takes time in proportion to it.
pub(crate) const MAX_PATTERN: usize = 512;

/// One rule's table, and its place for complaints about what is missing in it.
pub(crate) struct Rule<'a> {
    pub(crate) table: &'a Table,
    pub(crate) at: Option<Place>,
}

impl Rule<'_> {
    /// The table without its unknown keys, which are complained about.
    pub(crate) fn keep_known(
        &self,
        what: &str,
        known: &[&str],
        complaints: &mut Complaints<'_>,
    ) -> Table {
        let mut kept = Table::default();
        for entry in &self.table.entries {
            if known.contains(&entry.key.as_str()) {
                kept.entries.push(entry.clone());
            } else {
                complaints.unknown(Code::UnknownKey, entry, what, known);
            }
        }
        kept
    }
}

/// The keys of `table` that are among `keys`.
pub(crate) fn only(table: &Table, keys: &[&str]) -> Table {
    let kept = table.entries.iter().filter(|entry| keys.contains(&entry.key.as_str()));
    Table { entries: kept.cloned().collect() }
}

pub(crate) fn wrong_type(key: &str, wanted: &str, node: &Node, complaints: &mut Complaints<'_>) {
    let message = format!("`{key}` is {}", node.value.kind());
    complaints.tell(Code::WrongType, node.at, message, Some(format!("write {wanted}")));
}

pub(crate) fn flag(key: &str, node: &Node, complaints: &mut Complaints<'_>) -> Option<bool> {
    match node.value {
        Value::Bool(flag) => Some(flag),
        _ => {
            wrong_type(key, "`true` or `false`", node, complaints);
            None
        }
    }
}

/// What a key has: one value, or a list of them, which must not be empty.
pub(crate) fn one_or_more<'a>(
    key: &str,
    node: &'a Node,
    complaints: &mut Complaints<'_>,
) -> &'a [Node] {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            let help = "an empty list fits nothing: leave the key out, or name something";
            let message = format!("`{key}` is an empty list");
            complaints.tell(Code::InvalidValue, node.at, message, Some(help.to_owned()));
            &[]
        }
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// A string or a list of strings.
pub(crate) fn texts<'a>(
    key: &str,
    node: &'a Node,
    complaints: &mut Complaints<'_>,
) -> Vec<(&'a str, Option<Place>)> {
    let mut texts = Vec::new();
    for item in one_or_more(key, node, complaints) {
        match &item.value {
            Value::Text(text) => texts.push((text.as_str(), item.at)),
            _ => wrong_type(key, "a string or a list of strings", item, complaints),
        }
    }
    texts
}

/// A pattern or a list of patterns.
pub(crate) fn globs(key: &str, node: &Node, complaints: &mut Complaints<'_>) -> Vec<Glob> {
    let mut globs = Vec::new();
    for (text, at) in texts(key, node, complaints) {
        globs.extend(glob(key, text, at, complaints));
    }
    globs
}

pub(crate) fn glob(
    key: &str,
    text: &str,
    at: Option<Place>,
    complaints: &mut Complaints<'_>,
) -> Option<Glob> {
    if text.is_empty() || text.len() > MAX_PATTERN {
        let message = format!("`{key}` = \"{}\" of {} bytes", shortened(text), text.len());
        let help = format!("a name or pattern has 1 to {MAX_PATTERN} bytes");
        complaints.tell(Code::InvalidValue, at, message, Some(help));
        return None;
    }
    Some(Glob::new(text))
}

pub(crate) fn kernel(node: &Node, complaints: &mut Complaints<'_>) -> Option<KernelRange> {
    let Value::Text(text) = &node.value else {
        wrong_type("kernel", "a range such as `\">=6.17\"`", node, complaints);
        return None;
    };
    let range = text.parse::<KernelRange>();
    let range = range.map_err(|fault: NoKernel| tell_kernel(&fault, node, complaints)).ok()?;
    if range.is_empty() {
        let message = format!("no kernel is in the range \"{}\"", shortened(text));
        complaints.tell(Code::NeverHolds, node.at, message, None);
    }
    Some(range)
}

fn tell_kernel(fault: &NoKernel, node: &Node, complaints: &mut Complaints<'_>) {
    complaints.tell(Code::InvalidValue, node.at, fault.to_string(), None);
}

/// A usage word or a list of them, each with its place.
pub(crate) fn usages(node: &Node, complaints: &mut Complaints<'_>) -> Vec<(Usage, Option<Place>)> {
    let mut usages = Vec::new();
    for (word, at) in texts("usage", node, complaints) {
        match Usage::ALL.into_iter().find(|usage| usage.word() == word) {
            Some(usage) => usages.push((usage, at)),
            None => {
                let message = format!("`{}` is no usage", shortened(word));
                let known = Usage::ALL.map(Usage::word);
                let help = Some(suggestion(word, &known));
                complaints.tell(Code::InvalidValue, at, message, help);
            }
        }
    }
    usages
}

/// A table's entries; something else is complained about.
pub(crate) fn entries<'a>(
    key: &str,
    wanted: &str,
    node: &'a Node,
    complaints: &mut Complaints<'_>,
) -> &'a [Entry] {
    match &node.value {
        Value::Table(table) => &table.entries,
        _ => {
            wrong_type(key, wanted, node, complaints);
            &[]
        }
    }
}
