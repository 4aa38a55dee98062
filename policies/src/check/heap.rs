//! `[[heap]]`: the meaning of heap names.

use super::read::{self, Rule};
use super::source::Complaints;
use crate::diagnostic::Code;
use crate::glob::Glob;
use crate::rule::HeapRule;
use heapq_constraints::Name;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::vocabulary;

/// What the vocabulary's heap table has, but for what only the machine itself can say (`present`,
/// `permitted`) and what only a case can (`fails`).
pub(crate) const PROPERTIES: [&str; 14] = [
    "aliases",
    "roles",
    "contiguous",
    "address-bits",
    "address-window",
    "alignment",
    "access",
    "cached",
    "protected",
    "bank",
    "max-size",
    "capacity",
    "reserved-for",
    "weight",
];

pub(super) fn read(rule: &Rule<'_>, complaints: &mut Complaints<'_>) -> Option<HeapRule> {
    let known = [["name", "names", "kernel"].as_slice(), &PROPERTIES].concat();
    let table = rule.keep_known("`[[heap]]` has no key", &known, complaints);
    let names = names(rule, &table, complaints);
    let kernel = table.get("kernel").and_then(|node| read::kernel(node, complaints));
    let stated = properties(rule, &table, complaints);
    let (names, mut stated) = (names?, stated?);
    if !stated.aliases.is_empty() {
        stated.aliases.push(Name::clone(&stated.name));
    }
    let origin = complaints.source().origin(rule.at);
    Some(HeapRule { names, kernel, stated, origin })
}

fn names(rule: &Rule<'_>, table: &Table, complaints: &mut Complaints<'_>) -> Option<Vec<Glob>> {
    match (table.get("name"), table.get("names")) {
        (Some(node), None) => {
            let Value::Text(name) = &node.value else {
                read::wrong_type(
                    "name",
                    "one heap's name; `names` takes several",
                    node,
                    complaints,
                );
                return None;
            };
            Some(vec![read::glob("name", name, node.at, complaints)?])
        }
        (None, Some(node)) => {
            if let Some(aliases) = table.entries.iter().find(|entry| entry.key == "aliases") {
                let message = "`aliases` beside `names`";
                let help = "aliases are further names of one pool: give it one `name`";
                complaints.tell(Code::InvalidValue, aliases.at, message, Some(help.to_owned()));
                return None;
            }
            let globs = read::globs("names", node, complaints);
            (!globs.is_empty()).then_some(globs)
        }
        (Some(_), Some(both)) => {
            let message = "`name` and `names` in one rule";
            let help = "write `names` with all of them";
            complaints.tell(Code::InvalidValue, both.at, message, Some(help.to_owned()));
            None
        }
        (None, None) => {
            let message = "`[[heap]]` without a name";
            let help = "add `name = \"…\"`, or `names = [\"…\"]` with patterns such as \"cma-*\"";
            complaints.tell(Code::MissingKey, rule.at, message, Some(help.to_owned()));
            None
        }
    }
}

/// Reads the properties as those of a heap that bears the rule's first name.
fn properties(
    rule: &Rule<'_>,
    table: &Table,
    complaints: &mut Complaints<'_>,
) -> Option<heapq_constraints::Heap> {
    let mut stated = read::only(table, &PROPERTIES);
    let name = match table.get("name").map(|node| &node.value) {
        Some(Value::Text(name)) if !name.is_empty() => name.as_str(),
        _ => "NAME",
    };
    stated.push("name", Value::Text(name.to_owned()));
    let source = complaints.source();
    match vocabulary::heap(&stated, &|at| source.origin(at.or(rule.at))) {
        Ok(heap) => Some(heap),
        Err(list) => {
            super::invalid(list, rule, complaints);
            None
        }
    }
}
