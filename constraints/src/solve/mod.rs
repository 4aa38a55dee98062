//! From a question to its answer.
//!
//! Complete: every combination that could be better than the answer has been looked at, or ruled
//! out because less of it already failed. See `search` for the order, `causes` for conflicts.

mod causes;
mod check;
mod copies;
mod elements;
mod eliminate;
mod exporters;
mod filters;
mod formats;
mod model;
mod needs;
mod place;
mod plan;
mod rank;
mod room;
mod search;
mod shape;

use crate::answer::{Conflict, Fix, Verdict};
use crate::bits::HeapBits;
use crate::kind::count::Sum;
use crate::vocabulary::Invalid;
use crate::{Answer, HeapSet, Question, checker};
use causes::{Causes, Subset};
use elements::Causative;
use formats::Pair;
use model::Model;
use rank::Cast;
use search::{Decision, Exhausted, Found, Space, Strictness, Work, whole};
use shape::Terms;

/// How many sets of elements the search for conflicts may try. Each that is listed takes some dozen;
/// what many devices leave open beyond is not worth a client's wait.
const TRIALS: u64 = 4_000;

/// How many more it may try where the conflicts are too many or too large to find them all.
const FURTHER_TRIALS: u64 = 1_000;

/// Why a question has no answer at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The question contradicts itself or the vocabulary.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It is larger than the solver's stated bounds.
    #[error("{what}: {found} exceeds the bound of {bound}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: u64,
        /// How many there may be.
        bound: u64,
    },
}

/// Answers `question` on the heaps of `heaps`. The answer does not depend on the order of heaps or
/// edges, and on that of participants only where `docs/vocabulary.md` says so.
///
/// # Errors
/// [`Refused`] when the question is malformed or too large. "No heap fits" is an answer.
pub fn solve(heaps: &HeapSet, question: &Question) -> Result<Answer, Refused> {
    let answer = answered(heaps, question, true)?;
    // Checked by the rules, in builds that are there to find faults.
    debug_assert_eq!(checker::check(heaps, question, &answer), Ok(()), "{question:?}");
    Ok(answer)
}

/// As [`solve`]; but beside a plan it does not say why other heaps do not serve, which nobody may ask.
///
/// # Errors
/// As [`solve`].
pub fn solve_unexplained(heaps: &HeapSet, question: &Question) -> Result<Answer, Refused> {
    answered(heaps, question, false)
}

fn answered(heaps: &HeapSet, question: &Question, explained: bool) -> Result<Answer, Refused> {
    check::well_formed(question)?;
    let model = Model::new(heaps, question);
    check::said(&model)?;
    let binding = model.binding_lists();
    check::bounded("pairs of fourcc and modifier", model.formats.breadth(&binding), check::PAIRS)?;
    let pairs = model.formats.pairs(&binding);

    let terms = terms(&model);
    let mut work = Work(search::STEPS);
    let strict = Strictness { sized: true, pinned: true };
    match everybody(&model, terms, &pairs, strict).best(&model, &mut work).map_err(endless)? {
        Some(found) => Ok(planned(&model, &pairs, &found, explained)),
        None => refused_or_conflict(&model, terms, &pairs),
    }
}

fn endless(_: Exhausted) -> Refused {
    let what = "combinations of alternatives, optional participants and formats";
    Refused::TooMany { what, found: search::STEPS + 1, bound: search::STEPS }
}

fn terms(model: &Model) -> Terms {
    let request = &model.question.request;
    Terms {
        sum: request.seed_count.map_or(Sum::Held, Sum::Seed),
        strict: request.strict,
        buffer: request.limit_buffer.unwrap_or(u64::MAX),
        total: request.limit_total.unwrap_or(u64::MAX),
        open: model.open,
        lifted: HeapBits::EMPTY,
    }
}

/// All participants with everything they say, and what there is to decide.
fn everybody<'s>(model: &Model, terms: Terms, pairs: &'s [Pair], strict: Strictness) -> Space<'s> {
    let mut base = needs::Needs::any(model.set);
    let mut decisions = Vec::new();
    let all = || model.parts.iter().enumerate();
    decisions.extend(all().filter(|(_, p)| p.stated.optional).map(|(i, _)| Decision::Join(i)));
    decisions.extend(all().filter(|(_, p)| !p.tables.is_empty()).map(|(i, _)| Decision::Choose(i)));
    for (_, part) in all().filter(|(_, part)| !part.stated.optional) {
        base.meet(&part.base.needs);
    }
    let active = model.binding_lists().into_iter().map(whole).collect();
    Space { base, active, decisions, terms, pairs, strict, waived: Vec::new() }
}

fn planned(model: &Model, pairs: &[Pair], found: &Found, explained: bool) -> Answer {
    let (plan, serving) = plan::plan(model, pairs, found);
    let eliminated = || {
        let cast = Cast { out: &found.left_out, tables: &found.tables };
        let pair = found.pair.and_then(|pair| pairs.get(pair));
        let chosen = eliminate::Chosen { pair, active: &found.active, shape: &found.shape };
        eliminate::table(model, cast, Some(chosen), serving)
    };
    Answer {
        verdict: Verdict::Ok,
        plan: Some(plan),
        eliminated: if explained { eliminated() } else { Vec::new() },
        conflicts: Vec::new(),
        conflicts_complete: true,
        fixes: Vec::new(),
        fixes_complete: true,
        too_small: Vec::new(),
        unserved: Vec::new(),
        exporters: Vec::new(),
        copy_plan: None,
    }
}

/// No answer: because something was left unsaid that any answer needs, or because of a conflict.
fn refused_or_conflict(model: &Model, terms: Terms, pairs: &[Pair]) -> Result<Answer, Refused> {
    let mut work = Work(search::STEPS);
    let mut all = pairs.to_vec();
    all.extend(model.formats.unnamed(&model.binding_lists()));
    let loosely = Strictness { sized: false, pinned: true };
    let unsaid = everybody(model, terms, &all, loosely).best(model, &mut work).map_err(endless)?;
    if let Some(found) = unsaid {
        let key = model.formats.unpinned(found.active.iter().map(|one| one.list));
        return Err(key.map_or_else(check::unsized_, check::unpinned).into());
    }
    conflict(model, terms)
}

fn conflict(model: &Model, terms: Terms) -> Result<Answer, Refused> {
    check::bounded("pairs of fourcc and modifier", model.formats.breadths(), check::PAIRS)?;
    let lists = 0..model.formats.lists.len();
    let required = |list: &usize| !model.parts[model.formats.lists[*list].part].stated.optional;
    let pairs = model.formats.distinct(model.formats.any_pairs(lists.filter(required)));
    let causative = Causative::new(model, terms);
    let count = causative.causes.len();
    let works = |trials: u64, steps: u64| {
        let (mut trials, mut work) = (trials, Work(steps));
        let (causative, pairs) = (&causative, &pairs);
        move |kept: &Subset| {
            trials = trials.checked_sub(1).ok_or(Exhausted)?;
            Ok(causative.space(kept, pairs).best(model, &mut work)?.is_some())
        }
    };
    let mut found = causes::causes(count, works(TRIALS, search::STEPS));
    causes::further(count, &mut found, works(FURTHER_TRIALS, search::STEPS));
    if found.conflicts.is_empty() {
        let what = "sets of constraints to find a conflict in";
        let bound = TRIALS + FURTHER_TRIALS;
        return Err(Refused::TooMany { what, found: bound + 1, bound });
    }
    let (nobody, firsts) = first_tables(model);
    let fixes = fixes(model, &causative, &pairs, &found);
    let stages = exporters::stages(model);
    let exporting: Vec<_> = stages.iter().map(exporters::Stage::model).collect();
    let copies = copies::copies(model, terms, &exporting);
    let cast = Cast { out: &nobody, tables: &firsts };
    Ok(Answer {
        verdict: Verdict::Conflict,
        plan: None,
        eliminated: eliminate::table(model, cast, None, HeapBits::EMPTY),
        conflicts: found
            .conflicts
            .iter()
            .map(|set| Conflict { elements: causative.shown(set) })
            .collect(),
        conflicts_complete: found.complete,
        fixes_complete: found.complete && !found.cut && fixes.len() == found.fixes.len(),
        fixes,
        too_small: room::too_small(model, terms),
        unserved: copies.unserved,
        exporters: exporters::serving(&exporting),
        copy_plan: copies.plan,
    })
}

/// Everybody in, with the first alternative of each.
fn first_tables(model: &Model) -> (Vec<usize>, Vec<Option<usize>>) {
    let first = |part: &model::Part| (!part.tables.is_empty()).then_some(0);
    (Vec::new(), model.parts.iter().map(first).collect())
}

/// Each fix is solved again, to say where it leads; one that leads nowhere is not listed.
fn fixes(model: &Model, causative: &Causative, pairs: &[Pair], found: &Causes) -> Vec<Fix> {
    let count = causative.causes.len();
    let solved = |dropped: &Subset| {
        let mut work = Work(search::STEPS);
        let mut space = causative.space(&dropped.complement(count), pairs);
        let elements = causative.shown(dropped);
        // Those that may be left out are not in this search, but would say how big.
        space.strict.sized = !check::sized_by_optional(model);
        if let Some(found) = space.best(model, &mut work).ok()? {
            let heap = Some(plan::first_heap(model, &found)?);
            return Some(Fix { elements, heap, unsaid: None });
        }
        space.strict.sized = false;
        space.best(model, &mut work).ok()??;
        Some(Fix { elements, heap: None, unsaid: Some("min-size".into()) })
    };
    found.fixes.iter().filter_map(solved).collect()
}
