//! The table of heaps that do not serve.

use super::cast::Cast;
use super::heaps::Keys;
use super::placing::{Bound, Placing, plane};
use super::{Asked, Wrong, figure, nameless, same};
use crate::answer::{Elimination, Reason};
use crate::heap::Heap;
use crate::{Constraint, Name};
use std::collections::BTreeSet;

/// How many placements are looked through for one that shows a row to be false.
const ENOUGH: usize = 1;

/// Keys that say that a heap may not be used at all; each stands alone.
const STATES: [&str; 3] = ["absent", "not-permitted", "reserved"];

pub(super) fn of_plan(
    asked: &Asked,
    cast: &Cast,
    placing: &Placing,
    placed: &[Vec<usize>],
    table: &[Elimination],
) -> Result<(), Wrong> {
    well_formed(asked, cast, table)?;
    let first: BTreeSet<usize> = placed.iter().filter_map(|heaps| heaps.first().copied()).collect();
    let starting = |heap: usize, bound| placing.all(vec![heap], bound, ENOUGH);
    for (index, heap) in asked.set.heaps().iter().enumerate() {
        let found = row(table, &heap.name);
        if first.contains(&index) {
            same(&format!("reasons against the candidate `{}`", heap.name), &found, &Keys::new())?;
            continue;
        }
        let rule = by_itself(asked, cast, placing, heap);
        let state = rule.iter().any(|key| STATES.contains(key));
        let claimed = |key| found.contains(key) && !rule.contains(key) && !state;
        let mut rest = found.clone();
        for (key, bound) in [("apart", Bound::Apart), ("capacity", Bound::Capacity)] {
            if claimed(key) {
                let serves = placing.serving.first().is_some_and(|all| all.contains(&index));
                let false_ = serves && !starting(index, bound).is_empty();
                same(
                    &format!("whether `{}` would do with {key} alone", heap.name),
                    &false_,
                    &false,
                )?;
                rest.remove(key);
            }
        }
        compared(&heap.name, &rest, &rule)?;
        if found.is_empty() && !starting(index, Bound::All).is_empty() {
            return Err(figure(format!("`{}`", heap.name), "no candidate", "one"));
        }
    }
    named(asked, cast, table, true)
}

/// All present heaps by themselves, sizes and formats not counted.
pub(super) fn of_conflict(asked: &Asked, cast: &Cast, table: &[Elimination]) -> Result<(), Wrong> {
    well_formed(asked, cast, table)?;
    for heap in asked.set.heaps() {
        compared(&heap.name, &row(table, &heap.name), &asked.ruled_out(heap, cast, None))?;
    }
    named(asked, cast, table, false)
}

fn compared(heap: &Name, found: &Keys, rule: &Keys) -> Result<(), Wrong> {
    same(&format!("what rules `{heap}` out"), found, rule)
}

/// What rules out plane 0 in `heap`, its own bounds included.
fn by_itself(asked: &Asked, cast: &Cast, placing: &Placing, heap: &Heap) -> Keys {
    let mut keys = asked.ruled_out(heap, cast, plane(cast, 0));
    if !keys.iter().any(|key| STATES.contains(key)) {
        let (allocated, total) = placing.first_buffer();
        keys.extend(heap.max_size.is_some_and(|most| allocated > most).then_some("max-size"));
        let over = heap.capacity.is_some_and(|most| total > u128::from(most));
        keys.extend(over.then_some("capacity"));
    }
    keys
}

/// The keys of one row, as far as they are keys that can stand there.
fn row(table: &[Elimination], heap: &Name) -> Keys {
    let reasons = table.iter().filter(|row| row.heap == *heap).flat_map(|row| &row.reasons);
    reasons.filter_map(|reason| known(&reason.key)).collect()
}

fn known(key: &str) -> Option<&'static str> {
    let all = [
        "absent",
        "not-permitted",
        "reserved",
        "link",
        "heaps",
        "avoid",
        "contiguous",
        "address-bits",
        "address-window",
        "base-alignment",
        "access",
        "dma-coherent",
        "protected",
        "max-size",
        "capacity",
        "apart",
    ];
    all.into_iter().find(|one| *one == key)
}

/// Rows by name, each once, with reasons that have a key once and name who is in.
fn well_formed(asked: &Asked, cast: &Cast, table: &[Elimination]) -> Result<(), Wrong> {
    for pair in table.windows(2) {
        if pair[0].heap >= pair[1].heap {
            return Err(figure(
                "rows of heaps",
                &pair[0].heap,
                format!("below `{}`", pair[1].heap),
            ));
        }
    }
    let mut others = all_names(asked);
    others.extend(asked.set.heaps().iter().map(|heap| heap.name.clone()));
    for row in table {
        if !others.contains(&row.heap) {
            return Err(nameless("a row of a heap that does not serve", &row.heap));
        }
        let what = format!("reasons against `{}`", row.heap);
        same(&format!("whether there are no {what}"), &row.reasons.is_empty(), &false)?;
        let keys: BTreeSet<&str> = row.reasons.iter().map(|reason| &*reason.key).collect();
        same(&what, &row.reasons.len(), &keys.len())?;
        for reason in &row.reasons {
            known(&reason.key).ok_or_else(|| nameless(&what, &reason.key))?;
            needs(cast, reason, &what)?;
        }
    }
    Ok(())
}

/// Those whose need it is are in, and say something under that key (or their default does).
fn needs(cast: &Cast, reason: &Reason, what: &str) -> Result<(), Wrong> {
    for need in reason.needs.iter() {
        let member = cast.members.iter().find(|member| member.who.name == need.participant);
        let member = member.ok_or_else(|| nameless(what, &need.participant))?;
        let default = ["access", "protected"].contains(&&*reason.key);
        // A need of a plane stands in a format, and a heap's own bounds are met by sizes.
        let says = member
            .facts()
            .any(|fact| fact.kind() == reason.key || matches!(fact, Constraint::Format(_)));
        let state =
            STATES.contains(&&*reason.key) || ["max-size", "capacity"].contains(&&*reason.key);
        if !(default || says || state) {
            return Err(nameless(what, &format!("{}.{}", need.participant, reason.key)));
        }
    }
    Ok(())
}

fn lists(fact: &Constraint) -> &[Name] {
    match fact {
        Constraint::Heaps(names) | Constraint::Link(names) | Constraint::Prefer(names) => names,
        _ => &[],
    }
}

fn all_names(asked: &Asked) -> BTreeSet<Name> {
    let facts = asked.question.participants.iter().flat_map(|who| {
        who.facts.iter().chain(who.alternatives.iter().flat_map(|table| &table.facts))
    });
    let mut names = BTreeSet::new();
    for fact in facts {
        names.extend(lists(&fact.constraint).iter().cloned());
        if let Constraint::Format(entries) = &fact.constraint {
            let needs = entries.iter().flat_map(|entry| entry.plane.values().flatten());
            names.extend(needs.flat_map(lists).cloned());
        }
    }
    names
}

/// Names in lists that no heap bears have a row each: they are absent.
fn named(asked: &Asked, cast: &Cast, table: &[Elimination], planes: bool) -> Result<(), Wrong> {
    let borne = |name: &Name, by_role: bool| {
        let role = |heap: &Heap| by_role && heap.roles.contains(name);
        asked.set.find(name).is_some() || asked.set.heaps().iter().any(role)
    };
    let unborne = |fact: &Constraint| -> BTreeSet<Name> {
        let by_role = matches!(fact, Constraint::Heaps(_));
        lists(fact).iter().filter(|name| !borne(name, by_role)).cloned().collect()
    };
    let first = if planes { plane(cast, 0) } else { None };
    let rule: BTreeSet<Name> =
        cast.facts().chain(cast.plane_facts(first)).flat_map(unborne).collect();
    // The lists of further planes may have theirs.
    let further = cast.entries.iter().flat_map(|entry| entry.plane.values().flatten());
    let further: BTreeSet<Name> = further.flat_map(unborne).collect();
    let heaps = asked.set.heaps();
    let rows = table.iter().filter(|row| !heaps.iter().any(|heap| heap.name == row.heap));
    let mut found = BTreeSet::new();
    for one in rows {
        compared(&one.heap, &row(table, &one.heap), &Keys::from(["absent"]))?;
        found.insert(one.heap.clone());
    }
    found.retain(|name| rule.contains(name) || !further.contains(name));
    same("names that no heap bears", &found, &rule)
}
