//! One heap rule laid over what earlier ones stated.

use heapq_constraints::{Heap, Name};

/// Copies what `rule` states to `heap`.
pub(crate) fn apply(heap: &mut Heap, rule: &Heap) {
    for (key, origin) in &rule.origins {
        copy(heap, rule, key);
        heap.origins.insert(key, origin.clone());
    }
    for alias in &rule.aliases {
        if !heap.bears(alias) {
            heap.aliases.push(Name::clone(alias));
        }
    }
    for role in &rule.roles {
        if !heap.roles.contains(role) {
            heap.roles.push(Name::clone(role));
        }
    }
}

/// Copies one property, where it is one of which the later statement counts.
pub(crate) fn copy(heap: &mut Heap, rule: &Heap, key: &str) {
    match key {
        "contiguous" => heap.contiguous = rule.contiguous,
        "address-bits" => heap.address_bits = rule.address_bits,
        "address-window" => heap.address_window.clone_from(&rule.address_window),
        "alignment" => heap.alignment = rule.alignment,
        "access" => heap.access = rule.access,
        "cached" => heap.cached = rule.cached,
        "protected" => heap.protected = rule.protected,
        "bank" => heap.bank.clone_from(&rule.bank),
        "max-size" => heap.max_size = rule.max_size,
        "capacity" => heap.capacity = rule.capacity,
        "reserved-for" => heap.reserved_for.clone_from(&rule.reserved_for),
        "weight" => heap.weight = rule.weight,
        // Names and roles add up; presence and permission are no policy's to state.
        _ => {}
    }
}
