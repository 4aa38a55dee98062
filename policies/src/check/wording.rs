//! What a rule says, as one text, without where it says so: two rules with one text are the same.

use super::cross::bounds;
use crate::rule::{DeviceRule, GrantRule, HeapRule, LimitRule, MasterRule};
use heapq_constraints::Heap;
use heapq_constraints::heap::Edge;

pub(super) fn heap(rule: &HeapRule) -> String {
    format!("{:?}", (&rule.names, &rule.kernel, properties(&rule.stated)))
}

pub(super) fn edge(edge: &Edge) -> String {
    format!("{:?}", (&edge.from, &edge.to))
}

pub(super) fn device(rule: &DeviceRule) -> String {
    let usage: Vec<_> = rule.usage.iter().map(|(usage, _)| usage).collect();
    let overrides = rule.overrides.as_ref().map(|(keys, _)| keys);
    let exports = rule.exports.as_ref().map(|one| (&one.how, properties(&one.heap)));
    let facts: Vec<_> = rule.facts.iter().map(|fact| &fact.constraint).collect();
    let situations = (&rule.matches, &rule.unless, &rule.when);
    format!("{:?}", (situations, usage, overrides, exports, facts))
}

pub(super) fn master(rule: &MasterRule) -> String {
    format!("{:?}", (&rule.matches, &rule.unless, &rule.ways))
}

pub(super) fn grant(rule: &GrantRule) -> String {
    format!("{:?}", (&rule.users, &rule.groups, rule.said().collect::<Vec<_>>()))
}

pub(super) fn limit(rule: &LimitRule) -> String {
    let figures: Vec<(&str, u64)> = bounds(rule).map(|(key, limit)| (key, limit.most)).collect();
    format!("{:?}", (&rule.users, &rule.groups, &rule.units, &rule.heaps, figures))
}

/// Which properties are stated, and all of them.
fn properties(heap: &Heap) -> (Vec<&'static str>, Heap) {
    let stated = heap.origins.keys().copied().collect();
    let mut heap = heap.clone();
    heap.origins.clear();
    (stated, heap)
}
