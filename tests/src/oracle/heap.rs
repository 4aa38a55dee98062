//! What a heap's buffers must be: each constraint by its plain definition.

use super::address;
use super::needs::modes;
use super::world::World;
use heapq_constraints::fact::{Access, AccessSet, Protection};
use heapq_constraints::{Constraint, Heap};
use std::collections::BTreeSet;

/// The modes in which the CPU may touch a buffer of `heap`; participants' lists not counted.
fn own_modes(heap: &Heap, coherent: bool) -> AccessSet {
    let mut modes = heap.access;
    modes.coherent &= coherent || !heap.cached;
    modes
}

fn common(needs: &[&Constraint], with: AccessSet) -> AccessSet {
    let lists = modes(needs.iter().copied()).unwrap_or(AccessSet::ALL);
    super::needs::both(lists, with)
}

fn empty(set: AccessSet) -> bool {
    !(set.coherent || set.sync || set.none)
}

/// Whether all participants snoop.
fn coherent(needs: &[&Constraint]) -> bool {
    !needs.contains(&&Constraint::DmaCoherent(false))
}

/// The best mode that everybody can do with on `heap`.
pub(super) fn access(heap: &Heap, needs: &[&Constraint]) -> Option<Access> {
    let modes = common(needs, own_modes(heap, coherent(needs)));
    let best = [
        (modes.coherent, Access::Coherent),
        (modes.sync, Access::Sync),
        (modes.none, Access::None),
    ];
    best.into_iter().find(|(is, _)| *is).map(|(_, mode)| mode)
}

/// Every key among `needs` that rules out heap `index`; none when it serves.
pub(super) fn ruled_out(
    world: &World,
    index: usize,
    needs: &[&Constraint],
) -> BTreeSet<&'static str> {
    let heap = &world.heaps[index];
    let mut keys: BTreeSet<&'static str> =
        needs.iter().filter(|need| !meets(world, index, need)).map(|need| need.kind()).collect();
    // Lists of modes are intersected before they meet the heap's.
    let lists_alone = empty(common(needs, heap.access));
    if lists_alone {
        keys.insert("access");
    }
    let snooping = own_modes(heap, coherent(needs));
    if empty(snooping) || (!lists_alone && empty(common(needs, snooping))) {
        keys.insert("dma-coherent");
    }
    keys
}

/// Whether the heap meets one need. Modes of access are judged together, elsewhere.
fn meets(world: &World, index: usize, need: &Constraint) -> bool {
    let heap = &world.heaps[index];
    match need {
        Constraint::Link(names) => world.takes(names, index),
        Constraint::Heaps(names) => world.permits(names, index),
        Constraint::Avoid(names) => !names.iter().any(|name| heap.bears(name)),
        Constraint::Contiguous(needed) => heap.contiguous || !needed,
        Constraint::AddressBits(bits) => address::below(heap, *bits),
        Constraint::AddressWindow(window) => address::inside(heap, window),
        Constraint::BaseAlignment(bytes) => heap.alignment.is_multiple_of(*bytes),
        Constraint::Protected(Protection::Required) => heap.protected,
        Constraint::Protected(Protection::Refused) => !heap.protected,
        _ => true,
    }
}
