//! The oracle's answer beside the `[expect]` of a case.

use super::search::{Outcome, Plan};
use heapq_constraints::Heap;
use heapq_constraints::value::{Node, Table, Value};
use std::collections::BTreeSet;

/// What is said of a case besides the question: heaps whose first allocation fails.
pub type Failing = BTreeSet<String>;

/// Every key of `[expect]` that does not hold, with what was expected and what came.
#[must_use]
pub fn mismatches(
    expect: &Table,
    outcome: &Outcome,
    heaps: &[Heap],
    failing: &Failing,
) -> Vec<String> {
    let wrong = |key: &str, node: &Node| {
        let holds = match outcome {
            Outcome::Invalid(keys) => invalid(key, &node.value, keys),
            Outcome::Ok(plan) => planned(key, &node.value, plan, heaps, failing),
            Outcome::Conflict { .. } => conflict(key, &node.value, outcome),
        };
        (!holds).then(|| format!("{key}: expected {:?}, the oracle says {outcome:?}", node.value))
    };
    expect.entries.iter().filter_map(|entry| wrong(&entry.key, &entry.node)).collect()
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { "" }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let nodes = if let Value::List(nodes) = value { &nodes[..] } else { &[] };
    nodes.iter().map(|node| &node.value)
}

fn texts(value: &Value) -> Vec<String> {
    list(value).map(|value| text(value).to_owned()).collect()
}

fn set(value: &Value) -> BTreeSet<String> {
    texts(value).into_iter().collect()
}

fn table(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = if let Value::Table(table) = value { &table.entries[..] } else { &[] };
    entries.iter().map(|entry| (&*entry.key, &entry.node.value))
}

fn number(value: &Value) -> Option<u128> {
    if let Value::Integer(number) = value { u128::try_from(*number).ok() } else { None }
}

fn invalid(key: &str, value: &Value, keys: &BTreeSet<String>) -> bool {
    match key {
        "verdict" => text(value) == "invalid",
        "invalid-key" => keys.contains(text(value)),
        _ => false,
    }
}

fn conflict(key: &str, value: &Value, outcome: &Outcome) -> bool {
    let Outcome::Conflict { eliminated, conflicts } = outcome else { return false };
    let Some(all) = conflicts else { return false };
    match key {
        "verdict" => text(value) == "conflict",
        "eliminated" => table(value).all(|(heap, keys)| eliminated.get(heap) == Some(&set(keys))),
        "not-heaps" => texts(value).iter().all(|heap| eliminated.contains_key(heap)),
        "conflicts" => list(value).map(set).collect::<BTreeSet<_>>() == all.conflicts,
        "conflicts-include" => list(value).all(|one| all.conflicts.contains(&set(one))),
        "fixes-include" => list(value).all(|one| all.fixes.contains(&set(one))),
        _ => false,
    }
}

fn planned(key: &str, value: &Value, plan: &Plan, heaps: &[Heap], failing: &Failing) -> bool {
    let mut first: Vec<&String> = plan.candidates.iter().map(|(heaps, _)| &heaps[0]).collect();
    first.dedup();
    let falls = |heap: &&&String| failing.contains(**heap);
    let chosen = first.iter().find(|heap| !falls(heap));
    let is = |flag: bool| *value == Value::Bool(flag);
    let heap = |name: &str| heaps.iter().find(|heap| heap.bears(name));
    let sum = |pick: fn(&(u128, u128)) -> u128| Some(plan.buffers.iter().map(pick).sum::<u128>());
    let size = sum(|(size, _)| *size);
    match key {
        "verdict" => text(value) == if chosen.is_some() { "ok" } else { "no-memory" },
        "heap" => chosen.is_some_and(|name| heap(name).is_some_and(|it| it.bears(text(value)))),
        "heaps" => texts(value) == first.iter().map(|it| it.to_string()).collect::<Vec<_>>(),
        "not-heaps" => texts(value).iter().all(|heap| plan.eliminated.contains_key(heap)),
        "eliminated" => {
            table(value).all(|(heap, keys)| plan.eliminated.get(heap) == Some(&set(keys)))
        }
        "assumed" => is(plan.assumed),
        "size-assumed" => is(plan.size_assumed),
        "count" => number(value) == Some(plan.count),
        "size" => number(value) == size,
        "allocation-size" => number(value) == sum(|(_, allocation)| *allocation),
        "min-size-at-least" => number(value) <= size,
        "size-below" => size < number(value),
        "contiguous" => chosen.and_then(|it| heap(it)).is_some_and(|heap| is(heap.contiguous)),
        "protected" => chosen.and_then(|it| heap(it)).is_some_and(|heap| is(heap.protected)),
        "access" => {
            let mode = plan.candidates.iter().find(|(heaps, _)| Some(&&heaps[0]) == chosen);
            mode.is_some_and(|(_, mode)| format!("{mode:?}").to_lowercase() == text(value))
        }
        "fourcc" => plan.fourcc.as_deref() == Some(text(value)),
        "modifier" => plan.modifier.as_deref() == Some(text(value)),
        "stride" => number(value) == plan.stride,
        "plane-heaps" => plan.candidates.first().is_some_and(|it| it.0 == texts(value)),
        "chosen-alternatives" => table(value).all(|(who, table)| {
            plan.chosen.get(who).copied() == number(table).and_then(|it| usize::try_from(it).ok())
        }),
        "left-out" => set(value) == plan.left_out,
        "fallback-from" => {
            let tried = first.iter().take_while(|heap| falls(heap));
            texts(value) == tried.map(|it| it.to_string()).collect::<Vec<_>>()
        }
        _ => false,
    }
}
