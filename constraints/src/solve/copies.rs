//! How copies would serve where no buffer serves all: the fewest groups in pipeline order.

use super::model::Model;
use super::rank::Cast;
use super::search::{Decision, Found, STEPS, Space, Strictness, Work, whole};
use super::shape::Terms;
use super::{exporters, needs::Needs, plan};
use crate::answer::{Copy, CopyGroup, CopyPlan};
use crate::{Name, Participant};
use std::ops::Range;

/// What copies come to.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// The fewest groups of neighbours that each have a heap or, where somebody has none even
    /// alone, an exporter among them; `None` when there is no such division, or when the bound on
    /// work is reached first.
    pub(crate) plan: Option<CopyPlan>,
    /// The required participants that no heap serves even alone, by name.
    pub(crate) unserved: Vec<Name>,
}

/// How copies would serve. `exporting`: the question with one participant's memory, for each that
/// has some.
pub(crate) fn copies(model: &Model, terms: Terms, exporting: &[(usize, Model)]) -> Copies {
    let all = model.parts.iter().enumerate();
    let required: Vec<usize> =
        all.filter(|(_, part)| !part.stated.optional).map(|(index, _)| index).collect();
    let heaps = Source { model, terms, exporter: None };
    let mut work = Work(STEPS);
    if let Some(groups) = greedy(&heaps, &required, &mut work) {
        return Copies { plan: shown(model, &required, groups), unserved: Vec::new() };
    }
    let unserved = unserved(&heaps, &required);
    let exporters = exporting.iter().filter_map(|(part, model)| {
        let at = required.iter().position(|other| other == part)?;
        Some(Source { model, terms, exporter: Some(at) })
    });
    let sources: Vec<Source> = std::iter::once(heaps).chain(exporters).collect();
    let groups = (sources.len() > 1 && !unserved.is_empty())
        .then(|| with_exporters(&sources, &required, &mut Work(STEPS)))
        .flatten();
    Copies { plan: groups.and_then(|groups| shown(model, &required, groups)), unserved }
}

type Groups = Vec<(Range<usize>, Group)>;

/// The heaps of the machine, or the memory of one exporter.
struct Source<'s, 'm> {
    model: &'s Model<'m>,
    terms: Terms,
    /// Where the exporter stands among the required participants.
    exporter: Option<usize>,
}

impl Source<'_, '_> {
    /// As [`serve`]; an exporter serves only where it takes part.
    fn serves(
        &self,
        required: &[usize],
        range: Range<usize>,
        work: &mut Work,
    ) -> Option<Option<Group>> {
        if self.exporter.is_some_and(|at| !range.contains(&at)) {
            return Some(None);
        }
        let mut group = serve(self.model, self.terms, &required[range], work)?;
        if let (Some(group), Some(at)) = (&mut group, self.exporter) {
            group.shown.heap = None;
            group.shown.exporter = exporters::shown(self.model, required[at]);
        }
        Some(group)
    }

    /// The smallest end of a range from `start` that it could serve: an exporter takes part.
    fn least(&self, start: usize) -> Option<usize> {
        match self.exporter {
            None => Some(start + 1),
            Some(at) => (at >= start).then_some(at + 1),
        }
    }

    /// For each start the largest end of a range that is served; the start itself for none.
    /// Whatever serves a range serves each part of it that still has the exporter, so what one
    /// start reaches the next one does too.
    fn reach(&self, required: &[usize], work: &mut Work) -> Option<Vec<usize>> {
        let mut ends = Vec::with_capacity(required.len());
        let mut furthest = 0;
        for start in 0..required.len() {
            let Some(least) = self.least(start) else {
                ends.push(start);
                continue;
            };
            let known = furthest >= least;
            let mut reached = if known { furthest } else { start };
            let mut next = if known { furthest + 1 } else { least };
            while next <= required.len() && self.serves(required, start..next, work)?.is_some() {
                reached = next;
                next += 1;
            }
            furthest = furthest.max(reached);
            ends.push(reached);
        }
        Some(ends)
    }
}

/// Each group is made as long as it can be. Since whatever serves a group serves any part of it,
/// no other division has fewer. `None`: somebody has none even alone, or the work ran out.
fn greedy(heaps: &Source, required: &[usize], work: &mut Work) -> Option<Groups> {
    let mut groups = Groups::new();
    let mut start = 0;
    while start < required.len() {
        let mut longest = None;
        for end in start + 1..=required.len() {
            match heaps.serves(required, start..end, work)? {
                Some(group) => longest = Some((start..end, group)),
                None => break,
            }
        }
        let (range, group) = longest?;
        start = range.end;
        groups.push((range, group));
    }
    Some(groups)
}

/// The fewest groups from all sources; among equals heaps, which are the first source.
fn with_exporters(sources: &[Source], required: &[usize], work: &mut Work) -> Option<Groups> {
    let reaches: Vec<Vec<usize>> =
        sources.iter().map(|source| source.reach(required, work)).collect::<Option<_>>()?;
    // For each end how many groups lead there, where the last one starts, and its source.
    let mut best: Vec<Option<(usize, usize, usize)>> = vec![None; required.len() + 1];
    best[0] = Some((0, 0, 0));
    for start in 0..required.len() {
        let Some((count, ..)) = best[start] else { continue };
        for (index, source) in sources.iter().enumerate() {
            let Some(least) = source.least(start) else { continue };
            for slot in best.iter_mut().take(reaches[index][start] + 1).skip(least) {
                if slot.is_none_or(|(fewest, ..)| count + 1 < fewest) {
                    *slot = Some((count + 1, start, index));
                }
            }
        }
    }
    let mut groups = Groups::new();
    let mut end = required.len();
    while end > 0 {
        let (_, start, index) = best[end]?;
        let group = sources[index].serves(required, start..end, work)??;
        groups.push((start..end, group));
        end = start;
    }
    groups.reverse();
    Some(groups)
}

/// `None` for a single group: there is nothing to copy.
fn shown(model: &Model, required: &[usize], groups: Groups) -> Option<CopyPlan> {
    let copies = groups.windows(2).map(|pair| copy(model, required, &pair[0], &pair[1])).collect();
    (groups.len() > 1).then(|| CopyPlan {
        copies,
        groups: groups.into_iter().map(|(_, group)| group.shown).collect(),
    })
}

/// The required participants that no heap serves even alone, by name. Where the work runs out
/// nobody is accused.
fn unserved(heaps: &Source, required: &[usize]) -> Vec<Name> {
    let mut work = Work(STEPS);
    let mut alone = |at: usize| matches!(heaps.serves(required, at..at + 1, &mut work), Some(None));
    let found = (0..required.len()).filter(|at| alone(*at));
    let mut names: Vec<Name> =
        found.map(|at| stated(heaps.model, required[at]).name.clone()).collect();
    names.sort();
    names
}

/// A group with what one frame of it takes.
struct Group {
    shown: CopyGroup,
    /// 0 where nobody in it says how big.
    bytes: u64,
}

/// The best answer for some participants alone. The outer `None`: the work ran out.
fn serve(model: &Model, terms: Terms, parts: &[usize], work: &mut Work) -> Option<Option<Group>> {
    let mut base = Needs::any(model.set);
    parts.iter().for_each(|part| base.meet(&model.parts[*part].base.needs));
    let choose = |part: &&usize| !model.parts[**part].tables.is_empty();
    let lists = parts.iter().flat_map(|part| model.parts[*part].base.lists.iter().copied());
    let lists: Vec<usize> = lists.collect();
    let pairs = model.formats.pairs(&lists);
    let space = Space {
        base,
        active: lists.into_iter().map(whole).collect(),
        decisions: parts.iter().filter(choose).map(|part| Decision::Choose(*part)).collect(),
        terms,
        pairs: &pairs,
        // How big a frame is may be said on the other side of the copy.
        strict: Strictness { sized: false, pinned: false },
        waived: Vec::new(),
    };
    let found = space.best(model, work).ok()?;
    Some(found.and_then(|found| group(model, parts, &pairs, found)))
}

fn group(
    model: &Model,
    parts: &[usize],
    pairs: &[super::formats::Pair],
    mut found: Found,
) -> Option<Group> {
    found.left_out = (0..model.parts.len()).filter(|part| !parts.contains(part)).collect();
    let heap = plan::first_heap(model, &found)?;
    let pair = found.pair.and_then(|pair| pairs.get(pair));
    let bytes = if found.shape.sized {
        found.shape.buffers.iter().map(|buffer| buffer.size).sum()
    } else {
        0
    };
    let cast = Cast { out: &found.left_out, tables: &found.tables };
    let participants = cast.parts(model).map(|(part, _)| stated(model, part).name.clone());
    let shown = CopyGroup {
        participants: participants.collect(),
        heap: Some(heap),
        exporter: None,
        fourcc: pair.and_then(|pair| model.formats.fourccs.name(pair.fourcc)).cloned(),
        modifier: pair.and_then(|pair| model.formats.modifiers.name(pair.modifier)).cloned(),
    };
    Some(Group { shown, bytes })
}

fn stated<'m>(model: &'m Model, part: usize) -> &'m Participant {
    model.parts[part].stated
}

fn copy(
    model: &Model,
    required: &[usize],
    (before, left): &(Range<usize>, Group),
    (after, right): &(Range<usize>, Group),
) -> Copy {
    let name = |at: usize| -> Name { stated(model, required[at]).name.clone() };
    // Both sides hold the same picture; one of them may not know how large it is.
    let bytes = Some(left.bytes.max(right.bytes)).filter(|bytes| *bytes > 0);
    Copy { after: name(before.end - 1), before: name(after.start), bytes }
}
