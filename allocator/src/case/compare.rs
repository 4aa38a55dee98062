//! What was expected beside what came, key by key.

use super::expect::Expect;
use super::shown::Shown;
use heapq_constraints::answer::{Candidate, Element, Plan, Verdict};
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{Answer, Heap, Name};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the solver and the walk over its candidates made of a case's question.
#[derive(Clone, Debug)]
pub(super) enum Came {
    /// An answer, and what the walk over its candidates came to.
    Answered(Box<Answer>, Walked),
    /// The question is malformed.
    Invalid(Invalid),
    /// The question is larger than a bound; the message says which.
    TooMany(String),
}

/// What became of the candidates when buffers were asked of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Index of the candidate that gave them; `None`: none did, or there was none.
    pub(super) chosen: Option<usize>,
    /// Heaps that were tried before it and failed, in the order of the attempts.
    pub(super) failed: Vec<Name>,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key of `[expect]`.
    pub key: &'static str,
    /// What it was expected to be, as the case spells it.
    pub expected: Shown,
    /// What came, in the same spelling and as far as the key speaks of it.
    pub found: Shown,
}

/// Every expectation that does not hold, in the order of the case.
pub(super) fn differences(expect: &Expect, came: &Came, heaps: &[Heap]) -> Vec<Difference> {
    let expected = expect.0.iter();
    expected.filter_map(|(key, value)| difference(key, value, came, heaps)).collect()
}

fn difference(
    key: &'static str,
    expected: &Shown,
    came: &Came,
    heaps: &[Heap],
) -> Option<Difference> {
    let found = found(key, came);
    let found = if let (Shown::Table(wanted), Shown::Table(all)) = (expected, found.clone()) {
        Shown::Table(named(wanted, all, heaps))
    } else {
        found
    };
    let same = |value: &Shown| comparable(key, value.clone(), heaps);
    let holds = match key {
        "not-heaps" | "conflicts-include" | "fixes-include" => {
            let (expected, found) = (same(expected), same(&found));
            expected.members().iter().all(|member| found.members().contains(member))
        }
        "min-size-at-least" => found != Shown::Nothing && found >= *expected,
        "size-below" => found != Shown::Nothing && found < *expected,
        _ => same(expected) == same(&found),
    };
    (!holds).then(|| Difference { key, expected: expected.clone(), found })
}

/// `value` in the one form in which it is compared: heaps by their first name, sets in one order.
fn comparable(key: &str, value: Shown, heaps: &[Heap]) -> Shown {
    let first = |name: &str| first_name(name, heaps);
    let element = |name: &str| match name.strip_prefix("heap.") {
        Some(heap) => format!("heap.{}", first_name(heap, heaps)),
        None => name.to_owned(),
    };
    match key {
        "heap" | "heaps" | "plane-heaps" | "fallback-from" => value.renamed(&first),
        "not-heaps" => value.renamed(&first).into_set(),
        "conflicts" | "conflicts-include" | "fixes-include" => value.renamed(&element).into_set(),
        "eliminated" => by_first_name(value, heaps).into_set(),
        "left-out" => value.into_set(),
        _ => value,
    }
}

/// The entries of `all` that `wanted` names (heaps by any of their names); what is not there is
/// shown as nothing.
fn named(
    wanted: &BTreeMap<String, Shown>,
    all: BTreeMap<String, Shown>,
    heaps: &[Heap],
) -> BTreeMap<String, Shown> {
    let names = wanted.keys();
    let entry = |name: &String| {
        let value = all.get(name).or_else(|| all.get(&first_name(name, heaps)));
        (name.clone(), value.cloned().unwrap_or(Shown::Nothing))
    };
    names.map(entry).collect()
}

fn by_first_name(value: Shown, heaps: &[Heap]) -> Shown {
    match value {
        Shown::Table(entries) => {
            let entries = entries.into_iter();
            Shown::Table(entries.map(|(name, keys)| (first_name(&name, heaps), keys)).collect())
        }
        other => other,
    }
}

fn first_name(name: &str, heaps: &[Heap]) -> String {
    heaps.iter().find(|heap| heap.bears(name)).map_or(name, |heap| &heap.name).to_owned()
}

/// What the answer says of `key`.
fn found(key: &str, came: &Came) -> Shown {
    match came {
        Came::Answered(answer, walked) => answered(key, answer, walked),
        Came::Invalid(invalid) => match key {
            "verdict" => Shown::Text("invalid".to_owned()),
            "invalid-key" => Shown::Text(invalid.key.clone()),
            _ => Shown::Nothing,
        },
        Came::TooMany(_) if key == "verdict" => Shown::Text("too-many".to_owned()),
        Came::TooMany(_) => Shown::Nothing,
    }
}

fn answered(key: &str, answer: &Answer, walked: &Walked) -> Shown {
    match key {
        "verdict" => Shown::Text(verdict(answer, walked).to_owned()),
        "not-heaps" => Shown::texts(answer.eliminated.iter().map(|gone| &*gone.heap)),
        "eliminated" => {
            let gone = answer.eliminated.iter();
            let keys = gone.map(|gone| {
                let keys = gone.reasons.iter().map(|reason| &*reason.key);
                (gone.heap.to_string(), Shown::texts(keys).into_set())
            });
            Shown::Table(keys.collect())
        }
        "conflicts" | "conflicts-include" => {
            groups(answer.conflicts.iter().map(|conflict| conflict.elements.as_slice()))
        }
        "fixes-include" => groups(answer.fixes.iter().map(|fix| fix.elements.as_slice())),
        "fallback-from" => names(&walked.failed),
        _ => answer.plan.as_ref().map_or(Shown::Nothing, |plan| planned(key, plan, walked)),
    }
}

fn verdict(answer: &Answer, walked: &Walked) -> &'static str {
    match (answer.verdict, walked.chosen) {
        (Verdict::Conflict, _) => "conflict",
        (Verdict::Ok, Some(_)) => "ok",
        (Verdict::Ok, None) => "no-memory",
    }
}

fn planned(key: &str, plan: &Plan, walked: &Walked) -> Shown {
    let text = |name: &Option<Name>| name.as_ref().map(|name| Shown::Text(name.to_string()));
    let found = match key {
        "heaps" => Some(names(&plan.heaps())),
        "assumed" => Some(Shown::Bool(plan.assumed)),
        "size-assumed" => Some(Shown::Bool(plan.size_assumed)),
        "count" => Some(Shown::Integer(plan.count.into())),
        "size" | "min-size-at-least" | "size-below" => Some(Shown::Integer(plan.size)),
        "allocation-size" => Some(Shown::Integer(plan.allocation_size)),
        "fourcc" => text(&plan.fourcc),
        "modifier" => text(&plan.modifier),
        "stride" => plan.planes.first().map(|plane| Shown::Integer(plane.stride.into())),
        "left-out" => Some(names(&plan.left_out)),
        "chosen-alternatives" => {
            let chosen = plan.chosen_alternatives.iter();
            let pairs =
                chosen.map(|(who, index)| (who.to_string(), Shown::Integer((*index).into())));
            Some(Shown::Table(pairs.collect()))
        }
        _ => {
            let candidate = walked.chosen.and_then(|index| plan.candidates.get(index));
            candidate.and_then(|candidate| placed(key, plan, candidate))
        }
    };
    found.unwrap_or(Shown::Nothing)
}

/// What is known only once a candidate is chosen.
fn placed(key: &str, plan: &Plan, candidate: &Candidate) -> Option<Shown> {
    match key {
        "heap" => candidate.heaps.first().map(|heap| Shown::Text(heap.to_string())),
        "contiguous" => Some(Shown::Bool(candidate.contiguous)),
        "protected" => Some(Shown::Bool(candidate.protected)),
        "access" => Some(Shown::Text(candidate.access.word().to_owned())),
        "plane-heaps" if plan.planes.is_empty() => Some(names(&candidate.heaps)),
        "plane-heaps" => {
            let buffers = plan.planes.iter().map(|plane| usize::try_from(plane.buffer_index).ok());
            let heaps = buffers.map(|index| index.and_then(|index| candidate.heaps.get(index)));
            Some(Shown::texts(heaps.flatten().map(|heap| &**heap)))
        }
        _ => None,
    }
}

fn names(names: &[Name]) -> Shown {
    Shown::texts(names.iter().map(|name| &**name))
}

fn groups<'a>(groups: impl Iterator<Item = &'a [Element]>) -> Shown {
    let group =
        |elements: &[Element]| Shown::texts(elements.iter().map(|element| element.name.as_str()));
    Shown::List(groups.map(group).collect())
}
