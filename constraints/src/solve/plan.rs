//! From what the search found to the plan that the answer shows.

use super::formats::Pair;
use super::model::Model;
use super::place;
use super::rank::{self, Cast};
use super::search::Found;
use crate::answer::{Candidate, Plan, SyncPoint};
use crate::bits::HeapBits;
use crate::fact::{Access, Planes};
use crate::layout::LINEAR;
use crate::question::{Usage, Usages};
use crate::{Constraint, Name};

/// The plan, and the heaps that can hold the first buffer.
pub(crate) fn plan(model: &Model, pairs: &[Pair], found: &Found) -> (Plan, HeapBits) {
    let cast = Cast { out: &found.left_out, tables: &found.tables };
    let order = rank::order(model, cast, found.needs.unknown);
    let (placed, candidates_complete) = place::placements(model.set, &found.shape, &order);
    let serving = placed.iter().filter_map(|heaps| heaps.first().copied()).collect();
    let candidates: Vec<Candidate> =
        placed.iter().filter_map(|heaps| candidate(model, found, heaps)).collect();
    let pair = found.pair.and_then(|pair| pairs.get(pair));
    let fourcc = pair.and_then(|pair| model.formats.fourccs.name(pair.fourcc?)).cloned();
    let modifier = pair.and_then(|pair| model.formats.modifiers.name(pair.modifier?)).cloned();
    let tiled = modifier.as_deref().is_some_and(|modifier| modifier != LINEAR);
    let access = candidates.first().map(|best| best.access);
    let buffers = &found.shape.buffers;
    let plan = Plan {
        count: found.shape.count,
        size: buffers.iter().map(|buffer| buffer.size).sum(),
        allocation_size: buffers.iter().map(|buffer| buffer.allocation_size).sum(),
        layout: if found.shape.placing.separate { Planes::Separate } else { Planes::Joint },
        assumed: found.needs.unknown,
        size_assumed: tiled && found.needs.sizes.least == 0,
        left_out: found
            .left_out
            .iter()
            .map(|part| model.parts[*part].stated.name.clone())
            .collect(),
        chosen_alternatives: found
            .tables
            .iter()
            .zip(&model.parts)
            .filter_map(|(table, part)| {
                Some((part.stated.name.clone(), u32::try_from((*table)?).ok()?))
            })
            .collect(),
        attributes: found.needs.attributes.agreed(),
        sync_points: access.map_or_else(Vec::new, |access| sync_points(model, cast, access)),
        buffers: buffers.clone(),
        planes: found.shape.planes.clone(),
        candidates,
        candidates_complete,
        fourcc,
        modifier,
    };
    (plan, serving)
}

/// The first heap that a plan would choose.
pub(crate) fn first_heap(model: &Model, found: &Found) -> Option<Name> {
    let cast = Cast { out: &found.left_out, tables: &found.tables };
    let order = rank::order(model, cast, found.needs.unknown);
    let (placed, _) = place::placements(model.set, &found.shape, &order);
    let heap = placed.first()?.first()?;
    Some(model.set.heaps()[*heap].name.clone())
}

fn candidate(model: &Model, found: &Found, heaps: &[usize]) -> Option<Candidate> {
    let first = &model.set.heaps()[*heaps.first()?];
    Some(Candidate {
        heaps: heaps.iter().map(|heap| model.set.heaps()[*heap].name.clone()).collect(),
        access: found.needs.touch.best(first)?,
        contiguous: first.contiguous,
        protected: first.protected,
    })
}

/// Where caches matter: CPU users, and devices that do not snoop what those have cached. Nothing
/// is due where access is coherent, and nobody touches what cannot be touched.
fn sync_points(model: &Model, cast: Cast, access: Access) -> Vec<SyncPoint> {
    if access != Access::Sync {
        return Vec::new();
    }
    let mut points = Vec::new();
    for (part, table) in cast.parts(model) {
        let part = &model.parts[part];
        let usage = part.usage(table);
        let snoops = part.facts(table).all(|f| f.constraint != Constraint::DmaCoherent(false));
        let because = if usage.cpu() { "cpu" } else { "device" };
        if usage.cpu() || !snoops {
            let (read, write) = directions(usage);
            let participant = part.stated.name.clone();
            points.push(SyncPoint { participant, read, write, because: because.into() });
        }
    }
    points
}

/// Whether these usages read a buffer, and whether they write it; both for one that says nothing.
fn directions(usage: Usages) -> (bool, bool) {
    let reads = |usage| !matches!(usage, Usage::Capture | Usage::Decode | Usage::CpuWrite);
    let writes = |usage| {
        matches!(
            usage,
            Usage::Capture | Usage::Decode | Usage::Process | Usage::Render | Usage::CpuWrite
        )
    };
    match usage.iter().next() {
        None => (true, true),
        Some(_) => (usage.iter().any(reads), usage.iter().any(writes)),
    }
}
