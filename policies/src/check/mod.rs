//! From the neutral tree of one file to checked rules, with all complaints at once.

pub(crate) mod cross;
pub(crate) mod device;
pub(crate) mod grant;
pub(crate) mod heap;
pub(crate) mod limit;
pub(crate) mod master;
mod reach;
pub(crate) mod read;
mod relation;
mod source;
mod wording;

pub(crate) use source::Source;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::document;
use crate::set::PolicySet;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use source::Complaints;

/// The tables of a policy file.
pub(crate) const TABLES: [&str; 5] = ["heap", "compatibility", "device", "grant", "limit"];

/// Reads one file: its rules, unless something is wrong with it, and what there is to say of it, in
/// the order of the text.
pub(crate) fn check(source: &Source) -> (Option<PolicySet>, Vec<Diagnostic>) {
    let mut complaints = Complaints::new(source);
    let set = match document::parse(source.text()) {
        Ok(root) => rules(&root, &mut complaints),
        Err(errors) => {
            for error in errors {
                complaints.tell(Code::Syntax, Some(error.at), error.message, None);
            }
            PolicySet::default()
        }
    };
    let list = complaints.into_list();
    let wrong = list.iter().any(|one| one.severity() == Severity::Error);
    ((!wrong).then_some(set), list)
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
                "device" => device(&rule, &mut set, complaints),
                "grant" => set.grants.extend(grant::read(&rule, complaints)),
                "limit" => set.limits.extend(limit::read(&rule, complaints)),
                _ => edge(&rule, &mut set, complaints),
            }
        }
    }
    set
}

fn device(rule: &read::Rule<'_>, set: &mut PolicySet, complaints: &mut Complaints<'_>) {
    let before = complaints.count();
    if rule.table.get("dma-master").is_some() {
        let read = master::read(rule, complaints);
        // What is left of a rule with an error would mislead.
        if let Some(read) = read.filter(|_| complaints.count() == before) {
            reach::situations(&read.matches, &read.unless, rule, complaints);
            set.masters.push(read);
        }
    } else {
        let read = device::read(rule, complaints);
        if let Some(read) = read.filter(|_| complaints.count() == before) {
            reach::situations(&read.matches, &read.unless, rule, complaints);
            reach::weak(&read, rule, complaints);
            set.devices.push(read);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document, render, shipped};
    use proptest::prelude::*;

    /// One of the shipped files with pieces cut out, doubled and moved.
    fn damaged() -> impl Strategy<Value = String> {
        let file = proptest::sample::select(shipped::FILES);
        let cuts = proptest::collection::vec((any::<u16>(), 0..60_usize, any::<u16>()), 1..12);
        (file, cuts).prop_map(|((_, text), cuts)| {
            let mut bytes = text.as_bytes().to_vec();
            for (from, length, to) in cuts {
                let from = usize::from(from) % (bytes.len() + 1);
                let end = (from + length).min(bytes.len());
                let piece: Vec<u8> = if to % 3 == 0 {
                    bytes[from..end].to_vec()
                } else {
                    bytes.drain(from..end).collect()
                };
                let to = usize::from(to) % (bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    proptest! {
        #[test]
        fn damage_is_complained_about_in_its_place(text in damaged()) {
            let source = Source::new("50-damaged.toml".into(), &text);
            for diagnostic in check(&source).1 {
                let (at, _) = diagnostic.excerpt.clone().unwrap();
                prop_assert!(at.start <= at.end && at.end <= text.len());
                prop_assert_eq!(diagnostic.line, document::line(&text, at));
                prop_assert!(render(&diagnostic, false).contains(diagnostic.code.as_str()));
            }
        }

        #[test]
        fn any_text_is_read_or_complained_about(text in "(\\PC|[\\[\\]{}=.\",'#\n]){0,200}") {
            let source = Source::new("50-any.toml".into(), &text);
            let said = check(&source).1;
            prop_assert!(said.iter().all(|diagnostic| diagnostic.line >= 1));
        }
    }
}
