//! From the neutral tree of one file to checked rules, with all complaints at once.

mod device;
mod grant;
mod heap;
mod read;
mod source;

pub(crate) use source::Source;

use crate::diagnostic::{Code, Diagnostic};
use crate::document;
use crate::set::PolicySet;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use source::Complaints;

/// The tables of a policy file.
const TABLES: [&str; 4] = ["heap", "compatibility", "device", "grant"];

/// Reads one file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub(crate) fn check(source: &Source) -> Result<PolicySet, Vec<Diagnostic>> {
    let mut complaints = Complaints::new(source);
    let root = match document::parse(source.text()) {
        Ok(root) => root,
        Err(errors) => {
            for error in errors {
                complaints.tell(Code::Syntax, Some(error.at), error.message, None);
            }
            return Err(complaints.into_list());
        }
    };
    let set = rules(&root, &mut complaints);
    let list = complaints.into_list();
    if list.is_empty() { Ok(set) } else { Err(list) }
}

fn rules(root: &Table, complaints: &mut Complaints<'_>) -> PolicySet {
    let mut set = PolicySet::default();
    for entry in &root.entries {
        if !TABLES.contains(&entry.key.as_str()) {
            complaints.unknown(Code::UnknownTable, entry, "policies have no table", &TABLES);
            continue;
        }
        let Value::List(items) = &entry.node.value else {
            let message = format!("`{}` is {}", entry.key, entry.node.value.kind());
            let help = format!("each rule begins with a line `[[{}]]`", entry.key);
            complaints.tell(Code::WrongType, entry.at, message, Some(help));
            continue;
        };
        for item in items {
            let Value::Table(table) = &item.value else {
                let message = format!("`{}` has {} in it", entry.key, item.value.kind());
                let help = format!("each rule begins with a line `[[{}]]`", entry.key);
                complaints.tell(Code::WrongType, item.at, message, Some(help));
                continue;
            };
            let rule = read::Rule { table, at: item.at };
            match entry.key.as_str() {
                "heap" => set.heaps.extend(heap::read(&rule, complaints)),
                "device" => set.devices.extend(device::read(&rule, complaints)),
                "grant" => set.grants.extend(grant::read(&rule, complaints)),
                _ => edge(&rule, &mut set, complaints),
            }
        }
    }
    set
}

fn edge(rule: &read::Rule<'_>, set: &mut PolicySet, complaints: &mut Complaints<'_>) {
    let known = rule.keep_known("`[[compatibility]]` has no key", &["from", "to"], complaints);
    let source = complaints.source();
    match vocabulary::edge(&known, &|at| source.origin(at.or(rule.at))) {
        Ok(edge) => set.edges.push(edge),
        Err(list) => invalid(list, rule, complaints),
    }
}

/// Passes on what the reader of the vocabulary says.
fn invalid(list: Vec<Invalid>, rule: &read::Rule<'_>, complaints: &mut Complaints<'_>) {
    for one in list {
        complaints.tell(Code::InvalidConstraint, one.at.or(rule.at), one.to_string(), None);
    }
}
