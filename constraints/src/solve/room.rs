//! Heaps that lack nothing but room: whom they would serve, had they no bounds of their own, and
//! what they would have to hold.

use super::everybody;
use super::model::Model;
use super::place;
use super::rank::{self, Cast};
use super::search::{Decision, Found, STEPS, Strictness, Work};
use super::shape::{Terms, settle};
use crate::answer::TooSmall;
use crate::heap_words::Key;
use std::borrow::Cow;

/// The heaps that would serve all who are required if they had no bounds of their own, by name. Each
/// is solved for by itself, the others as they are. Where the work runs out nothing more is said.
pub(crate) fn too_small(model: &Model, terms: Terms) -> Vec<TooSmall> {
    let binding = model.binding_lists();
    let pairs = model.formats.pairs(&binding);
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
    found.left_out =
        (0..roomy.parts.len()).filter(|part| roomy.parts[*part].stated.optional).collect();
    let cast = Cast { out: &found.left_out, tables: &found.tables };
    let order = rank::order(roomy, cast, found.needs.unknown, found.shape.somewhere());
    let (placed, _) = place::placements(roomy.set, &found.shape, &order);
    let heaps = placed.first().into_iter().flatten();
    let here = heaps.zip(&found.shape.buffers).filter(|(other, _)| **other == heap);
    let bytes: Vec<u64> = here.map(|(_, buffer)| buffer.allocation_size).collect();
    let (frame, largest) = (bytes.iter().sum(), bytes.iter().copied().max().unwrap_or(0));
    let stated = &model.set.heaps()[heap];
    let bound = |key: Key, bound: Option<u64>, count: u32, bytes: u64| {
        let bound = bound.filter(|most| u128::from(bytes) * u128::from(count) > (*most).into())?;
        let (heap, key, origin) =
            (stated.name.clone(), Cow::Borrowed(key.name()), model.set.has(heap, key).1.clone());
        Some(TooSmall { heap, key, bound, origin, count, bytes })
    };
    let capacity = bound(Key::CAPACITY, stated.capacity, found.shape.count, frame);
    capacity.into_iter().chain(bound(Key::MAX_SIZE, stated.max_size, 1, largest)).collect()
}
