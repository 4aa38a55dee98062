//! How copies would serve where no buffer serves all: the fewest groups in pipeline order.

use super::model::Model;
use super::rank::Cast;
use super::search::{Decision, Found, STEPS, Space, Strictness, Work, whole};
use super::shape::Terms;
use super::{needs::Needs, plan};
use crate::answer::{Copy, CopyGroup, CopyPlan};
use crate::{Name, Participant};
use std::ops::Range;

/// The fewest groups of neighbours that each have a heap; `None` when somebody has none even
/// alone, or when the bound on work is reached first.
///
/// Each group is made as long as it can be. Since whatever serves a group serves any part of it,
/// no other division has fewer.
pub(crate) fn plan(model: &Model, terms: Terms) -> Option<CopyPlan> {
    let all = model.parts.iter().enumerate();
    let required: Vec<usize> =
        all.filter(|(_, part)| !part.stated.optional).map(|(index, _)| index).collect();
    let mut work = Work(STEPS);
    let mut groups: Vec<(Range<usize>, Group)> = Vec::new();
    let mut start = 0;
    while start < required.len() {
        let mut longest = None;
        for end in start + 1..=required.len() {
            match serve(model, terms, &required[start..end], &mut work)? {
                Some(group) => longest = Some((start..end, group)),
                None => break,
            }
        }
        let (range, group) = longest?;
        start = range.end;
        groups.push((range, group));
    }
    let copies = groups.windows(2).map(|pair| copy(model, &required, &pair[0], &pair[1])).collect();
    (groups.len() > 1).then(|| CopyPlan {
        copies,
        groups: groups.into_iter().map(|(_, group)| group.shown).collect(),
    })
}

/// The required participants that nothing serves even alone. Where the work runs out nobody is
/// accused.
pub(crate) fn unserved(model: &Model, terms: Terms) -> Vec<Name> {
    let mut work = Work(STEPS);
    let mut alone = |part: usize| matches!(serve(model, terms, &[part], &mut work), Some(None));
    let all = 0..model.parts.len();
    let unserved = all.filter(|part| !model.parts[*part].stated.optional && alone(*part));
    let mut names: Vec<Name> = unserved.map(|part| stated(model, part).name.clone()).collect();
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
        heap,
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
