//! All minimal conflicts and all fixes: which sets of elements work, tried one by one.

use super::choice::choices;
use super::element::{Elements, Kept};
use super::needs::Needs;
use super::search::{works, works_among};
use super::world::World;
use heapq_constraints::Question;
use std::collections::BTreeSet;

/// Above this many elements the oracle does not try (2^n sets).
const MOST: usize = 18;

/// A set of elements by their names.
pub type Set = BTreeSet<String>;

/// Minimal conflicts and minimal fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// Sets that cannot be met, though each of their proper subsets can.
    pub conflicts: BTreeSet<Set>,
    /// Sets without which the rest can be met, though without a proper subset it cannot.
    pub fixes: BTreeSet<Set>,
}

/// Of the required participants of `question`; `None` when there are too many elements.
pub(super) fn conflicts(world: &World, question: &Question) -> Option<Conflicts> {
    let (worlds, elements) = required(world, question);
    let names = elements.names;
    if names.len() > MOST {
        return None;
    }
    let fits = |set: u128| worlds.iter().any(|needs| works(world, needs, Kept(set)));
    let (broken, whole) = boundary(names.len(), fits);
    let named = |set: u128| {
        names.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1).map(|(_, it)| it.clone())
    };
    let all = (1 << names.len()) - 1;
    Some(Conflicts {
        conflicts: broken.into_iter().map(|set| named(set).collect()).collect(),
        fixes: whole.into_iter().map(|set| named(all & !set).collect()).collect(),
    })
}

/// The needs of the required participants under every choice of their tables.
fn required(world: &World, question: &Question) -> (Vec<Needs>, Elements) {
    let all = 0..question.participants.len();
    let who: Vec<usize> = all.filter(|who| !question.participants[*who].optional).collect();
    let mut elements = Elements::default();
    let worlds = choices(question, &who)
        .iter()
        .map(|choice| Needs::new(world, question, choice, &mut elements))
        .collect();
    (worlds, elements)
}

/// All minimal sets of `count` elements that do not fit, and all maximal ones that do.
///
/// Fewer elements are never harder to meet, so what is known of a set decides all below or above.
fn boundary(count: usize, fits: impl Fn(u128) -> bool) -> (Vec<u128>, Vec<u128>) {
    let mut broken: Vec<u128> = Vec::new();
    let mut whole: Vec<u128> = Vec::new();
    let all: u128 = (1 << count) - 1;
    for set in (0..=all).rev() {
        if whole.iter().any(|known| set & !known == 0) || broken.iter().any(|it| it & !set == 0) {
            continue;
        }
        let bits = (0..count).map(|at| 1u128 << at);
        if fits(set) {
            let grow = |set: u128, bit: u128| if fits(set | bit) { set | bit } else { set };
            whole.push(bits.fold(set, grow));
        } else {
            let shrink = |set: u128, bit: u128| {
                if set & bit != 0 && !fits(set & !bit) { set & !bit } else { set }
            };
            broken.push(bits.fold(set, shrink));
        }
    }
    (broken, whole)
}

/// Whether `who`, alone, could be served, sizes that nobody states not counted.
pub(super) fn served(world: &World, question: &Question, who: &[usize]) -> bool {
    choices(question, who).iter().any(|choice| {
        let needs = Needs::new(world, question, choice, &mut Elements::default());
        works_among(world, question, &needs)
    })
}

/// Whether removing `fix` ends all conflicts.
pub(super) fn ends(world: &World, question: &Question, fix: &Set) -> bool {
    let (worlds, elements) = required(world, question);
    fits(world, &worlds, &elements, |name| !fix.contains(name))
}

/// Whether the elements of `conflict` cannot be met together, and all but any one of them can.
pub(super) fn minimal(world: &World, question: &Question, conflict: &Set) -> bool {
    let (worlds, elements) = required(world, question);
    let known = conflict.iter().all(|name| elements.names.contains(name));
    let without = |out: &String| {
        fits(world, &worlds, &elements, |name| conflict.contains(name) && name != out)
    };
    known
        && !fits(world, &worlds, &elements, |name| conflict.contains(name))
        && conflict.iter().all(without)
}

fn fits(
    world: &World,
    worlds: &[Needs],
    elements: &Elements,
    keep: impl Fn(&String) -> bool,
) -> bool {
    let kept = elements.names.iter().enumerate().filter(|(_, name)| keep(name));
    let kept = Kept(kept.fold(0, |kept, (at, _)| kept | 1 << at));
    worlds.iter().any(|needs| works(world, needs, kept))
}

/// The same by looking at every single set, to show that the short cut above is right; `None`
/// above ten elements.
#[must_use]
pub fn plainly(world: &World, question: &Question) -> Option<Conflicts> {
    let (worlds, elements) = required(world, question);
    let count = elements.names.len();
    if count > 10 {
        return None;
    }
    let fits: Vec<bool> = (0..1u128 << count)
        .map(|set| worlds.iter().any(|needs| works(world, needs, Kept(set))))
        .collect();
    let all = fits.len() - 1;
    let bits = || (0..count).map(|at| 1usize << at);
    let minimal = |set: &usize| !fits[*set] && bits().all(|bit| set & bit == 0 || fits[set & !bit]);
    let maximal = |set: &usize| fits[*set] && bits().all(|bit| set & bit != 0 || !fits[set | bit]);
    let named = |set: usize| -> Set {
        let is = |at: &usize| set >> at & 1 == 1;
        (0..count).filter(is).map(|at| elements.names[at].clone()).collect()
    };
    Some(Conflicts {
        conflicts: (0..=all).filter(minimal).map(named).collect(),
        fixes: (0..=all).filter(maximal).map(|set| named(all & !set)).collect(),
    })
}
