//! The needs that rule heaps out, by key, spelt once however many heaps they rule out.

use super::eliminate::PlaneNeed;
use super::model::Model;
use super::rank::Cast;
use crate::answer::Need;
use crate::bits::{HeapBits, MAX_HEAPS};
use crate::fact::AccessSet;
use crate::heap::Heap;
use crate::heap_words::Key;
use crate::kind::access::{self, Touch};
use crate::{Constraint, Fact, Name, kind, spell};
use std::cell::OnceCell;
use std::sync::Arc;

/// The needs under one key that each rule heaps out by themselves.
pub(crate) struct Group {
    pub(crate) key: Key,
    /// Heaps that every one of them leaves, and heaps that at least one leaves.
    left_by_all: HeapBits,
    left_by_any: HeapBits,
    needs: Vec<(HeapBits, Need)>,
    /// All the needs, for the many heaps that none of them leaves.
    whole: OnceCell<Arc<[Need]>>,
}

impl Group {
    fn new(key: Key) -> Self {
        let (left_by_all, left_by_any) = (HeapBits::first(MAX_HEAPS), HeapBits::EMPTY);
        Self { key, left_by_all, left_by_any, needs: Vec::new(), whole: OnceCell::new() }
    }

    fn push(&mut self, allowed: HeapBits, need: Need) {
        self.left_by_all = self.left_by_all.and(allowed);
        self.left_by_any = self.left_by_any.or(allowed);
        self.needs.push((allowed, need));
    }

    /// Those that rule `heap` out, if any do.
    pub(crate) fn needs(&self, heap: usize) -> Option<Arc<[Need]>> {
        if self.left_by_all.contains(heap) {
            return None;
        }
        let needs = self.needs.iter();
        if !self.left_by_any.contains(heap) {
            let whole = || needs.map(|(_, need)| need.clone()).collect();
            return Some(Arc::clone(self.whole.get_or_init(whole)));
        }
        let by = needs.filter(|(allowed, _)| !allowed.contains(heap));
        Some(by.map(|(_, need)| need.clone()).collect())
    }
}

/// What everybody who is in states, and what the chosen formats say of plane 0; by the name of the
/// key.
pub(crate) fn groups(model: &Model, cast: Cast, planes: &[PlaneNeed]) -> Vec<Group> {
    let mut groups = Vec::new();
    let all = model.set.traits().all;
    for (part, table) in cast.parts(model) {
        let part = &model.parts[part];
        for fact in part.facts(table) {
            let allowed = kind::allowed(model.set, &fact.constraint);
            if allowed != all {
                let need = need(&part.stated.name, fact);
                group(&mut groups, &fact.constraint).push(allowed, need);
            }
        }
    }
    for (need, (plane, constraint)) in planes {
        if *plane == 0 {
            let allowed = kind::allowed(model.set, constraint);
            group(&mut groups, constraint).push(allowed, need.clone());
        }
    }
    groups.sort_unstable_by_key(|group| group.key.name());
    groups
}

/// The group of a constraint's key: there are only a few.
fn group<'g>(groups: &'g mut Vec<Group>, constraint: &Constraint) -> &'g mut Group {
    let key = Key::of(constraint);
    let place = groups.iter().position(|group| group.key == key).unwrap_or_else(|| {
        groups.push(Group::new(key));
        groups.len() - 1
    });
    &mut groups[place]
}

/// `fact` as it stands in an explanation.
pub(crate) fn need(participant: &Name, fact: &Fact) -> Need {
    Need {
        participant: participant.clone(),
        stated: spell::shared(&fact.constraint),
        origin: fact.origin.clone(),
    }
}

/// `access` and `dma-coherent`, which rule a heap out by what they leave together.
pub(crate) struct Touching {
    sum: Touch,
    access: Vec<(AccessSet, Need)>,
    snooping: Arc<[Need]>,
}

impl Touching {
    /// Of those who are in.
    pub(crate) fn new(model: &Model, cast: Cast) -> Self {
        let (mut sum, mut access, mut snooping) = (Touch::ANY, Vec::new(), Vec::new());
        for (part, table) in cast.parts(model) {
            let part = &model.parts[part];
            for fact in part.facts(table) {
                match fact.constraint {
                    Constraint::Access(modes) => {
                        sum.modes = access::both(sum.modes, modes);
                        access.push((modes, need(&part.stated.name, fact)));
                    }
                    Constraint::DmaCoherent(false) => {
                        sum.snooped = false;
                        snooping.push(need(&part.stated.name, fact));
                    }
                    _ => {}
                }
            }
        }
        Self { sum, access, snooping: snooping.into() }
    }

    /// Those that rule `heap` out by `access`, and those that do by `dma-coherent`.
    pub(crate) fn needs(&self, heap: &Heap) -> [Option<Arc<[Need]>>; 2] {
        let (by_access, by_coherence) = self.sum.reasons(heap);
        let needs = |narrows: &dyn Fn(AccessSet) -> bool| -> Arc<[Need]> {
            let found = self.access.iter().filter(|(modes, _)| narrows(*modes));
            found.map(|(_, need)| need.clone()).collect()
        };
        let by_access = by_access.then(|| {
            let alone = needs(&|modes| access::is_empty(access::both(modes, heap.access)));
            let together = || needs(&|modes| access::both(modes, heap.access) != heap.access);
            if alone.is_empty() { together() } else { alone }
        });
        [by_access, by_coherence.then(|| Arc::clone(&self.snooping))]
    }
}
