//! Questions that are malformed whatever the heaps are. Only rules that a question built from
//! several sources (client, policies) can break; syntax is the vocabulary reader's.

use super::choice::Present;
use super::needs::modes;
use heapq_constraints::fact::{AccessSet, FormatEntry, Pick, Protection};
use heapq_constraints::question::Usages;
use heapq_constraints::{Constraint, Participant, Question};
use std::collections::BTreeSet;

const NONE_ALONE: AccessSet = AccessSet { coherent: false, sync: false, none: true };

/// Every key that is wrong.
pub(super) fn keys(question: &Question) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    let mut names = BTreeSet::new();
    for one in &question.participants {
        if !names.insert(&one.name) {
            wrong.insert(format!("{}.name", one.name));
        }
        for it in views(one) {
            let own = it.one.facts.iter().map(|fact| (one.name.to_string(), fact));
            let group = format!("{}.alternatives", one.name);
            let table = it.table.iter().map(|fact| (group.clone(), fact));
            for (path, fact) in own.chain(table) {
                if let Some(key) = breach(it.usage, &fact.constraint) {
                    wrong.insert(format!("{}.{key}", one.name));
                    wrong.insert(format!("{path}.{key}"));
                }
            }
            // Several lists add up to one.
            let stated = one.facts.iter().chain(it.table).map(|fact| &fact.constraint);
            if it.usage.cpu() && modes(stated) == Some(NONE_ALONE) {
                wrong.insert(format!("{}.access", one.name));
                wrong.insert(format!("{group}.access"));
            }
        }
    }
    wrong.extend(unsaid(question).map(str::to_owned));
    wrong
}

/// A participant as each of its tables makes it.
fn views(one: &Participant) -> Vec<Present<'_>> {
    if one.alternatives.is_empty() {
        return vec![Present::new(one, None)];
    }
    one.alternatives.iter().map(|table| Present::new(one, Some(table))).collect()
}

fn breach(usage: Usages, need: &Constraint) -> Option<String> {
    let broken = match need {
        Constraint::Heaps(list) => list.is_empty(),
        Constraint::Attribute(_, values) => values.is_empty(),
        Constraint::AddressBits(bits) => !(1..=64).contains(bits),
        Constraint::AddressWindow(window) => window.intervals().is_empty(),
        Constraint::BaseAlignment(bytes) => *bytes == 0,
        Constraint::MaxCount(count) => *count == 0,
        Constraint::Access(set) => {
            (usage.cpu() && *set == NONE_ALONE) || !(set.coherent || set.sync || set.none)
        }
        Constraint::Protected(mode) => usage.cpu() && *mode == Protection::Required,
        Constraint::Format(entries) => entries.is_empty() || ambiguous(entries),
        _ => false,
    };
    broken.then(|| need.key())
}

/// Two entries cover one pair.
fn ambiguous(entries: &[FormatEntry]) -> bool {
    let meet = |a: &Pick, b: &Pick| *a == Pick::Any || *b == Pick::Any || a == b;
    let overlap = |a: &FormatEntry, b: &FormatEntry| {
        meet(&a.fourcc, &b.fourcc)
            && a.modifiers.iter().any(|one| b.modifiers.iter().any(|other| meet(one, other)))
    };
    entries.iter().enumerate().any(|(at, a)| entries[..at].iter().any(|b| overlap(a, b)))
}

/// All needs of a participant, those of every alternative included.
fn stated(one: &Participant) -> impl Iterator<Item = &Constraint> {
    let group = one.alternatives.iter().flat_map(|table| &table.facts);
    one.facts.iter().chain(group).map(|fact| &fact.constraint)
}

/// What nobody says, optional participants and all alternatives included.
fn unsaid(question: &Question) -> impl Iterator<Item = &'static str> {
    let all = || question.participants.iter().flat_map(stated);
    let lists =
        || all().filter_map(|need| if let Constraint::Format(it) = need { Some(it) } else { None });
    let entries = || lists().flatten();
    let formats = entries().next().is_some();
    let fourcc = entries().any(|entry| entry.fourcc != Pick::Any);
    let modifier = entries().any(|entry| entry.modifiers.iter().any(|pick| *pick != Pick::Any));
    let size = all().any(|need| matches!(need, Constraint::MinSize(1..)))
        || entries().any(|entry| entry.min_extent.is_some() || !entry.must_fit.is_empty());
    let unsaid = [
        ("format.fourcc", formats && !fourcc),
        ("format.modifiers", formats && !modifier),
        ("min-size", !size),
    ];
    unsaid.into_iter().filter(|(_, is)| *is).map(|(key, _)| key)
}
