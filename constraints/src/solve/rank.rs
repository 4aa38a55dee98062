//! The order of heaps that satisfy everybody.

use super::model::Model;
use crate::Constraint;
use crate::bits::HeapBits;
use crate::heap::Heap;
use crate::kind::address;
use crate::question::Usage;
use std::cmp::Reverse;

/// What is in: participants with their chosen tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast<'c> {
    /// Left out.
    pub(crate) out: &'c [usize],
    /// By participant.
    pub(crate) tables: &'c [Option<usize>],
}

impl Cast<'_> {
    /// The participants that are in, with the table of each.
    pub(crate) fn parts(&self, model: &Model) -> impl Iterator<Item = (usize, Option<usize>)> {
        let all = 0..model.parts.len();
        all.filter(|part| !self.out.contains(part)).map(|part| (part, self.tables[part]))
    }
}

/// The heaps of `among`, best first: largest weight, cached where the CPU reads, least scarce, most wished
/// for, by name. Where a device is unknown the scarcest comes first of all: it is the best guess.
pub(crate) fn order(model: &Model, cast: Cast, unknown: bool, among: HeapBits) -> Vec<usize> {
    let heaps = model.set.heaps();
    let read = cast
        .parts(model)
        .any(|(part, table)| model.parts[part].usage(table).contains(Usage::CpuRead));
    let points = points(model, cast);
    let mut order: Vec<usize> = among.iter().collect();
    order.sort_by_key(|index| {
        let heap = &heaps[*index];
        let scarcity = scarcity(heap);
        (
            unknown.then_some(Reverse(scarcity)),
            Reverse(heap.weight),
            read && !heap.cached,
            scarcity,
            Reverse(points.get(*index).copied()),
            // Heaps are kept by name.
            *index,
        )
    });
    order
}

type Scarcity = (bool, bool, Reverse<u8>, Option<Reverse<u64>>, bool);

/// Larger is scarcer.
fn scarcity(heap: &Heap) -> Scarcity {
    (
        heap.protected,
        heap.contiguous,
        Reverse(heap.address_bits),
        heap.address_window.as_ref().map(|window| Reverse(address::bytes(window))),
        !heap.cached,
    )
}

/// For each `prefer` list of n names, n points for its first down to 1 for its last; by heap, and
/// nothing where there is no such list.
fn points(model: &Model, cast: Cast) -> Vec<usize> {
    let mut points = Vec::new();
    for (part, table) in cast.parts(model) {
        for fact in model.parts[part].facts(table) {
            let Constraint::Prefer(names) = &fact.constraint else { continue };
            points.resize(model.set.heaps().len(), 0);
            let mut counted = HeapBits::EMPTY;
            for (place, name) in names.iter().enumerate() {
                // A heap that a list names twice, by an alias, is wished for once.
                let heap = model.set.graph().heap(name).filter(|heap| !counted.contains(*heap));
                if let Some(heap) = heap {
                    counted.insert(heap);
                    points[heap] += names.len() - place;
                }
            }
        }
    }
    points
}
