//! The rules about several keys of one participant: what no combination of heaps could mend.

use super::Invalid;
use crate::fact::{AccessSet, Protection};
use crate::question::Alternative;
use crate::{Constraint, Fact, Participant};

/// What a CPU user cannot have: protected memory only, or no access at all. Checked when a
/// participant is read, and again when facts from elsewhere were added to it.
pub(crate) fn contradiction(participant: &Participant) -> Option<Invalid> {
    if participant.alternatives.is_empty() {
        return in_table(participant, None);
    }
    participant.alternatives.iter().find_map(|table| in_table(participant, Some(table)))
}

fn in_table(participant: &Participant, table: Option<&Alternative>) -> Option<Invalid> {
    let usage = table.map_or(participant.usage, |table| participant.usage.union(table.usage));
    if !usage.cpu() {
        return None;
    }
    let inside = table.map_or(&[][..], |table| &table.facts);
    let wrong = |facts: &[Fact]| facts.iter().find_map(|fact| rule_against(&fact.constraint));
    let complaint = |(key, value, rule): (&str, &str, &str), group: &str| Invalid {
        key: format!("{}.{group}{key}", participant.name),
        value: value.to_owned(),
        rule: rule.to_owned(),
        at: None,
    };
    wrong(&participant.facts)
        .map(|found| complaint(found, ""))
        .or_else(|| wrong(inside).map(|found| complaint(found, "alternatives.")))
}

fn rule_against(constraint: &Constraint) -> Option<(&'static str, &'static str, &'static str)> {
    const NO_ACCESS: AccessSet = AccessSet { coherent: false, sync: false, none: true };
    match constraint {
        Constraint::Protected(Protection::Required) => {
            Some(("protected", "\"required\"", "the CPU cannot use protected memory"))
        }
        Constraint::Access(NO_ACCESS) => {
            Some(("access", "[\"none\"]", "a CPU user needs \"coherent\" or \"sync\""))
        }
        _ => None,
    }
}
