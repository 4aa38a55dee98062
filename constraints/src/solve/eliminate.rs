//! The table of heaps that do not serve: for each every constraint that rules it out by itself,
//! with those who need it and who says so.

use super::formats::{Active, Pair};
use super::model::Model;
use super::rank::Cast;
use super::shape::Shape;
use crate::answer::{Elimination, Need, Reason};
use crate::bits::HeapBits;
use crate::heap::Heap;
use crate::kind::access::{self, Touch};
use crate::question::Usage;
use crate::{Constraint, Fact, Name, Origin, kind, spell};
use std::collections::BTreeMap;

/// The figures and the format under which heaps were tried; none in a conflict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'c> {
    pub(crate) pair: Option<&'c Pair>,
    pub(crate) active: &'c [Active],
    pub(crate) shape: &'c Shape,
}

/// One need that rules heaps out by itself.
struct Filter {
    key: &'static str,
    allowed: HeapBits,
    need: Need,
}

/// Every heap outside `serving` with its reasons, and every name that no heap bears; by name.
pub(crate) fn table(
    model: &Model,
    cast: Cast,
    chosen: Option<Chosen>,
    serving: HeapBits,
) -> Vec<Elimination> {
    let mut filters = filters(model, cast);
    filters.extend(chosen.iter().flat_map(|chosen| plane_filters(model, chosen)));
    let heaps = model.set.heaps().iter().enumerate();
    let mut table: Vec<Elimination> = heaps
        .filter(|(index, _)| !serving.contains(*index))
        .map(|(index, heap)| Elimination {
            heap: heap.name.clone(),
            reasons: reasons(model, cast, chosen, &filters, index),
        })
        .filter(|row| !row.reasons.is_empty())
        .collect();
    table.extend(absent_names(model, cast, chosen));
    table.sort_by(|a, b| a.heap.cmp(&b.heap));
    table
}

fn filters(model: &Model, cast: Cast) -> Vec<Filter> {
    let all = model.set.traits().all;
    let mut filters = Vec::new();
    for (part, table) in cast.parts(model) {
        let part = &model.parts[part];
        for fact in part.facts(table) {
            let allowed = kind::allowed(model.set, &fact.constraint);
            if allowed != all {
                let need = need(&part.stated.name, fact);
                filters.push(Filter { key: fact.constraint.kind(), allowed, need });
            }
        }
    }
    filters
}

/// What the entries that were chosen say of plane 0.
fn plane_filters(model: &Model, chosen: &Chosen) -> Vec<Filter> {
    let of_first = |(need, (plane, constraint)): (Need, (u8, &Constraint))| {
        let allowed = kind::allowed(model.set, constraint);
        (plane == 0).then(|| Filter { key: constraint.kind(), allowed, need })
    };
    plane_needs(model, chosen).into_iter().filter_map(of_first).collect()
}

/// What the entries that were chosen say of single planes.
fn plane_needs<'m>(model: &'m Model, chosen: &Chosen) -> Vec<(Need, (u8, &'m Constraint))> {
    let mut needs = Vec::new();
    for one in chosen.active {
        let list = &model.formats.lists[one.list];
        let Some(cover) = chosen.pair.and_then(|pair| pair.covers[one.list]) else { continue };
        let participant = &model.parts[list.part].stated.name;
        for (plane, constraints) in &list.entries[cover.entry].stated.plane {
            for constraint in constraints {
                let need = Need {
                    participant: participant.clone(),
                    stated: format!("format.plane.{plane}.{}", spell::constraint(constraint)),
                    origin: format_origin(model, one.list),
                };
                needs.push((need, (*plane, constraint)));
            }
        }
    }
    needs
}

/// Who states a format list.
pub(crate) fn format_origin(model: &Model, list: usize) -> Origin {
    let part = &model.parts[model.formats.lists[list].part];
    let tables = std::iter::once(&part.base).chain(&part.tables);
    let mut stated = tables.flat_map(|table| {
        let formats = table.facts.iter().filter(|f| matches!(f.constraint, Constraint::Format(_)));
        table.lists.iter().zip(formats)
    });
    stated
        .find(|(index, _)| **index == list)
        .map_or(Origin::Default, |(_, fact)| fact.origin.clone())
}

pub(crate) fn need(participant: &Name, fact: &Fact) -> Need {
    Need {
        participant: participant.clone(),
        stated: spell::constraint(&fact.constraint),
        origin: fact.origin.clone(),
    }
}

fn reasons(
    model: &Model,
    cast: Cast,
    chosen: Option<Chosen>,
    filters: &[Filter],
    index: usize,
) -> Vec<Reason> {
    let heap = &model.set.heaps()[index];
    if let Some(reason) = unavailable(model, cast, index) {
        return vec![reason];
    }
    let mut by_key: BTreeMap<&str, Vec<Need>> = BTreeMap::new();
    for filter in filters.iter().filter(|filter| !filter.allowed.contains(index)) {
        by_key.entry(filter.key).or_default().push(filter.need.clone());
    }
    by_key.extend(touch_reasons(model, cast, heap));
    let mut reasons: Vec<Reason> =
        by_key.into_iter().map(|(key, needs)| reason(heap, key, needs)).collect();
    reasons.extend(chosen.iter().flat_map(|chosen| size_reasons(heap, chosen.shape)));
    reasons
}

/// Absent, not permitted or reserved: each is the only reason given.
fn unavailable(model: &Model, cast: Cast, index: usize) -> Option<Reason> {
    let heap = &model.set.heaps()[index];
    if !heap.present {
        return Some(reason(heap, "absent", Vec::new()));
    }
    if !heap.permitted {
        return Some(reason(heap, "not-permitted", Vec::new()));
    }
    let shut_out = |(part, table): (usize, Option<usize>)| {
        let part = &model.parts[part];
        let usage: Vec<&str> = part.usage(table).iter().map(Usage::word).collect();
        let table = table.and_then(|table| part.tables.get(table));
        let unreserved = table.unwrap_or(&part.base).needs.unreserved;
        let driver = part.stated.driver.as_ref().map(|driver| format!(", driver = \"{driver}\""));
        (!unreserved.contains(index)).then(|| Need {
            participant: part.stated.name.clone(),
            stated: format!("usage = {usage:?}{}", driver.unwrap_or_default()),
            origin: Origin::Client,
        })
    };
    let needs: Vec<Need> = cast.parts(model).filter_map(shut_out).collect();
    (!needs.is_empty()).then(|| reason(heap, "reserved", needs))
}

/// `access` and `dma-coherent`, which rule a heap out by what they leave together.
fn touch_reasons(model: &Model, cast: Cast, heap: &Heap) -> Vec<(&'static str, Vec<Need>)> {
    let facts = || {
        cast.parts(model).flat_map(|(part, table)| {
            let part = &model.parts[part];
            part.facts(table).map(move |fact| (&part.stated.name, fact))
        })
    };
    let mut touch = Touch::ANY;
    for (_, fact) in facts() {
        match &fact.constraint {
            Constraint::Access(modes) => touch.modes = access::both(touch.modes, *modes),
            Constraint::DmaCoherent(snoops) => touch.snooped &= snoops,
            _ => {}
        }
    }
    let needs = |narrows: &dyn Fn(&Constraint) -> bool| -> Vec<Need> {
        let found = facts().filter(|(_, fact)| narrows(&fact.constraint));
        found.map(|(name, fact)| need(name, fact)).collect()
    };
    let mut found = Vec::new();
    let (by_access, by_coherence) = touch.reasons(heap);
    if by_access {
        let leaves = |one: &Constraint, nothing: bool| match one {
            Constraint::Access(modes) => {
                let left = access::both(*modes, heap.access);
                if nothing { access::is_empty(left) } else { left != heap.access }
            }
            _ => false,
        };
        let alone = needs(&|one| leaves(one, true));
        let together = || needs(&|one| leaves(one, false));
        found.push(("access", if alone.is_empty() { together() } else { alone }));
    }
    if by_coherence {
        found.push(("dma-coherent", needs(&|one| *one == Constraint::DmaCoherent(false))));
    }
    found
}

/// The heap's own bounds against the first buffer.
fn size_reasons(heap: &Heap, shape: &Shape) -> Vec<Reason> {
    let Some(buffer) = shape.buffers.first() else { return Vec::new() };
    let all = u128::from(buffer.allocation_size) * u128::from(shape.count);
    let mut found = Vec::new();
    if heap.max_size.is_some_and(|most| buffer.allocation_size > most) {
        let asked = format!("allocation-size = {}", buffer.allocation_size);
        found.push(Reason { asked, ..reason(heap, "max-size", Vec::new()) });
    }
    if heap.capacity.is_some_and(|most| all > most.into()) {
        let asked = format!("{} × {} = {all}", shape.count, buffer.allocation_size);
        found.push(Reason { asked, ..reason(heap, "capacity", Vec::new()) });
    }
    found
}

fn reason(heap: &Heap, key: &str, needs: Vec<Need>) -> Reason {
    Reason {
        key: key.to_owned(),
        needs,
        heap_has: spell::heap_has(heap, key),
        heap_origin: heap
            .origins
            .get(spell::heap_key(heap, key))
            .cloned()
            .unwrap_or(Origin::Default),
        asked: String::new(),
    }
}

/// Names in `heaps`, `link` and `prefer` that no heap bears.
fn absent_names(model: &Model, cast: Cast, chosen: Option<Chosen>) -> Vec<Elimination> {
    let mut absent: BTreeMap<Name, Vec<Need>> = BTreeMap::new();
    for (part, table) in cast.parts(model) {
        let part = &model.parts[part];
        for fact in part.facts(table) {
            for name in nameless(model, &fact.constraint) {
                absent.entry(name.clone()).or_default().push(need(&part.stated.name, fact));
            }
        }
    }
    for (need, constraint) in chosen.iter().flat_map(|chosen| plane_needs(model, chosen)) {
        for name in nameless(model, constraint.1) {
            absent.entry(name.clone()).or_default().push(need.clone());
        }
    }
    let row = |(heap, needs)| Elimination {
        heap,
        reasons: vec![Reason {
            key: "absent".to_owned(),
            needs,
            heap_has: String::new(),
            heap_origin: Origin::Default,
            asked: String::new(),
        }],
    };
    absent.into_iter().map(row).collect()
}

/// The names in a list that mean no heap.
fn nameless<'c>(model: &Model, constraint: &'c Constraint) -> Vec<&'c Name> {
    let graph = model.set.graph();
    let (names, roles) = match constraint {
        Constraint::Heaps(names) => (names, true),
        Constraint::Link(names) | Constraint::Prefer(names) => (names, false),
        _ => return Vec::new(),
    };
    let borne =
        |name: &Name| graph.heap(name).is_some() || (roles && !graph.heaps_of(name).is_empty());
    names.iter().filter(|name| !borne(name)).collect()
}
