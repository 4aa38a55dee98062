//! Whether a question is well-formed and small enough, before anything is searched.

use super::Refused;
use super::model::Model;
use crate::fact::{AccessSet, FormatEntry};
use crate::kind::access;
use crate::vocabulary::{Invalid, contradiction, overlapping};
use crate::{Constraint, Fact, Name, Participant, Question};

/// Participants of one question.
const PARTICIPANTS: usize = 256;
/// Facts of one question, those in alternatives included.
const FACTS: usize = 16384;
/// Format entries of one question.
const ENTRIES: usize = 8192;
/// Pairs of fourcc and modifier that are looked at.
pub(crate) const PAIRS: usize = 1 << 18;

/// What is wrong with single participants or with how many there are.
pub(crate) fn well_formed(question: &Question) -> Result<(), Refused> {
    bounded("participants", question.participants.len(), PARTICIPANTS)?;
    bounded("facts", question.participants.iter().map(facts).map(Iterator::count).sum(), FACTS)?;
    let entries = question.participants.iter().flat_map(facts).map(|fact| formats(fact).len());
    bounded("format entries", entries.sum(), ENTRIES)?;
    let mut names: Vec<&Name> = question.participants.iter().map(|one| &one.name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(twice(pair[0]).into());
    }
    for participant in &question.participants {
        if let Some(found) = contradiction(participant).or_else(|| no_access_left(participant)) {
            return Err(found.into());
        }
        if let Some(found) = facts(participant).find(|fact| overlapping(formats(fact))) {
            let value = crate::spell::choices(formats(found));
            return Err(Invalid {
                key: format!("{}.format", participant.name),
                value,
                rule: "entries that cover no pair of fourcc and modifier twice".to_owned(),
                at: None,
            }
            .into());
        }
    }
    Ok(())
}

pub(crate) fn bounded(what: &'static str, found: usize, bound: usize) -> Result<(), Refused> {
    if found <= bound {
        return Ok(());
    }
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Err(Refused::TooMany { what, found: number(found), bound: number(bound) })
}

fn facts(participant: &Participant) -> impl Iterator<Item = &Fact> {
    let inside = participant.alternatives.iter().flat_map(|table| &table.facts);
    participant.facts.iter().chain(inside)
}

fn formats(fact: &Fact) -> &[FormatEntry] {
    match &fact.constraint {
        Constraint::Format(entries) => entries,
        _ => &[],
    }
}

fn twice(name: &Name) -> Invalid {
    Invalid {
        key: format!("{name}.name"),
        value: format!("{name:?}"),
        rule: "a name that no other participant bears".to_owned(),
        at: None,
    }
}

/// A CPU user of whom several sources together leave no access: what each allows by itself does
/// not help.
fn no_access_left(participant: &Participant) -> Option<Invalid> {
    let none = AccessSet { coherent: false, sync: false, none: true };
    let left = |inside: &[Fact]| {
        let all = participant.facts.iter().chain(inside).filter_map(|fact| match fact.constraint {
            Constraint::Access(modes) => Some(modes),
            _ => None,
        });
        all.reduce(access::both)
    };
    let base = (participant.usage, &[][..]);
    let tables = participant
        .alternatives
        .iter()
        .map(|table| (participant.usage.union(table.usage), &table.facts[..]));
    let mut all = std::iter::once(base).chain(tables);
    let found = all.any(|(usage, inside)| usage.cpu() && left(inside) == Some(none));
    found.then(|| Invalid {
        key: format!("{}.access", participant.name),
        value: "[\"none\"]".to_owned(),
        rule: "a CPU user needs \"coherent\" or \"sync\"".to_owned(),
        at: None,
    })
}

/// What nobody at all says, optional participants and alternatives included: which fourcc, which
/// modifier, how big. What those who end up in leave unsaid shows only in the search.
pub(crate) fn said(model: &Model) -> Result<(), Invalid> {
    if let Some(key) = model.formats.unpinned(0..model.formats.lists.len()) {
        return Err(unpinned(key));
    }
    if model.question.participants.iter().any(sized) { Ok(()) } else { Err(unsized_()) }
}

/// Whether somebody who may be left out says how big.
pub(crate) fn sized_by_optional(model: &Model) -> bool {
    model.question.participants.iter().any(|one| one.optional && sized(one))
}

/// Whether a participant, with any of its alternatives, says how big.
fn sized(participant: &Participant) -> bool {
    let says = |entry: &FormatEntry| entry.min_extent.is_some() || !entry.must_fit.is_empty();
    facts(participant).any(|fact| match &fact.constraint {
        Constraint::MinSize(bytes) => *bytes > 0,
        _ => formats(fact).iter().any(says),
    })
}

/// Nobody who is in pins `key`.
pub(crate) fn unpinned(key: &str) -> Invalid {
    Invalid {
        key: key.to_owned(),
        value: "\"*\" for everybody".to_owned(),
        rule: "somebody has to state it".to_owned(),
        at: None,
    }
}

/// Nobody says how big.
pub(crate) fn unsized_() -> Invalid {
    Invalid {
        key: "min-size".to_owned(),
        value: "(absent)".to_owned(),
        rule: "somebody has to say how big: min-size, or min-extent or must-fit of a known format"
            .to_owned(),
        at: None,
    }
}
