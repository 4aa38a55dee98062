//! The search: who is in, which alternatives, which pair. Complete, depth first in the order of
//! preference, so that the first answer is the best one.
//!
//! Every constraint only takes away, so a partial choice that leaves nothing is given up at once.
//! For groups that are not decided yet the sum contains their hull, what is certain whichever
//! table is chosen: without it 64 groups of two would be tried in 2^64 ways.

use super::formats::{Active, Pair};
use super::model::Model;
use super::needs::Needs;
use super::shape::{Settled, Shape, Terms, settle, shape};
use crate::kind::count::Counts;
use crate::kind::format::Keys;

/// How many combinations of needs and pair a search looks at before it gives up. Ordinary
/// questions need a few; the bound holds a hostile one to a fraction of a second.
pub(crate) const STEPS: u64 = 100_000;

/// What is searched: the constraints that hold in any case, and the decisions.
#[derive(Clone, Debug)]
pub(crate) struct Space<'s> {
    pub(crate) base: Needs,
    pub(crate) active: Vec<Active>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) terms: Terms,
    pub(crate) pairs: &'s [Pair],
    /// Only pairs that are pinned and sizes that somebody states count as answers.
    pub(crate) strict: Strictness,
    /// Participants of whose alternatives a default is waived: of `access`, of `protected`.
    pub(crate) waived: Vec<(usize, [bool; 2])>,
}

/// What an answer needs beside satisfying everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strictness {
    pub(crate) sized: bool,
    pub(crate) pinned: bool,
}

/// One thing to decide, by participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Whether an optional one is in.
    Join(usize),
    /// Which of its tables.
    Choose(usize),
    /// Whose alternatives are waived: of one table the names of formats stay known, and what its
    /// silence means.
    Name(usize),
}

impl Decision {
    fn brings_formats(self, model: &Model) -> bool {
        match self {
            Self::Join(part) => !model.parts[part].base.lists.is_empty(),
            Self::Choose(part) | Self::Name(part) => {
                model.parts[part].tables.iter().any(|table| !table.lists.is_empty())
            }
        }
    }
}

/// The best answer of a [`Space`].
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Optional participants that are left out.
    pub(crate) left_out: Vec<usize>,
    /// By participant: the table that is chosen.
    pub(crate) tables: Vec<Option<usize>>,
    /// Which of the space's pairs; `None` for a plain byte buffer.
    pub(crate) pair: Option<usize>,
    pub(crate) shape: Shape,
    pub(crate) needs: Needs,
    pub(crate) active: Vec<Active>,
}

/// The bound on work was reached before the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Counts the work of one or several searches down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work(pub(crate) u64);

impl Work {
    fn step(&mut self) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(1).ok_or(Exhausted)?;
        Ok(())
    }
}

/// What is certain of the decisions that are still to come.
#[derive(Clone, Debug)]
struct Suffix {
    /// When everybody is kept.
    all: Needs,
    /// When anybody may be left out.
    some: Needs,
    /// What each optional one would hold, least first.
    held: Vec<u64>,
    /// Some of them bring formats. These may also widen what can be done: cover further pairs,
    /// separate planes that are too large together. Then only the needs are certain.
    formats: bool,
}

impl Suffix {
    /// What is certain when at most `out` more are left out: counts add up, so at best those go
    /// that hold most.
    fn needs(&self, out: usize) -> Needs {
        if out == 0 {
            return self.all.clone();
        }
        let stay = self.held.len().saturating_sub(out);
        let held = self.held.iter().take(stay).fold(0, |sum: u64, held| sum.saturating_add(*held));
        let mut needs = self.some.clone();
        needs.counts = needs.counts.meet(Counts::holding(held));
        needs
    }
}

/// Where the search stands: one frame for each decision taken.
struct Frame {
    needs: Needs,
    /// How many of the active lists were there before.
    lists: usize,
    /// What was chosen here: a table, or 0 in and 1 out.
    option: usize,
    left_out: usize,
}

impl<'s> Space<'s> {
    /// The best answer with the fewest participants left out.
    pub(crate) fn best(&self, model: &Model, work: &mut Work) -> Result<Option<Found>, Exhausted> {
        if self.decisions.is_empty() {
            let search = Search { space: self, model, suffixes: &[], out: 0 };
            return search.complete(&[], &self.base, &self.active, work);
        }
        let joining = self.decisions.iter().filter(|one| matches!(one, Decision::Join(_))).count();
        let suffixes = self.suffixes(model);
        for out in self.certainly_out(model, work)?..=joining {
            let search = Search { space: self, model, suffixes: &suffixes, out };
            if let Some(found) = search.run(work)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn waived(&self, part: usize) -> [bool; 2] {
        let found = self.waived.iter().find(|(other, _)| *other == part);
        found.map_or([false; 2], |(_, waived)| *waived)
    }

    /// How many optional participants not even the base can do with.
    fn certainly_out(&self, model: &Model, work: &mut Work) -> Result<usize, Exhausted> {
        let mut out = 0;
        for decision in &self.decisions {
            let Decision::Join(part) = decision else { continue };
            work.step()?;
            let mut needs = self.base.clone();
            needs.meet(&kept(model, *part));
            out += usize::from(settle(model.set, &self.terms, &needs).is_none());
        }
        Ok(out)
    }

    /// For each depth what is certain of the decisions from there on.
    fn suffixes(&self, model: &Model) -> Vec<Suffix> {
        let any = Needs::any(model.set);
        let mut next = Suffix { all: any.clone(), some: any, held: Vec::new(), formats: false };
        let mut suffixes = vec![next.clone()];
        for decision in self.decisions.iter().rev() {
            next.formats |= decision.brings_formats(model);
            match decision {
                Decision::Join(part) => {
                    let kept = kept(model, *part);
                    next.all.meet(&kept);
                    next.held.push(kept.counts.held());
                    next.held.sort_unstable();
                }
                Decision::Choose(part)
                    if !model.parts[*part].stated.optional && self.waived(*part) == [false; 2] =>
                {
                    if let Some(hull) = &model.parts[*part].hull {
                        next.all.meet(hull);
                        next.some.meet(hull);
                    }
                }
                Decision::Choose(_) | Decision::Name(_) => {}
            }
            suffixes.push(next.clone());
        }
        suffixes.reverse();
        suffixes
    }
}

/// What is certain of a participant that is in.
fn kept(model: &Model, part: usize) -> Needs {
    let part = &model.parts[part];
    let mut needs = part.base.needs.clone();
    part.hull.iter().for_each(|hull| needs.meet(hull));
    needs
}

struct Search<'s, 'm, 'a> {
    space: &'s Space<'s>,
    model: &'m Model<'a>,
    suffixes: &'s [Suffix],
    /// How many may be left out.
    out: usize,
}

impl Search<'_, '_, '_> {
    fn run(&self, work: &mut Work) -> Result<Option<Found>, Exhausted> {
        let mut active = self.space.active.clone();
        let mut frames: Vec<Frame> = Vec::new();
        let mut option = 0;
        loop {
            let depth = frames.len();
            let entered = match self.enter(depth, option, &frames) {
                Entered::Past => {
                    let Some(last) = frames.pop() else { return Ok(None) };
                    active.truncate(last.lists);
                    option = last.option + 1;
                    continue;
                }
                Entered::Not => None,
                Entered::In(frame, lists) => Some((frame, lists)),
            };
            if let Some((mut frame, lists)) = entered {
                frame.lists = active.len();
                let waived = matches!(self.space.decisions[depth], Decision::Name(_));
                active.extend(
                    lists.iter().map(|list| if waived { unbound(*list) } else { whole(*list) }),
                );
                frames.push(frame);
                let needs = &frames[depth].needs;
                if frames.len() == self.space.decisions.len() {
                    if let Some(found) = self.complete(&frames, needs, &active, work)? {
                        return Ok(Some(found));
                    }
                } else if self.open(&frames, &active, work)? {
                    option = 0;
                    continue;
                }
                let last = frames.pop();
                last.iter().for_each(|last| active.truncate(last.lists));
            }
            option += 1;
        }
    }

    /// The frame of `option` at `depth`, with the lists that it adds.
    fn enter(&self, depth: usize, option: usize, frames: &[Frame]) -> Entered<'_> {
        let (before, left_out) = match frames.last() {
            Some(frame) => (&frame.needs, frame.left_out),
            None => (&self.space.base, 0),
        };
        let frame = |needs: Needs, left_out| Frame { needs, lists: 0, option, left_out };
        match self.space.decisions[depth] {
            Decision::Join(part) => match option {
                0 => {
                    let base = &self.model.parts[part].base;
                    Entered::In(frame(met(before, &base.needs), left_out), &base.lists)
                }
                1 if left_out < self.out => Entered::In(frame(before.clone(), left_out + 1), &[]),
                1 => Entered::Not,
                _ => Entered::Past,
            },
            Decision::Name(part) => match self.model.parts[part].tables.get(option) {
                Some(table) => {
                    let mut needs = before.clone();
                    let unsaid = table.unsaid_without(self.space.waived(part));
                    unsaid.for_each(|unsaid| needs.meet(unsaid));
                    needs.unreserved = needs.unreserved.and(table.needs.unreserved);
                    Entered::In(frame(needs, left_out), &table.lists)
                }
                None => Entered::Past,
            },
            Decision::Choose(part) => {
                let tables = &self.model.parts[part].tables;
                if self.is_out(part, frames) {
                    // Nothing to choose for who is not there.
                    return match option {
                        0 => Entered::In(frame(before.clone(), left_out), &[]),
                        _ => Entered::Past,
                    };
                }
                match tables.get(option) {
                    Some(table) => {
                        let needs = match self.space.waived(part) {
                            [false, false] => met(before, &table.needs),
                            waived => met(before, &table.needs_without(waived)),
                        };
                        Entered::In(frame(needs, left_out), &table.lists)
                    }
                    None => Entered::Past,
                }
            }
        }
    }

    fn is_out(&self, part: usize, frames: &[Frame]) -> bool {
        let decided = self.space.decisions.iter().zip(frames);
        decided.into_iter().any(|(one, frame)| *one == Decision::Join(part) && frame.option == 1)
    }

    /// Whether anything can come of the decisions taken so far.
    fn open(
        &self,
        frames: &[Frame],
        active: &[Active],
        work: &mut Work,
    ) -> Result<bool, Exhausted> {
        let Some(last) = frames.last() else { return Ok(true) };
        let suffix = &self.suffixes[frames.len()];
        let needs = met(&last.needs, &suffix.needs(self.out.saturating_sub(last.left_out)));
        let Some(settled) = settle(self.model.set, &self.space.terms, &needs) else {
            work.step()?;
            return Ok(false);
        };
        if suffix.formats {
            work.step()?;
            return Ok(true);
        }
        for pair in self.choices(active) {
            if self.shape(&needs, settled, pair, active, work)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The best pair for decisions that are all taken.
    fn complete(
        &self,
        frames: &[Frame],
        needs: &Needs,
        active: &[Active],
        work: &mut Work,
    ) -> Result<Option<Found>, Exhausted> {
        let Some(settled) = settle(self.model.set, &self.space.terms, needs) else {
            work.step()?;
            return Ok(None);
        };
        let mut pairs = self.choices(active);
        pairs.sort_by_cached_key(|pair| pair.map(|pair| self.space.pairs[pair].rank(active)));
        for pair in pairs {
            let Some(shape) = self.shape(needs, settled, pair, active, work)? else { continue };
            let strict = self.space.strict;
            let lists = active.iter().map(|one| one.list);
            let pinned = pair.is_none_or(|pair| {
                self.model.formats.pinned(&self.space.pairs[pair], lists.clone())
            });
            if (shape.sized || !strict.sized) && (pinned || !strict.pinned) {
                return Ok(Some(self.found(frames, pair, shape, needs.clone(), active.to_vec())));
            }
        }
        Ok(None)
    }

    /// The pairs that every list whose choice binds covers, in the order of their names.
    fn choices(&self, active: &[Active]) -> Vec<Option<usize>> {
        if active.is_empty() {
            return vec![None];
        }
        let pairs = self.space.pairs.iter().enumerate();
        pairs.filter(|(_, pair)| pair.chosen(active)).map(|(index, _)| Some(index)).collect()
    }

    fn shape(
        &self,
        needs: &Needs,
        settled: Settled,
        pair: Option<usize>,
        active: &[Active],
        work: &mut Work,
    ) -> Result<Option<Shape>, Exhausted> {
        work.step()?;
        let choice = (pair.map(|pair| &self.space.pairs[pair]), active);
        let model = self.model;
        Ok(shape(model.set, &model.formats, &self.space.terms, needs, settled, choice))
    }

    fn found(
        &self,
        frames: &[Frame],
        pair: Option<usize>,
        shape: Shape,
        needs: Needs,
        active: Vec<Active>,
    ) -> Found {
        let mut tables = vec![None; self.model.parts.len()];
        let mut left_out = Vec::new();
        for (decision, frame) in self.space.decisions.iter().zip(frames) {
            match *decision {
                Decision::Join(part) if frame.option == 1 => left_out.push(part),
                Decision::Choose(part) if !left_out.contains(&part) => {
                    tables[part] = Some(frame.option);
                }
                _ => {}
            }
        }
        Found { left_out, tables, pair, shape, needs, active }
    }
}

/// What trying an option comes to.
enum Entered<'l> {
    /// There is no such option, nor any after it.
    Past,
    /// It is not allowed.
    Not,
    In(Frame, &'l [usize]),
}

fn met(before: &Needs, further: &Needs) -> Needs {
    let mut needs = before.clone();
    needs.meet(further);
    needs
}

/// A list of which nothing binds but that its names are known.
fn unbound(list: usize) -> Active {
    Active { list, choice: false, keys: Keys::NONE }
}

/// A list of which everything binds.
pub(crate) fn whole(list: usize) -> Active {
    Active { list, choice: true, keys: Keys::ALL }
}
