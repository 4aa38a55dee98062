//! The solver's answer beside the oracle's.

use super::conflict::{Conflicts, Set, ends, minimal, served};
use super::generate::Instance;
use super::room::{Small, too_small};
use super::search::{Outcome, Plan, answer};
use heapq_constraints::answer::{Answer, Element, Plan as Solved, TooSmall, Verdict};
use heapq_constraints::fact::Planes;
use heapq_constraints::{HeapSet, Refused, solve};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Everything in which the solver differs from the oracle; empty when they agree.
#[must_use]
pub fn differences(instance: &Instance) -> Vec<String> {
    let expected = answer(&instance.world(), &instance.question);
    let heaps = match HeapSet::new(instance.heaps.clone(), &instance.edges) {
        Ok(heaps) => heaps.with_page_size(instance.page),
        Err(invalid) => return vec![format!("heaps: {invalid}")],
    };
    let found = solve(&heaps, &instance.question);
    let mut report = Report::default();
    report.order(instance, &found);
    report.json(&found);
    match (&expected, &found) {
        (Outcome::Invalid(keys), Err(Refused::Invalid(invalid))) => {
            report.yes("invalid-key", keys.contains(&invalid.key), keys, &invalid.key);
        }
        (Outcome::Ok(plan), Ok(found)) if found.verdict == Verdict::Ok => {
            report.same("eliminated", &plan.eliminated, &eliminated(found));
            match &found.plan {
                Some(solved) => report.plans(instance, plan, solved),
                None => report.yes("plan", false, &"one", &"none"),
            }
        }
        (Outcome::Conflict { eliminated: table, conflicts }, Ok(found))
            if found.verdict == Verdict::Conflict =>
        {
            report.same("eliminated", table, &eliminated(found));
            if let Some(all) = conflicts {
                report.conflicts(all, found);
            }
            report.fixes(instance, found);
            report.same("too small", &too_small(instance), &small(found));
            report.copies(instance, found);
        }
        (_, Ok(found)) => report.yes("verdict", false, &expected, &found.verdict),
        (_, Err(refused)) => report.yes("verdict", false, &expected, refused),
    }
    report.0
}

/// The instance with nothing but protected heaps, or nothing but others.
fn only(instance: &Instance, protected: bool) -> Instance {
    let mut only = instance.clone();
    only.heaps.iter_mut().for_each(|heap| heap.permitted &= heap.protected == protected);
    only
}

fn small(answer: &Answer) -> BTreeSet<Small> {
    let of = |one: &TooSmall| {
        let key = ["capacity", "max-size"].into_iter().find(|key| *key == one.key).unwrap_or("");
        (one.heap.to_string(), key, one.bound.into(), one.count.into(), one.bytes.into())
    };
    answer.too_small.iter().map(of).collect()
}

fn eliminated(answer: &Answer) -> BTreeMap<String, BTreeSet<String>> {
    let keys = |reasons: &[heapq_constraints::answer::Reason]| {
        reasons.iter().map(|reason| reason.key.to_string()).collect()
    };
    answer.eliminated.iter().map(|it| (it.heap.to_string(), keys(&it.reasons))).collect()
}

fn set(elements: &[Element]) -> Set {
    elements.iter().map(|element| element.name.clone()).collect()
}

fn conflicting(answer: &Answer) -> BTreeSet<Set> {
    answer.conflicts.iter().map(|it| set(&it.elements)).collect()
}

/// Sync points follow the pipeline, that is, the order of the participants.
fn unordered(mut plan: Solved) -> Solved {
    plan.sync_points.clear();
    plan.candidates.iter_mut().for_each(|candidate| candidate.sync_points.clear());
    plan
}

/// Lines that each name one difference.
#[derive(Default)]
struct Report(Vec<String>);

impl Report {
    fn same<T: PartialEq + Debug>(&mut self, what: &str, expected: &T, found: &T) {
        self.yes(what, expected == found, expected, found);
    }

    fn yes(&mut self, what: &str, agree: bool, expected: &dyn Debug, found: &dyn Debug) {
        if !agree {
            self.0.push(format!("{what}: the oracle says {expected:?}, the solver {found:?}"));
        }
    }

    /// The order of heaps and edges says nothing; that of participants nothing where nobody is
    /// optional and nobody has alternatives.
    fn order(&mut self, instance: &Instance, found: &Result<Answer, Refused>) {
        let mut turned = instance.clone();
        turned.heaps.reverse();
        turned.edges.reverse();
        let solved = |instance: &Instance| {
            let heaps = HeapSet::new(instance.heaps.clone(), &instance.edges).ok();
            heaps.map(|it| solve(&it.with_page_size(instance.page), &instance.question))
        };
        let again = solved(&turned);
        self.yes("order of heaps", again.as_ref() == Some(found), found, &again);
        let people = &mut turned.question.participants;
        people.reverse();
        if people.iter().any(|one| one.optional || !one.alternatives.is_empty()) {
            return;
        }
        let plan = |answer: &Answer| (answer.plan.clone().map(unordered), conflicting(answer));
        let before = found.as_ref().ok().map(plan);
        let after = solved(&turned).and_then(|it| it.ok().map(|answer| plan(&answer)));
        self.same("order of participants", &before, &after);
    }

    /// What is said on the bus and by `--json` comes back as it was.
    fn json(&mut self, found: &Result<Answer, Refused>) {
        if let Ok(answer) = found {
            let text = serde_json::to_string(answer).unwrap_or_default();
            let back = serde_json::from_str::<Answer>(&text).ok();
            self.yes("json", back.as_ref() == Some(answer), answer, &back);
        }
    }

    fn plans(&mut self, instance: &Instance, plan: &Plan, found: &Solved) {
        let candidates: Vec<_> = found
            .candidates
            .iter()
            .map(|it| (it.heaps.iter().map(|heap| heap.to_string()).collect(), it.access))
            .collect();
        self.same("candidates", &plan.candidates, &candidates);
        for candidate in &found.candidates {
            let heap = instance.heaps.iter().find(|heap| heap.name == candidate.heaps[0]);
            let is = heap.map(|heap| (heap.contiguous, heap.protected));
            self.same("flags", &is, &Some((candidate.contiguous, candidate.protected)));
        }
        let buffers: Vec<(u128, u128)> =
            found.buffers.iter().map(|it| (it.size.into(), it.allocation_size.into())).collect();
        self.same("buffers", &plan.buffers, &buffers);
        let sum = |pick: fn(&(u128, u128)) -> u128| plan.buffers.iter().map(pick).sum::<u128>();
        self.same("size", &sum(|it| it.0), &found.size.into());
        self.same("allocation-size", &sum(|it| it.1), &found.allocation_size.into());
        self.same("count", &plan.count, &found.count.into());
        self.names(plan, found);
        if plan.stride.is_some() {
            let stride = found.planes.first().map(|plane| u128::from(plane.stride));
            self.same("stride", &plan.stride, &stride);
        }
        self.planes(found);
    }

    fn names(&mut self, plan: &Plan, found: &Solved) {
        let owned = |name: &Option<heapq_constraints::Name>| name.as_ref().map(|it| it.to_string());
        self.same("fourcc", &plan.fourcc, &owned(&found.fourcc));
        self.same("modifier", &plan.modifier, &owned(&found.modifier));
        self.same("assumed", &plan.assumed, &found.assumed);
        self.same("size-assumed", &plan.size_assumed, &found.size_assumed);
        let left_out = found.left_out.iter().map(|name| name.to_string()).collect();
        self.same("left-out", &plan.left_out, &left_out);
        let chosen = found.chosen_alternatives.iter();
        let chosen: BTreeMap<String, u32> =
            chosen.map(|(who, at)| (who.to_string(), *at)).collect();
        let expected = plan.chosen.iter().map(|(who, at)| (who.clone(), *at));
        let expected: BTreeMap<String, u32> =
            expected.map(|(who, at)| (who, u32::try_from(at).unwrap_or(u32::MAX))).collect();
        self.same("chosen-alternatives", &expected, &chosen);
        if plan.buffers.len() > 1 {
            self.same("layout", &Planes::Separate, &found.layout);
        }
    }

    /// Each plane lies within its buffer, and planes of one buffer do not overlap.
    fn planes(&mut self, found: &Solved) {
        let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
        for plane in &found.planes {
            let at = usize::try_from(plane.buffer_index).unwrap_or(usize::MAX);
            let room = found.buffers.get(at).map_or(0, |buffer| buffer.size);
            let before = ends.entry(plane.buffer_index).or_insert(0);
            let end = plane.offset.checked_add(plane.size);
            let inside = end.is_some_and(|end| end <= room) && plane.offset >= *before;
            self.yes("planes", inside, &"each within its buffer, one after the other", found);
            *before = end.unwrap_or(u64::MAX);
        }
    }

    fn conflicts(&mut self, all: &Conflicts, found: &Answer) {
        let listed = conflicting(found);
        if found.conflicts_complete {
            self.same("conflicts", &all.conflicts, &listed);
        } else {
            self.yes("conflicts", listed.is_subset(&all.conflicts), &all.conflicts, &listed);
        }
        if found.fixes_complete {
            let listed = found.fixes.iter().map(|fix| set(&fix.elements)).collect();
            self.same("fixes", &all.fixes, &listed);
        }
        for fix in &found.fixes {
            let fix = set(&fix.elements);
            self.yes("fixes", all.fixes.contains(&fix), &all.fixes, &fix);
        }
        self.yes("fixes", !found.fixes.is_empty() || all.fixes.is_empty(), &all.fixes, &"none");
    }

    /// The fewest groups in pipeline order that can each be served, if all can, and none whose
    /// memory is not protected behind one whose memory is.
    fn copies(&mut self, instance: &Instance, found: &Answer) {
        let people = &instance.question.participants;
        let required: Vec<usize> = (0..people.len()).filter(|who| !people[*who].optional).collect();
        let worlds = [false, true].map(|protected| only(instance, protected).world());
        let can = |from, to, protected: usize| {
            served(&worlds[protected], &instance.question, &required[from..to])
        };
        // By the memory of the last group.
        let mut fewest = vec![[Some(0), None]];
        for to in 1..=required.len() {
            let ways = |protected: usize| {
                let from = (0..to).filter(|from| can(*from, to, protected));
                let before = from.flat_map(|from| fewest[from].into_iter().take(protected + 1));
                before.flatten().min().map(|groups: usize| groups + 1)
            };
            let ways = [ways(0), ways(1)];
            fewest.push(ways);
        }
        let groups = found.copy_plan.as_ref().map(|plan| &plan.groups);
        let expected = fewest[required.len()].into_iter().flatten().min();
        let expected = expected.filter(|_| !required.is_empty());
        self.same("copy plan", &expected, &groups.map(|groups| groups.len()));
        let Some(groups) = groups else { return };
        let mut at = 0;
        for group in groups {
            let to = (at + group.participants.len()).min(required.len());
            let names = required[at..to].iter().map(|who| people[*who].name.clone());
            self.same("copy group", &names.collect::<Vec<_>>(), &group.participants);
            let heap = instance.heaps.iter().find(|heap| Some(&heap.name) == group.heap.as_ref());
            let protected = usize::from(heap.is_some_and(|heap| heap.protected));
            self.yes("copy group", can(at, to, protected), &"it has no heap", group);
            at = to;
        }
        self.same("copy plan", &required.len(), &at);
    }

    /// Also where there are too many elements to list all conflicts.
    fn fixes(&mut self, instance: &Instance, found: &Answer) {
        let (world, question) = (instance.world(), &instance.question);
        for fix in &found.fixes {
            let fix = set(&fix.elements);
            self.yes("fix", ends(&world, question, &fix), &"it does not help", &fix);
        }
        for conflict in conflicting(found) {
            let is = minimal(&world, question, &conflict);
            self.yes("conflict", is, &"it is none, or not minimal", &conflict);
        }
    }
}
