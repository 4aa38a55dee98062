//! From an instance on which the two differ to the smallest one on which they still do.

use super::generate::Instance;
use heapq_constraints::fact::FormatEntry;
use heapq_constraints::question::Usages;
use heapq_constraints::{Constraint, Fact, Heap, Participant};

/// Drops whatever can go while `differs` holds.
#[must_use]
pub fn shrink(mut instance: Instance, differs: impl Fn(&Instance) -> bool) -> Instance {
    while let Some(smaller) = smaller(&instance).into_iter().find(|it| differs(it)) {
        instance = smaller;
    }
    instance
}

/// Every instance that is one step smaller.
fn smaller(instance: &Instance) -> Vec<Instance> {
    let mut all = Vec::new();
    let question = &instance.question;
    for participants in without_one(&question.participants) {
        let mut next = instance.clone();
        next.question.participants = participants;
        all.push(next);
    }
    for heaps in without_one(&instance.heaps) {
        all.push(Instance { heaps, ..instance.clone() });
    }
    for edges in without_one(&instance.edges) {
        all.push(Instance { edges, ..instance.clone() });
    }
    all.retain(|it| !it.heaps.is_empty() && !it.question.participants.is_empty());
    for (at, one) in question.participants.iter().enumerate() {
        for participant in participants(one) {
            let mut next = instance.clone();
            next.question.participants[at] = participant;
            all.push(next);
        }
    }
    for (at, heap) in instance.heaps.iter().enumerate() {
        for heap in heaps(heap) {
            let mut next = instance.clone();
            next.heaps[at] = heap;
            all.push(next);
        }
    }
    all.extend((instance.page != 4096).then(|| Instance { page: 4096, ..instance.clone() }));
    all.extend(requests(instance));
    all
}

fn without_one<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let without = |at: usize| [&items[..at], &items[at + 1..]].concat();
    (0..items.len()).map(without).collect()
}

fn requests(instance: &Instance) -> Vec<Instance> {
    let request = &instance.question.request;
    let mut steps = vec![request.clone(); 4];
    steps[0].seed_count = None;
    steps[1].strict = false;
    steps[2].limit_buffer = None;
    steps[3].limit_total = None;
    steps.retain(|step| step != request);
    let with = |request| {
        let mut next = instance.clone();
        next.question.request = request;
        next
    };
    steps.into_iter().map(with).collect()
}

fn participants(one: &Participant) -> Vec<Participant> {
    let mut all: Vec<Participant> =
        lists(&one.facts).into_iter().map(|facts| Participant { facts, ..one.clone() }).collect();
    for alternatives in without_one(&one.alternatives) {
        all.push(Participant { alternatives, ..one.clone() });
    }
    for (at, table) in one.alternatives.iter().enumerate() {
        for facts in lists(&table.facts) {
            let mut next = one.clone();
            next.alternatives[at].facts = facts;
            all.push(next);
        }
        let mut next = one.clone();
        next.alternatives[at].usage = Usages::default();
        all.push(next);
    }
    all.push(Participant { optional: false, ..one.clone() });
    all.push(Participant { driver: None, ..one.clone() });
    all.push(Participant { usage: Usages::default(), ..one.clone() });
    all.retain(|next| next != one);
    all
}

/// The facts with one gone, or one of them smaller.
fn lists(facts: &[Fact]) -> Vec<Vec<Fact>> {
    let mut all = without_one(facts);
    for (at, fact) in facts.iter().enumerate() {
        for constraint in constraints(&fact.constraint) {
            let mut next = facts.to_vec();
            next[at].constraint = constraint;
            all.push(next);
        }
    }
    all
}

fn constraints(constraint: &Constraint) -> Vec<Constraint> {
    let shorter = |names: &[heapq_constraints::Name]| {
        without_one(names).into_iter().filter(|names| !names.is_empty())
    };
    match constraint {
        Constraint::Heaps(names) => shorter(names).map(Constraint::Heaps).collect(),
        Constraint::Link(names) => shorter(names).map(Constraint::Link).collect(),
        Constraint::Avoid(names) => shorter(names).map(Constraint::Avoid).collect(),
        Constraint::Prefer(names) => shorter(names).map(Constraint::Prefer).collect(),
        Constraint::Format(entries) => {
            let mut all = without_one(entries);
            all.retain(|entries| !entries.is_empty());
            for (at, entry) in entries.iter().enumerate() {
                for entry in formats(entry) {
                    let mut next = entries.clone();
                    next[at] = entry;
                    all.push(next);
                }
            }
            all.into_iter().map(Constraint::Format).collect()
        }
        _ => Vec::new(),
    }
}

fn formats(entry: &FormatEntry) -> Vec<FormatEntry> {
    let mut all = vec![entry.clone(); 12];
    all[0].min_extent = None;
    // A tall block needs the maximum.
    all[1].max_extent = entry.block.and(entry.max_extent);
    all[2].must_fit.pop();
    all[3].extent_alignment = None;
    all[4].min_stride = None;
    all[5].max_stride = None;
    all[6].stride_alignment = None;
    all[7].whole_pixel_rows = false;
    all[8].block = None;
    all[9].offset_alignment = None;
    all[10].apart.pop();
    all[11].plane.pop_last();
    let bare = entry.plane.is_empty() && entry.apart.is_empty();
    all.push(FormatEntry { planes: if bare { None } else { entry.planes }, ..entry.clone() });
    for modifiers in without_one(&entry.modifiers) {
        if !modifiers.is_empty() {
            all.push(FormatEntry { modifiers, ..entry.clone() });
        }
    }
    all.retain(|next| next != entry);
    all
}

fn heaps(heap: &Heap) -> Vec<Heap> {
    let plain = Heap::new(heap.name.clone());
    let mut all = vec![heap.clone(); 16];
    all[0].aliases.clear();
    all[1].roles.clear();
    all[2].contiguous = plain.contiguous;
    all[3].address_bits = plain.address_bits;
    all[4].address_window = None;
    all[5].alignment = plain.alignment;
    all[6].access = plain.access;
    all[7].cached = plain.cached;
    all[8].protected = plain.protected;
    all[9].bank = None;
    all[10].max_size = None;
    all[11].capacity = None;
    all[12].present = true;
    all[13].permitted = true;
    all[14].reserved_for.clear();
    all[15].weight = 0;
    all.retain(|next| next != heap);
    all
}
