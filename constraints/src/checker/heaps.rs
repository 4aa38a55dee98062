//! Which heap serves, by the plain meaning of each key.

use super::Asked;
use super::cast::{Cast, Member};
use crate::fact::{AccessSet, Protection};
use crate::heap::Heap;
use crate::{Constraint, Name};
use std::collections::BTreeSet;

/// Keys that rule a heap out.
pub(super) type Keys = BTreeSet<&'static str>;

/// Intervals of addresses; the second is not included. Wide enough for 2^64.
pub(super) type Places = Vec<(u128, u128)>;

/// Where the buffers of `heap` may lie.
pub(super) fn places(heap: &Heap) -> Places {
    let reach = 1_u128 << heap.address_bits.min(64);
    let Some(window) = &heap.address_window else { return vec![(0, reach)] };
    let ends = window.intervals().iter().map(|(first, end)| (u128::from(*first), u128::from(*end)));
    ends.map(|(first, end)| (first, end.min(reach))).filter(|(first, end)| first < end).collect()
}

/// Whether all of `inner` lies in `outer`, which has no touching intervals.
pub(super) fn within(inner: &Places, outer: &Places) -> bool {
    let held = |(first, end): &(u128, u128)| outer.iter().any(|(a, b)| a <= first && end <= b);
    inner.iter().all(held)
}

impl Asked<'_> {
    /// What rules `heap` out for `plane` by itself, sizes aside; empty: it serves.
    pub(super) fn ruled_out(&self, heap: &Heap, cast: &Cast, plane: Option<u8>) -> Keys {
        let state = [
            (!heap.present, "absent"),
            (!heap.permitted, "not-permitted"),
            (cast.members.iter().any(|member| !kept_for(heap, member)), "reserved"),
        ];
        if let Some((_, key)) = state.into_iter().find(|(out, _)| *out) {
            return Keys::from([key]);
        }
        let facts = cast.facts().chain(cast.plane_facts(plane));
        let excluding = facts.filter(|constraint| self.excludes(heap, constraint));
        let mut keys: Keys = excluding.map(Constraint::kind).collect();
        keys.extend(access(heap, cast));
        keys.extend(cast.protection().any(|mind| !minds(heap, mind)).then_some("protected"));
        keys
    }

    fn excludes(&self, heap: &Heap, constraint: &Constraint) -> bool {
        let bears = |name: &Name| heap.bears(name);
        match constraint {
            Constraint::Link(links) => !links.iter().any(|link| self.links.serves(heap, link)),
            Constraint::Heaps(names) => {
                !names.iter().any(|name| bears(name) || heap.roles.contains(name))
            }
            Constraint::Avoid(names) => names.iter().any(bears),
            Constraint::Contiguous(needed) => *needed && !heap.contiguous,
            Constraint::AddressBits(bits) => {
                !within(&places(heap), &vec![(0, 1_u128 << (*bits).min(64))])
            }
            Constraint::AddressWindow(windows) => {
                let reached = windows.intervals().iter();
                let reached = reached.map(|(first, end)| (u128::from(*first), u128::from(*end)));
                !within(&places(heap), &reached.collect())
            }
            Constraint::BaseAlignment(bytes) => {
                heap.alignment.checked_rem(*bytes).is_some_and(|rest| rest != 0)
            }
            _ => false,
        }
    }
}

fn kept_for(heap: &Heap, member: &Member) -> bool {
    let listed = |word: &str| heap.reserved_for.iter().any(|name| &**name == word);
    heap.reserved_for.is_empty()
        || member.usage().iter().any(|usage| listed(usage.word()))
        || member.drivers().any(|driver| listed(driver))
}

fn minds(heap: &Heap, mind: Protection) -> bool {
    match mind {
        Protection::Required => heap.protected,
        Protection::Accepted => true,
        Protection::Refused => !heap.protected,
    }
}

pub(super) fn both(a: AccessSet, b: AccessSet) -> AccessSet {
    AccessSet { coherent: a.coherent && b.coherent, sync: a.sync && b.sync, none: a.none && b.none }
}

fn nothing(modes: AccessSet) -> bool {
    !(modes.coherent || modes.sync || modes.none)
}

/// What is left of the modes of `heap` once somebody in does not snoop.
fn snooped(heap: &Heap, cast: &Cast) -> AccessSet {
    let incoherent = cast.facts().any(|fact| *fact == Constraint::DmaCoherent(false));
    let coherent = heap.access.coherent && !(heap.cached && incoherent);
    AccessSet { coherent, ..heap.access }
}

/// The modes that everybody can do with on `heap`.
pub(super) fn modes(heap: &Heap, cast: &Cast) -> AccessSet {
    both(snooped(heap, cast), cast.access())
}

fn access(heap: &Heap, cast: &Cast) -> Keys {
    let (all, left) = (cast.access(), snooped(heap, cast));
    let mut keys = Keys::new();
    let some_before = !nothing(both(heap.access, all));
    if !some_before {
        keys.insert("access");
    }
    // It takes `coherent` away: from the heap's modes altogether, or from those that are asked.
    if left != heap.access && (nothing(left) || (some_before && nothing(both(left, all)))) {
        keys.insert("dma-coherent");
    }
    keys
}
