//! Whether the rules speak of a question at all: figures and lists that no reader lets through can
//! still come from code that builds facts by hand.

use crate::fact::{AccessSet, FormatEntry};
use crate::{Constraint, Heap, Question};

pub(super) fn question(question: &Question) -> bool {
    question.participants.iter().all(|who| {
        let inside = who.alternatives.iter().flat_map(|table| &table.facts);
        who.facts.iter().chain(inside).all(|fact| constraint(&fact.constraint))
    })
}

pub(super) fn heap(heap: &Heap) -> bool {
    let windows = heap.address_window.as_ref();
    heap.alignment > 0
        && (1..=64).contains(&heap.address_bits)
        && modes(heap.access)
        && windows.is_none_or(|windows| !windows.intervals().is_empty())
}

fn modes(modes: AccessSet) -> bool {
    modes.coherent || modes.sync || modes.none
}

fn constraint(constraint: &Constraint) -> bool {
    match constraint {
        Constraint::Heaps(names) | Constraint::Attribute(_, names) => !names.is_empty(),
        Constraint::AddressBits(bits) => (1..=64).contains(bits),
        Constraint::AddressWindow(windows) => !windows.intervals().is_empty(),
        Constraint::BaseAlignment(bytes) => *bytes > 0,
        Constraint::Access(set) => modes(*set),
        Constraint::MaxCount(count) => *count > 0,
        Constraint::Format(entries) => !entries.is_empty() && entries.iter().all(entry),
        _ => true,
    }
}

fn entry(entry: &FormatEntry) -> bool {
    let sides = |pair: Option<[u32; 2]>| pair.is_none_or(|[w, h]| w > 0 && h > 0);
    let powers = |pair: Option<[u32; 2]>| {
        pair.is_none_or(|[w, h]| w.is_power_of_two() && h.is_power_of_two())
    };
    let positive = |number: Option<u32>| number != Some(0);
    let joint = entry.planes != Some(crate::fact::Planes::Separate);
    !entry.modifiers.is_empty()
        && sides(entry.min_extent)
        && sides(entry.max_extent)
        && entry.must_fit.iter().all(|extent| sides(Some(*extent)))
        && powers(entry.extent_alignment)
        && powers(entry.block)
        && positive(entry.stride_alignment)
        && positive(entry.offset_alignment)
        && (!joint || entry.plane.is_empty())
        && entry.plane.values().flatten().all(constraint)
}
