//! Parts of one `[[device]]` rule that can do nothing: tables that hold for no device, that others
//! make needless, and needs that take nothing back.

use super::read::Rule;
use super::relation::{excludes, implies, weight};
use super::source::Complaints;
use crate::diagnostic::Code;
use crate::rule::{DeviceRule, Situation};
use heapq_constraints::Constraint;
use heapq_constraints::value::{Place, Value};

/// Rules with more patterns than this are not compared with themselves.
const MAX_WEIGHT: usize = 2048;

/// What `match` and `unless` of a rule say.
pub(super) fn situations(
    matches: &[Situation],
    unless: &[Situation],
    rule: &Rule<'_>,
    complaints: &mut Complaints<'_>,
) {
    if weight(matches) + weight(unless) <= MAX_WEIGHT {
        tables("match", matches, rule, complaints);
        tables("unless", unless, rule, complaints);
        silent(matches, unless, rule, complaints);
    }
}

/// Tables of one list beside each other.
fn tables(key: &str, list: &[Situation], rule: &Rule<'_>, complaints: &mut Complaints<'_>) {
    let at = |index: usize| place(rule, key, index);
    for (index, one) in list.iter().enumerate() {
        if excludes(one, one) {
            let message = format!("`{key}`: no device fulfils all of this");
            complaints.tell(Code::NeverHolds, at(index), message, None);
            continue;
        }
        let wider = list.iter().enumerate().find(|(other, wide)| {
            *other != index && implies(one, wide) && (*other < index || !implies(wide, one))
        });
        if let Some((other, _)) = wider {
            let message = format!("`{key}`: this table adds nothing to another of the list");
            let help = "leave it out".to_owned();
            complaints.tell(Code::Redundant, at(index), message, Some(help));
            complaints.also(at(other), "this one holds wherever it does");
        }
    }
}

/// `unless` that holds wherever `match` does.
fn silent(
    matches: &[Situation],
    unless: &[Situation],
    rule: &Rule<'_>,
    complaints: &mut Complaints<'_>,
) {
    let silenced = |one: &Situation| unless.iter().any(|other| implies(one, other));
    if !unless.is_empty() && matches.iter().all(silenced) {
        let message = "`unless` holds wherever `match` does: the rule says nothing of any device";
        complaints.tell(Code::NeverHolds, place(rule, "unless", 0), message, None);
        complaints.also(place(rule, "match", 0), "what it describes");
    }
}

/// Needs add up: some values of them say nothing, and are mostly meant to take something back.
pub(super) fn weak(read: &DeviceRule, rule: &Rule<'_>, complaints: &mut Complaints<'_>) {
    for fact in &read.facts {
        let nothing = matches!(
            fact.constraint,
            Constraint::Contiguous(false)
                | Constraint::Unknown(false)
                | Constraint::DmaCoherent(true)
                | Constraint::AddressBits(64)
        );
        let key = fact.constraint.key();
        let overrides = |(keys, _): &(Vec<_>, _)| keys.contains(&key.as_str().into());
        if !nothing || read.overrides.as_ref().is_some_and(overrides) {
            continue;
        }
        let message = format!("`{}` says nothing: needs add up", fact.constraint.stated());
        let help = format!("to drop what others state, write `override = [\"{key}\"]`");
        let entry = rule.table.entries.iter().find(|entry| entry.key == key);
        complaints.tell(Code::NoEffect, entry.and_then(|one| one.at), message, Some(help));
    }
}

/// Where the table of this index stands.
fn place(rule: &Rule<'_>, key: &str, index: usize) -> Option<Place> {
    let node = rule.table.get(key)?;
    match &node.value {
        Value::List(items) => items.get(index)?.at,
        _ => node.at,
    }
}
