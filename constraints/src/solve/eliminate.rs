//! The table of heaps that do not serve: for each every constraint that rules it out by itself,
//! with those who need it and who says so.

use super::filters::{self, Group, Touching};
use super::formats::{Active, Pair};
use super::model::Model;
use super::rank::Cast;
use super::shape::Shape;
use crate::answer::{Elimination, Need, Reason};
use crate::bits::HeapBits;
use crate::heap::Heap;
use crate::heap_words::Key;
use crate::question::Usage;
use crate::{Constraint, Name, Origin, spell};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The figures and the format under which heaps were tried; none in a conflict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'c> {
    pub(crate) pair: Option<&'c Pair>,
    pub(crate) active: &'c [Active],
    pub(crate) shape: &'c Shape,
}

/// A need of a plane, by the plane's index.
pub(crate) type PlaneNeed<'m> = (Need, (u8, &'m Constraint));

/// Every heap outside `serving` with its reasons, and every name that no heap bears; by name.
pub(crate) fn table(
    model: &Model,
    cast: Cast,
    chosen: Option<Chosen>,
    serving: HeapBits,
) -> Vec<Elimination> {
    let planes = chosen.iter().flat_map(|chosen| plane_needs(model, chosen)).collect::<Vec<_>>();
    let groups = filters::groups(model, cast, &planes);
    let touching = Touching::new(model, cast);
    let heaps = model.set.heaps().iter().enumerate();
    let row = |(index, heap): (usize, &Heap)| {
        let reasons = reasons(model, cast, (&groups, &touching, chosen), index);
        (!reasons.is_empty()).then(|| Elimination { heap: heap.name.clone(), reasons })
    };
    let absent = absent_names(model, cast, &planes);
    let mut table = Vec::with_capacity(model.set.heaps().len() + absent.len());
    table.extend(heaps.filter(|(index, _)| !serving.contains(*index)).filter_map(row));
    if !absent.is_empty() {
        table.extend(absent);
        table.sort_by(|a, b| a.heap.cmp(&b.heap));
    }
    table
}

/// What the entries that were chosen say of single planes.
fn plane_needs<'m>(model: &'m Model, chosen: &Chosen) -> Vec<PlaneNeed<'m>> {
    let mut needs = Vec::new();
    for one in chosen.active {
        let list = &model.formats.lists[one.list];
        let Some(cover) = chosen.pair.and_then(|pair| pair.covers[one.list]) else { continue };
        let participant = &model.parts[list.part].stated.name;
        for (plane, constraints) in &list.entries[cover.entry].stated.plane {
            for constraint in constraints {
                let need = Need {
                    participant: participant.clone(),
                    stated: format!("format.plane.{plane}.{}", spell::constraint(constraint))
                        .into(),
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

fn reasons(
    model: &Model,
    cast: Cast,
    (groups, touching, chosen): (&[Group], &Touching, Option<Chosen>),
    index: usize,
) -> Vec<Reason> {
    if let Some(reason) = unavailable(model, cast, index) {
        return vec![reason];
    }
    let heap = &model.set.heaps()[index];
    let [by_access, by_coherence] = touching.needs(heap);
    // Room for all that may be: this grows once a heap.
    let mut reasons = Vec::with_capacity(groups.len() + 4);
    let by_filters = groups.iter().filter_map(|group| Some((group.key, group.needs(index)?)));
    reasons.extend(by_filters.map(|(key, needs)| reason(model, index, key, needs)));
    for (key, needs) in [(Key::ACCESS, by_access), (Key::DMA_COHERENT, by_coherence)] {
        let Some(needs) = needs else { continue };
        let place = reasons.partition_point(|before| *before.key < *key.name());
        reasons.insert(place, reason(model, index, key, needs));
    }
    reasons.extend(chosen.iter().flat_map(|chosen| size_reasons(model, index, chosen.shape)));
    reasons
}

/// Absent, not permitted or reserved: each is the only reason given.
fn unavailable(model: &Model, cast: Cast, index: usize) -> Option<Reason> {
    let heap = &model.set.heaps()[index];
    if !heap.present {
        return Some(reason(model, index, Key::ABSENT, Arc::default()));
    }
    if !heap.permitted {
        return Some(reason(model, index, Key::NOT_PERMITTED, Arc::default()));
    }
    if heap.reserved_for.is_empty() {
        return None;
    }
    let shut_out = |(part, table): (usize, Option<usize>)| {
        let part = &model.parts[part];
        let usage: Vec<&str> = part.usage(table).iter().map(Usage::word).collect();
        let table = table.and_then(|table| part.tables.get(table));
        let unreserved = table.unwrap_or(&part.base).needs.unreserved;
        let driver = part.stated.driver.as_ref().map(|driver| format!(", driver = \"{driver}\""));
        (!unreserved.contains(index)).then(|| Need {
            participant: part.stated.name.clone(),
            stated: format!("usage = {usage:?}{}", driver.unwrap_or_default()).into(),
            origin: Origin::Client,
        })
    };
    let needs: Arc<[Need]> = cast.parts(model).filter_map(shut_out).collect();
    (!needs.is_empty()).then(|| reason(model, index, Key::RESERVED, needs))
}

/// The heap's own bounds against the first buffer.
fn size_reasons(model: &Model, index: usize, shape: &Shape) -> Vec<Reason> {
    let heap = &model.set.heaps()[index];
    let Some(buffer) = shape.buffers.first() else { return Vec::new() };
    let all = u128::from(buffer.allocation_size) * u128::from(shape.count);
    let mut found = Vec::new();
    if heap.max_size.is_some_and(|most| buffer.allocation_size > most) {
        let asked = format!("allocation-size = {}", buffer.allocation_size);
        found.push(Reason { asked, ..reason(model, index, Key::MAX_SIZE, Arc::default()) });
    }
    if heap.capacity.is_some_and(|most| all > most.into()) {
        let asked = format!("{} × {} = {all}", shape.count, buffer.allocation_size);
        found.push(Reason { asked, ..reason(model, index, Key::CAPACITY, Arc::default()) });
    }
    found
}

fn reason(model: &Model, heap: usize, key: Key, needs: Arc<[Need]>) -> Reason {
    let (has, origin) = model.set.has(heap, key);
    Reason {
        key: Cow::Borrowed(key.name()),
        needs,
        heap_has: has.clone(),
        heap_origin: origin.clone(),
        asked: String::new(),
    }
}

/// Names in `heaps`, `link` and `prefer` that no heap bears.
fn absent_names(model: &Model, cast: Cast, planes: &[PlaneNeed]) -> Vec<Elimination> {
    let mut absent: BTreeMap<Name, Vec<Need>> = BTreeMap::new();
    for (part, table) in cast.parts(model) {
        let part = &model.parts[part];
        for fact in part.facts(table) {
            for name in nameless(model, &fact.constraint) {
                absent
                    .entry(name.clone())
                    .or_default()
                    .push(filters::need(&part.stated.name, fact));
            }
        }
    }
    for (need, (_, constraint)) in planes {
        for name in nameless(model, constraint) {
            absent.entry(name.clone()).or_default().push(need.clone());
        }
    }
    let row = |(heap, needs): (Name, Vec<Need>)| Elimination {
        heap,
        reasons: vec![Reason {
            key: Cow::Borrowed(Key::ABSENT.name()),
            needs: needs.into(),
            heap_has: Name::default(),
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
