//! The search: everything in the written order, the first that works out to the last figure.

use super::choice::{Choice, choices, subsets};
use super::conflict::{Conflicts, conflicts};
use super::element::{Elements, Kept};
use super::eliminated::{Table, of_conflict, of_plan};
use super::figures::{Figures, figures, unknown};
use super::format::{Pair, named_anywhere, rank};
use super::heap::{access, ruled_out};
use super::needs::Needs;
use super::world::World;
use super::{invalid, rank};
use heapq_constraints::fact::Access;
use heapq_constraints::{Constraint, Question};
use std::collections::{BTreeMap, BTreeSet};

/// The oracle's answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Somebody can be served.
    Ok(Box<Plan>),
    /// Nothing can satisfy all.
    Conflict {
        /// Heaps that do not serve.
        eliminated: Table,
        /// Minimal conflicts and fixes; `None` when there are too many elements to try.
        conflicts: Option<Conflicts>,
    },
    /// The question is malformed: any of these keys says so.
    Invalid(BTreeSet<String>),
}

/// What to allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each candidate the heaps of its buffers, best first, with the mode of access there.
    pub candidates: Vec<(Vec<String>, Access)>,
    /// Frames.
    pub count: u128,
    /// Usable and allocated bytes of each buffer.
    pub buffers: Vec<(u128, u128)>,
    /// Of plane 0.
    pub stride: Option<u128>,
    /// The format, if it is one.
    pub fourcc: Option<String>,
    /// Its modifier.
    pub modifier: Option<String>,
    /// Somebody unknown is in.
    pub assumed: bool,
    /// Nobody knows the size of the modifier.
    pub size_assumed: bool,
    /// Optional participants that had to go.
    pub left_out: BTreeSet<String>,
    /// By participant.
    pub chosen: BTreeMap<String, usize>,
    /// Heaps that do not serve.
    pub eliminated: Table,
}

/// Answers `question` on `world`.
#[must_use]
pub fn answer(world: &World, question: &Question) -> Outcome {
    let malformed = invalid::keys(question);
    if !malformed.is_empty() {
        return Outcome::Invalid(malformed);
    }
    let mut lacks = BTreeSet::new();
    if let Some(plan) = first(world, question, &mut lacks) {
        return Outcome::Ok(Box::new(plan));
    }
    if !lacks.is_empty() {
        return Outcome::Invalid(lacks);
    }
    let eliminated = of_conflict(world, question);
    Outcome::Conflict { eliminated, conflicts: conflicts(world, question) }
}

/// The first plan in the written order; `lacks` as for [`best`].
pub(super) fn first(
    world: &World,
    question: &Question,
    lacks: &mut BTreeSet<String>,
) -> Option<Plan> {
    let all = subsets(question).into_iter();
    all.flat_map(|who| choices(question, &who)).find_map(|choice| {
        let needs = Needs::new(world, question, &choice, &mut Elements::default());
        best(world, question, &needs, lacks)
    })
}

/// The best plan under one choice of participants and tables. What would work but for a figure or
/// name that nobody states goes to `lacks`.
fn best(
    world: &World,
    question: &Question,
    needs: &Needs,
    lacks: &mut BTreeSet<String>,
) -> Option<Plan> {
    for pair in pairs(needs) {
        let Some(figures) = figures(needs, pair.as_ref(), Kept::ALL) else { continue };
        let placements = placements(world, needs, &figures, Kept::ALL);
        if placements.is_empty() {
            continue;
        }
        let missing = missing(pair.as_ref(), figures.sized);
        if missing.is_empty() {
            return Some(plan(world, question, needs, pair, &figures, placements));
        }
        lacks.extend(missing.into_iter().map(str::to_owned));
    }
    None
}

/// Step 3 in order; one that is no pair when nobody brings formats.
fn pairs(needs: &Needs) -> Vec<Option<Pair>> {
    let mut pairs = needs.pool.clone();
    pairs.sort_by_key(|pair| rank(needs, pair));
    if pairs.is_empty() { vec![None] } else { pairs.into_iter().map(Some).collect() }
}

fn missing(pair: Option<&Pair>, sized: bool) -> Vec<&'static str> {
    let (fourcc, modifier) = pair.map_or((true, true), Pair::pinned);
    let all = [("format.fourcc", fourcc), ("format.modifiers", modifier), ("min-size", sized)];
    all.into_iter().filter(|(_, is)| !is).map(|(key, _)| key).collect()
}

/// Whether anything works under `kept`, sizes and names that nobody states not counted.
pub(super) fn works(world: &World, needs: &Needs, kept: Kept) -> bool {
    pairs(needs).iter().any(|pair| works_with(world, needs, kept, pair.as_ref()))
}

/// Whether those who are in could be served with a format that somebody in the question names.
pub(super) fn works_among(world: &World, question: &Question, needs: &Needs) -> bool {
    let pairs = named_anywhere(question, needs);
    let plain = needs.formats.is_empty();
    pairs.iter().any(|pair| works_with(world, needs, Kept::ALL, Some(pair)))
        || plain && works_with(world, needs, Kept::ALL, None)
}

fn works_with(world: &World, needs: &Needs, kept: Kept, pair: Option<&Pair>) -> bool {
    figures(needs, pair, kept)
        .is_some_and(|figures| !placements(world, needs, &figures, kept).is_empty())
}

/// Step 4: every way to give each buffer a heap, best first. Heaps by number.
fn placements(world: &World, needs: &Needs, figures: &Figures, kept: Kept) -> Vec<Vec<usize>> {
    let mut ways: Vec<Vec<usize>> = vec![vec![]];
    for (buffer, (_, allocation)) in figures.buffers.iter().enumerate() {
        let all = plane_needs(needs, figures, buffer, kept);
        let mut serving: Vec<usize> = (0..world.heaps.len())
            .filter(|index| {
                let most = world.heaps[*index].max_size;
                needs.reachable(*index, kept)
                    && most.is_none_or(|most| *allocation <= most.into())
                    && ruled_out(world, *index, &all).is_empty()
            })
            .collect();
        serving.sort_by(|a, b| rank::order(needs, &world.heaps[*a], &world.heaps[*b]));
        ways = ways
            .iter()
            .flat_map(|way| serving.iter().map(|index| [&way[..], &[*index]].concat()))
            .collect();
    }
    ways.retain(|way| apart(figures, way) && room(world, figures, way));
    ways
}

fn plane_needs<'a>(
    needs: &'a Needs,
    figures: &'a Figures,
    buffer: usize,
    kept: Kept,
) -> Vec<&'a Constraint> {
    let own = figures.image.iter().flat_map(|image| &image.plane);
    let own = own.filter(|(plane, _)| *plane == buffer).map(|(_, need)| need);
    needs.kept(kept).chain(own).collect()
}

fn apart(figures: &Figures, way: &[usize]) -> bool {
    let Some(image) = &figures.image else { return true };
    let same = |a: usize, b: usize| way[a] == way[b] && image.must_part(a, b);
    !(0..way.len()).any(|a| (0..way.len()).any(|b| same(a, b)))
}

/// Whether each heap holds all buffers that are placed there.
fn room(world: &World, figures: &Figures, way: &[usize]) -> bool {
    world.heaps.iter().enumerate().all(|(index, heap)| {
        let here = way.iter().zip(&figures.buffers).filter(|(it, _)| **it == index);
        let bytes: u128 = here.map(|(_, (_, allocation))| allocation).sum();
        heap.capacity.is_none_or(|capacity| figures.count * bytes <= capacity.into())
    })
}

fn plan(
    world: &World,
    question: &Question,
    needs: &Needs,
    pair: Option<Pair>,
    figures: &Figures,
    placements: Vec<Vec<usize>>,
) -> Plan {
    let all: Vec<&Constraint> = needs.kept(Kept::ALL).collect();
    let candidate = |way: Vec<usize>| {
        let names = way.iter().map(|index| world.heaps[*index].name.to_string()).collect();
        (names, access(&world.heaps[way[0]], &all).unwrap_or(Access::None))
    };
    let linear = pair.as_ref().is_some_and(|pair| &*pair.modifier == "linear");
    let name = |who: &usize| question.participants[*who].name.to_string();
    let Choice { who, tables } = &needs.choice;
    let out = (0..question.participants.len()).filter(|it| !who.contains(it));
    let chosen = who.iter().zip(tables).filter_map(|(who, table)| Some((name(who), (*table)?)));
    Plan {
        candidates: placements.into_iter().map(candidate).collect(),
        count: figures.count,
        buffers: figures.buffers.clone(),
        stride: figures.stride,
        size_assumed: pair.is_some() && !linear && !figures.stated_size,
        fourcc: pair.as_ref().map(|pair| pair.fourcc.to_string()),
        modifier: pair.as_ref().map(|pair| pair.modifier.to_string()),
        assumed: unknown(needs, Kept::ALL),
        left_out: out.map(|who| name(&who)).collect(),
        chosen: chosen.collect(),
        eliminated: of_plan(world, needs, figures),
    }
}
