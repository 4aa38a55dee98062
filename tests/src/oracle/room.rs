//! Heaps that lack nothing but room.

use super::generate::Instance;
use super::search::first;
use std::collections::BTreeSet;

/// A heap, which of its bounds, that bound, and the frames and bytes of each that it would hold.
pub type Small = (String, &'static str, u128, u128, u128);

/// Each heap once as if it had no bounds, with those in who are required.
#[must_use]
pub fn too_small(instance: &Instance) -> BTreeSet<Small> {
    let mut question = instance.question.clone();
    question.participants.retain(|one| !one.optional);
    let mut found = BTreeSet::new();
    for (index, heap) in instance.heaps.iter().enumerate() {
        let mut roomy = instance.clone();
        (roomy.heaps[index].max_size, roomy.heaps[index].capacity) = (None, None);
        let Some(plan) = first(&roomy.world(), &question, &mut BTreeSet::new()) else { continue };
        let name = heap.name.to_string();
        let placed = plan.candidates[0].0.iter().zip(&plan.buffers);
        let here = placed.filter(|(at, _)| **at == name).map(|(_, (_, allocation))| *allocation);
        let here: Vec<u128> = here.collect();
        let mut bound = |key, bound: Option<u64>, count: u128, bytes: u128| {
            let bound = bound.map(u128::from).filter(|most| count * bytes > *most);
            found.extend(bound.map(|bound| (name.clone(), key, bound, count, bytes)));
        };
        bound("capacity", heap.capacity, plan.count, here.iter().sum());
        bound("max-size", heap.max_size, 1, here.iter().copied().max().unwrap_or(0));
    }
    found
}
