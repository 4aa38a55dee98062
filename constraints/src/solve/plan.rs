//! From what the search found to the plan that the answer shows.

use super::formats::Pair;
use super::model::Model;
use super::place;
use super::rank::{self, Cast};
use super::search::Found;
use crate::answer::{Candidate, Plan, SyncPoint};
use crate::bits::HeapBits;
use crate::fact::{Access, Planes};
use crate::heap::Heap;
use crate::layout::LINEAR;
use crate::question::{Usage, Usages};
use crate::{Constraint, Name};

/// The plan, and the heaps that can hold the first buffer.
pub(crate) fn plan(model: &Model, pairs: &[Pair], found: &Found) -> (Plan, HeapBits) {
    let cast = Cast { out: &found.left_out, tables: &found.tables };
    let order = rank::order(model, cast, found.needs.unknown, found.shape.somewhere());
    let (placed, candidates_complete) = place::placements(model.set, &found.shape, &order);
    let serving = placed.iter().filter_map(|heaps| heaps.first().copied()).collect();
    let candidates: Vec<Candidate> =
        placed.iter().filter_map(|heaps| candidate(model, cast, found, heaps)).collect();
    let pair = found.pair.and_then(|pair| pairs.get(pair));
    let fourcc = pair.and_then(|pair| model.formats.fourccs.name(pair.fourcc)).cloned();
    let modifier = pair.and_then(|pair| model.formats.modifiers.name(pair.modifier)).cloned();
    let tiled = modifier.as_deref().is_some_and(|modifier| modifier != LINEAR);
    let buffers = &found.shape.buffers;
    let plan = Plan {
        count: found.shape.count,
        size: buffers.iter().map(|buffer| buffer.size).sum(),
        allocation_size: buffers.iter().map(|buffer| buffer.allocation_size).sum(),
        layout: if found.shape.placing.separate { Planes::Separate } else { Planes::Joint },
        assumed: found.needs.unknown,
        assumed_of: if found.needs.unknown { unknown(model, cast) } else { Vec::new() },
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
        sync_points: candidates.first().map(|best| best.sync_points.clone()).unwrap_or_default(),
        buffers: buffers.clone(),
        planes: found.shape.planes.clone(),
        candidates,
        candidates_complete,
        fourcc,
        modifier,
    };
    (plan, serving)
}

/// Those who are in of whom nothing is known, by name.
fn unknown(model: &Model, cast: Cast) -> Vec<Name> {
    let parts = cast.parts(model).map(|(part, table)| (&model.parts[part], table));
    let says = parts.filter(|(part, table)| {
        part.facts(*table).any(|fact| fact.constraint == Constraint::Unknown(true))
    });
    let mut names: Vec<Name> = says.map(|(part, _)| part.stated.name.clone()).collect();
    names.sort();
    names
}

/// The first heap that a plan would choose.
pub(crate) fn first_heap(model: &Model, found: &Found) -> Option<Name> {
    let heap = *best_placement(model, found)?.first()?;
    Some(model.set.heaps()[heap].name.clone())
}

/// The heaps that a plan would choose, one for each buffer of a frame, by index.
pub(crate) fn best_placement(model: &Model, found: &Found) -> Option<Vec<usize>> {
    let cast = Cast { out: &found.left_out, tables: &found.tables };
    let order = rank::order(model, cast, found.needs.unknown, found.shape.somewhere());
    let (placed, _) = place::placements(model.set, &found.shape, &order);
    placed.into_iter().next()
}

fn candidate(model: &Model, cast: Cast, found: &Found, heaps: &[usize]) -> Option<Candidate> {
    let first = &model.set.heaps()[*heaps.first()?];
    let access = found.needs.touch.best(first)?;
    Some(Candidate {
        heaps: heaps.iter().map(|heap| model.set.heaps()[*heap].name.clone()).collect(),
        access,
        contiguous: first.contiguous,
        protected: first.protected,
        sync_points: sync_points(model, cast, first, access),
    })
}

/// Where caches matter: CPU users, and devices that do not snoop what those have cached. Nothing
/// is due where access is coherent, and nobody touches what cannot be touched. By name, so that
/// the answer does not depend on the order of the question.
fn sync_points(model: &Model, cast: Cast, heap: &Heap, access: Access) -> Vec<SyncPoint> {
    if access != Access::Sync {
        return Vec::new();
    }
    let point = |(part, table): (usize, Option<usize>)| {
        let part = &model.parts[part];
        let usage = part.usage(table);
        let stale = || part.facts(table).any(|f| f.constraint == Constraint::DmaCoherent(false));
        let because = match usage.cpu() {
            true => "cpu",
            false if heap.cached && stale() => "device",
            false => return None,
        };
        let (read, write) = directions(usage);
        let participant = part.stated.name.clone();
        Some(SyncPoint { participant, read, write, because: because.into() })
    };
    let mut points: Vec<SyncPoint> = cast.parts(model).filter_map(point).collect();
    points.sort_by(|a, b| a.participant.cmp(&b.participant));
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
