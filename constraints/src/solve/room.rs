//! Heaps that lack nothing but room: whom they would serve, had they no bounds of their own, and
//! what they would have to hold.

use super::model::Model;
use super::search::{Decision, Found, STEPS, Strictness, Work};
use super::shape::{Terms, settle};
use super::{everybody, plan};
use crate::answer::TooSmall;
use crate::heap_words::Key;
use std::borrow::Cow;

/// The heaps that would serve all who are required if they had no bounds of their own, by name. Each
/// is solved for by itself, the others as they are. Where the work runs out nothing more is said.
pub(crate) fn too_small(model: &Model, terms: Terms) -> Vec<TooSmall> {
    let pairs = model.formats.pairs(&model.binding_lists());
    let strict = Strictness { sized: true, pinned: true };
    let mut space = everybody(model, terms, &pairs, strict);
    space.decisions.retain(|decision| match decision {
        Decision::Join(_) => false,
        Decision::Choose(part) | Decision::Name(part) => !model.parts[*part].stated.optional,
    });
    let Some(settled) = settle(model.set, &terms, &space.base) else { return Vec::new() };
    let limited = settled.heaps.and(model.set.traits().limited);
    let sets: Vec<_> = limited.iter().map(|heap| (heap, model.set.unbounded(heap))).collect();
    let mut work = Work(STEPS);
    let mut small = Vec::new();
    // No sum that a model holds depends on a heap's bounds.
    let mut roomy = Model::new(model.set, model.question);
    for (heap, set) in &sets {
        roomy.set = set;
        match space.best(&roomy, &mut work) {
            Ok(Some(found)) => small.extend(bounds(model, &roomy, found, *heap)),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    small
}

/// The bounds of `heap` that are below what the best placement has there. Every placement has more
/// there than `heap` holds, as without it nothing serves.
fn bounds(model: &Model, roomy: &Model, mut found: Found, heap: usize) -> Vec<TooSmall> {
    let parts = roomy.parts.iter().enumerate();
    found.left_out = parts.filter(|(_, part)| part.stated.optional).map(|(at, _)| at).collect();
    let placed = plan::best_placement(roomy, &found).unwrap_or_default();
    let here = placed.iter().zip(&found.shape.buffers).filter(|(other, _)| **other == heap);
    let bytes: Vec<u64> = here.map(|(_, buffer)| buffer.allocation_size).collect();
    let (frame, largest) = (bytes.iter().sum(), bytes.iter().copied().max().unwrap_or(0));
    let stated = &model.set.heaps()[heap];
    let over = |key: Key, bound: Option<u64>, count: u32, bytes: u64| {
        let bound = bound.filter(|most| u128::from(bytes) * u128::from(count) > (*most).into())?;
        let (_, origin) = model.set.has(heap, key).clone();
        let (heap, key) = (stated.name.clone(), Cow::Borrowed(key.name()));
        Some(TooSmall { heap, key, bound, origin, count, bytes })
    };
    let capacity = over(Key::CAPACITY, stated.capacity, found.shape.count, frame);
    capacity.into_iter().chain(over(Key::MAX_SIZE, stated.max_size, 1, largest)).collect()
}
