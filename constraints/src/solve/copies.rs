//! How copies would serve where no buffer serves all: the fewest groups in pipeline order.

use super::model::Model;
use super::rank::Cast;
use super::search::{Decision, Found, STEPS, Space, Strictness, Work, whole};
use super::shape::{Terms, settle};
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
    let mut sources = heaps(model, terms);
    if let Some(groups) = division(&sources, &required) {
        return Copies { plan: shown(model, &required, groups), unserved: Vec::new() };
    }
    let all = Source { model, terms, exporter: None, protected: false };
    let unserved = unserved(&all, &required);
    sources.extend(exporting.iter().filter_map(|(part, model)| {
        let exporter = Some(required.iter().position(|other| other == part)?);
        let exports = model.parts[*part].stated.exports.as_ref();
        let protected = exports.is_some_and(|exports| exports.heap.protected);
        Some(Source { model, terms: super::terms(model), exporter, protected })
    }));
    let groups = (!exporting.is_empty() && !unserved.is_empty())
        .then(|| division(&sources, &required))
        .flatten();
    Copies { plan: groups.and_then(|groups| shown(model, &required, groups)), unserved }
}

type Groups = Vec<(Range<usize>, Group)>;

/// Heaps of the machine, or the memory of one exporter.
struct Source<'s, 'm> {
    model: &'s Model<'m>,
    terms: Terms,
    /// Where the exporter stands among the required participants.
    exporter: Option<usize>,
    /// All of it is protected: nothing can be copied from it to what is not.
    protected: bool,
}

/// The heaps of the machine: those that are not protected, and those that are if there are any.
fn heaps<'s, 'm>(model: &'s Model<'m>, terms: Terms) -> Vec<Source<'s, 'm>> {
    let shut = model.set.traits().protected;
    let both = [(false, terms.open.without(shut)), (true, terms.open.and(shut))];
    let there = both.into_iter().filter(|(protected, open)| !protected || !open.is_empty());
    let source = |(protected, open)| {
        let terms = Terms { open, ..terms };
        Source { model, terms, exporter: None, protected }
    };
    there.map(source).collect()
}

impl Source<'_, '_> {
    /// As [`serve`]; an exporter serves only where it takes part.
    fn serves(&self, required: &[usize], range: Range<usize>, work: &mut Work) -> Option<Served> {
        match self.exporter {
            Some(at) if at < range.start => return Some(Served::Never),
            Some(at) if at >= range.end => return Some(Served::NotYet),
            _ => {}
        }
        let mut served = serve(self.model, self.terms, &required[range], work)?;
        if let (Served::By(group), Some(at)) = (&mut served, self.exporter) {
            group.shown.heap = None;
            group.shown.exporter = exporters::shown(self.model, required[at]);
        }
        Some(served)
    }
}

/// The first group of the best division from some participant on.
struct Step {
    /// Where the next group starts.
    end: usize,
    /// Groups from here on.
    groups: usize,
    /// Which source serves this one.
    source: usize,
    group: Box<Group>,
}

/// The best divisions from some participant on: whatever memory the first group has, and where it
/// has protected memory, as it must behind a group that has.
type Steps = [Option<Step>; 2];

/// The fewest groups; among equals the first source, and the first group as long as it can be.
/// `None`: there is no division, or the work ran out.
///
/// Every division is looked at, from the end: a longer group may be served where a shorter one is
/// not, since one who joins may bring a format or separate planes.
fn division(sources: &[Source], required: &[usize]) -> Option<Groups> {
    let mut work = Work(STEPS);
    let mut best: Vec<Steps> = Vec::new();
    best.resize_with(required.len(), Steps::default);
    for start in (0..required.len()).rev() {
        best[start] = step(sources, required, start, &best, &mut work)?;
    }
    let mut groups = Groups::new();
    let (mut start, mut protected) = (0, false);
    while start < required.len() {
        let step = best[start][usize::from(protected)].take()?;
        groups.push((start..step.end, *step.group));
        (start, protected) = (step.end, sources[step.source].protected);
    }
    Some(groups)
}

/// The best divisions from `start` on, where those further on are known. `None`: the work ran out.
fn step(
    sources: &[Source],
    required: &[usize],
    start: usize,
    further: &[Steps],
    work: &mut Work,
) -> Option<Steps> {
    let mut best = Steps::default();
    for (source, from) in sources.iter().enumerate() {
        for end in start + 1..=required.len() {
            let group = match from.serves(required, start..end, work)? {
                Served::By(group) => group,
                Served::NotYet => continue,
                Served::Never => break,
            };
            let groups = match further.get(end).map(|rest| &rest[usize::from(from.protected)]) {
                None => 1,
                Some(None) => continue,
                Some(Some(rest)) => rest.groups + 1,
            };
            let better = |best: &Step| {
                groups < best.groups || groups == best.groups && source == best.source
            };
            for best in &mut best[..=usize::from(from.protected)] {
                if best.as_ref().is_none_or(better) {
                    *best = Some(Step { end, groups, source, group: group.clone() });
                }
            }
        }
    }
    Some(best)
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
    let mut alone = |at: usize| {
        let served = heaps.serves(required, at..at + 1, &mut work);
        matches!(served, Some(Served::NotYet | Served::Never))
    };
    let found = (0..required.len()).filter(|at| alone(*at));
    let mut names: Vec<Name> =
        found.map(|at| stated(heaps.model, required[at]).name.clone()).collect();
    names.sort();
    names
}

/// A group with what one frame of it takes.
#[derive(Clone)]
struct Group {
    shown: CopyGroup,
    /// 0 where nobody in it says how big.
    bytes: u64,
}

/// Whether something serves some participants alone.
enum Served {
    By(Box<Group>),
    /// Nothing; with more of them it may be otherwise, as they bring formats.
    NotYet,
    /// Nothing, and nothing ever, however many join: no heap or no count is left.
    Never,
}

/// The best answer for some participants alone. `None`: the work ran out.
fn serve(model: &Model, terms: Terms, parts: &[usize], work: &mut Work) -> Option<Served> {
    let mut base = Needs::any(model.set);
    parts.iter().for_each(|part| base.meet(&model.parts[*part].base.needs));
    if settle(model.set, &terms, &base).is_none() {
        return Some(Served::Never);
    }
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
    let group = found.and_then(|found| group(model, parts, &pairs, found));
    Some(group.map_or(Served::NotYet, |group| Served::By(Box::new(group))))
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
    let converts = left.shown.converts(&right.shown);
    Copy { after: name(before.end - 1), before: name(after.start), converts, bytes }
}
