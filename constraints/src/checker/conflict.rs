//! An answer that is a conflict: its rows, its elements, and what its fixes hit.

use super::cast::{Cast, Member};
use super::{Asked, Wrong, figure, nameless, room, rows, same};
use crate::answer::{Answer, CopyGroup, CopyPlan, Element};
use crate::fact::FormatEntry;
use crate::{Constraint, Fact, Name, Participant};
use std::collections::BTreeSet;

pub(super) fn check(asked: &Asked, answer: &Answer) -> Result<(), Wrong> {
    let first = |who| Member { who, table: who.alternatives.first() };
    let members: Vec<Member> = asked.question.participants.iter().map(first).collect();
    rows::of_conflict(asked, &Cast::plain(asked, members), &answer.eliminated)?;
    same("whether there are no conflicts", &answer.conflicts.is_empty(), &false)?;
    let conflicts = answer.conflicts.iter().map(|conflict| names(asked, &conflict.elements));
    let conflicts = conflicts.collect::<Result<Vec<_>, _>>()?;
    spare("a conflict", &conflicts)?;
    let mut fixes = Vec::new();
    for fix in &answer.fixes {
        let drops = names(asked, &fix.elements)?;
        if let Some(heap) = &fix.heap {
            asked.set.find(heap).ok_or_else(|| nameless("the heap of a fix", heap))?;
        }
        hits(&drops, &conflicts, answer.conflicts_complete)?;
        fixes.push(drops);
    }
    spare("a fix", &fixes)?;
    answer.copy_plan.as_ref().map_or(Ok(()), |plan| copies(asked, plan))?;
    room::check(asked, &answer.too_small)?;
    asked.nothing_works()
}

type Names<'a> = BTreeSet<&'a str>;

/// The names of elements that all exist, each once.
fn names<'a>(asked: &Asked, elements: &'a [Element]) -> Result<Names<'a>, Wrong> {
    let names: Names = elements.iter().map(|element| &*element.name).collect();
    same("elements of one list", &elements.len(), &names.len())?;
    match elements.iter().find(|element| !exists(asked, element)) {
        Some(element) => Err(nameless("an element of a conflict", &element.name)),
        None => Ok(names),
    }
}

/// None contains another.
fn spare(what: &str, sets: &[Names]) -> Result<(), Wrong> {
    for (index, one) in sets.iter().enumerate() {
        let spared = |(other, set): (usize, &Names)| other != index && set.is_subset(one);
        if sets.iter().enumerate().any(spared) {
            return Err(figure(what, format!("{one:?}"), "one that contains no other"));
        }
    }
    Ok(())
}

/// A fix hits every conflict; if these are all, it needs each of its elements for one.
fn hits(fix: &Names, conflicts: &[Names], complete: bool) -> Result<(), Wrong> {
    if let Some(missed) = conflicts.iter().find(|conflict| conflict.is_disjoint(fix)) {
        return Err(figure("a fix", format!("{fix:?}"), format!("an element of {missed:?}")));
    }
    let needed =
        |name: &&&str| conflicts.iter().any(|one| one.intersection(fix).eq(std::iter::once(*name)));
    match fix.iter().find(|name| complete && !needed(name)) {
        Some(idle) => Err(figure("a fix", format!("{fix:?}"), format!("the same without {idle}"))),
        None => Ok(()),
    }
}

fn exists(asked: &Asked, element: &Element) -> bool {
    let question = asked.question;
    let Some(owner) = &element.participant else {
        let request = &question.request;
        return match &*element.name {
            "request.seed-count" => request.seed_count.is_some(),
            "request.strict" => request.strict,
            "request.limit-buffer" => request.limit_buffer.is_some(),
            "request.limit-total" => request.limit_total.is_some(),
            name => name.strip_prefix("heap.").is_some_and(|name| barred(asked, name)),
        };
    };
    let owner = question.participants.iter().find(|who| who.name == *owner && !who.optional);
    owner.is_some_and(|owner| {
        let key = element.name.strip_prefix(&*owner.name).and_then(|rest| rest.strip_prefix('.'));
        key.is_some_and(|key| states(asked, owner, key))
    })
}

/// Whether heap `name` is absent, not permitted or reserved.
fn barred(asked: &Asked, name: &str) -> bool {
    let heap = asked.set.heaps().iter().find(|heap| &*heap.name == name);
    heap.is_some_and(|heap| !(heap.present && heap.permitted && heap.reserved_for.is_empty()))
}

/// Whether `key` is an element of the participant: it says it beside its group, or its default does.
fn states(asked: &Asked, who: &Participant, key: &str) -> bool {
    let said = |facts: &[Fact]| facts.iter().any(|fact| fact.constraint.key() == key);
    let entries = who.facts.iter().flat_map(|fact| match &fact.constraint {
        Constraint::Format(entries) => entries.as_slice(),
        _ => &[],
    });
    match key {
        "alternatives" => !who.alternatives.is_empty(),
        "prefer" => false,
        "access" | "protected" if !said(&who.facts) => {
            let tables = who.alternatives.iter().map(Some);
            let tables = tables.chain(who.alternatives.is_empty().then_some(None));
            let mut choices = tables.map(|table| Member { who, table });
            choices.any(|member| member.default_excludes(asked.set, key))
        }
        _ => match key.strip_prefix("format.") {
            Some(key) => entries.into_iter().any(|entry| says(entry, key)),
            None => said(&who.facts),
        },
    }
}

fn says(entry: &FormatEntry, key: &str) -> bool {
    match key {
        "min-extent" => entry.min_extent.is_some(),
        "max-extent" => entry.max_extent.is_some(),
        "must-fit" => !entry.must_fit.is_empty(),
        "extent-alignment" => entry.extent_alignment.is_some(),
        "min-stride" => entry.min_stride.is_some(),
        "max-stride" => entry.max_stride.is_some(),
        "stride-alignment" => entry.stride_alignment.is_some(),
        "whole-pixel-rows" => entry.whole_pixel_rows,
        "block" => entry.block.is_some(),
        "offset-alignment" => entry.offset_alignment.is_some(),
        "plane" => !entry.plane.is_empty(),
        "apart" => !entry.apart.is_empty(),
        _ => false,
    }
}

/// Everybody who is required, once and in pipeline order, in at least two groups.
fn copies(asked: &Asked, plan: &CopyPlan) -> Result<(), Wrong> {
    let required = asked.question.participants.iter().filter(|who| !who.optional);
    let rule: Vec<&Name> = required.map(|who| &who.name).collect();
    let found: Vec<&Name> = plan.groups.iter().flat_map(|group| &group.participants).collect();
    same("participants of the copy plan", &found, &rule)?;
    same("whether the copy plan has a copy", &(plan.groups.len() > 1), &true)?;
    for group in &plan.groups {
        let Some(name) = &group.heap else {
            exported(asked, group)?;
            continue;
        };
        let heap = asked.set.find(name);
        let heap = heap.ok_or_else(|| nameless("the heap of a group", name))?;
        same(
            &format!("whether `{}` is there", heap.name),
            &(heap.present && heap.permitted),
            &true,
        )?;
    }
    let pairs = plan.groups.windows(2);
    let rule: Vec<_> =
        pairs.map(|two| (two[0].participants.last(), two[1].participants.first())).collect();
    let found: Vec<_> =
        plan.copies.iter().map(|copy| (Some(&copy.after), Some(&copy.before))).collect();
    same("copies", &found, &rule)?;
    for (two, copy) in plan.groups.windows(2).zip(&plan.copies) {
        let formats = |group: &CopyGroup| Some((group.fourcc.clone()?, group.modifier.clone()?));
        let both = (formats(&two[0]), formats(&two[1]));
        let differ = matches!(both, (Some(one), Some(other)) if one != other);
        same(
            &format!("whether the copy after `{}` converts", copy.after),
            &copy.converts,
            &differ,
        )?;
        let leak = protected(asked, &two[0]) && !protected(asked, &two[1]);
        same(&format!("whether `{}` is copied out of", copy.after), &leak, &false)?;
    }
    Ok(())
}

/// Whether a group shares protected memory.
fn protected(asked: &Asked, group: &CopyGroup) -> bool {
    if let Some(heap) = group.heap.as_ref().and_then(|name| asked.set.find(name)) {
        return heap.protected;
    }
    let exporter = group.exporter.as_ref().map(|exporter| &exporter.participant);
    let who = asked.question.participants.iter().find(|who| Some(&who.name) == exporter);
    who.and_then(|who| who.exports.as_ref()).is_some_and(|exports| exports.heap.protected)
}

/// A group without a heap has somebody in it whose own driver allocates.
fn exported(asked: &Asked, group: &CopyGroup) -> Result<(), Wrong> {
    let exporter = group.exporter.as_ref().map(|exporter| &exporter.participant);
    let within = exporter.filter(|name| group.participants.contains(name));
    let who = asked.question.participants.iter().find(|who| Some(&who.name) == within);
    let exports = who.is_some_and(|who| who.exports.is_some());
    same("whether somebody in a group without a heap exports", &exports, &true)
}
