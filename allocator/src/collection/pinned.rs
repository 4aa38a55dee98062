//! What is allocated as a participant of further questions.
//!
//! Buffers that exist cannot change: whoever comes later has to agree with their heaps, format,
//! strides, sizes and number. A participant named `allocation` states these, and the rules of the
//! vocabulary do the rest. Of those who have left it keeps what shaped the image (sizes,
//! alignments), so that the layout comes out the same without them. What no constraint can say
//! (where a second plane starts) is compared afterwards.

use super::{Allocation, Pinned};
use heapq_constraints::answer::{Conflict, Element, Plan, Verdict};
use heapq_constraints::fact::{AccessSet, FormatEntry, Pick, Planes, Protection};
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::vocabulary::ALLOCATION;
use heapq_constraints::{
    Answer, Constraint, Fact, Heap, HeapSet, Name, Origin, Participant, Question, Refused, solve,
};
use std::collections::BTreeMap;

/// What participants need as a plan granted it: without choices, and without those left out.
pub(crate) fn granted(question: &Question, plan: &Plan) -> Vec<Participant> {
    let served = question.participants.iter().filter(|one| !plan.left_out.contains(&one.name));
    served.map(|one| chosen(one, plan)).collect()
}

fn chosen(participant: &Participant, plan: &Plan) -> Participant {
    let mut granted = participant.clone();
    granted.optional = false;
    let table = plan.chosen_alternatives.get(&granted.name).copied().unwrap_or_default();
    let tables = std::mem::take(&mut granted.alternatives);
    if let Some(table) = tables.into_iter().nth(usize::try_from(table).unwrap_or(usize::MAX)) {
        granted.usage = granted.usage.union(table.usage);
        granted.driver = table.driver.or(granted.driver);
        granted.facts.extend(table.facts);
    }
    granted
}

/// What newcomers have to agree with, but for the number of frames.
pub(crate) fn shape(plan: &Plan, heaps: &[Name], known: &HeapSet) -> Participant {
    let mut shape = Participant::new(ALLOCATION);
    let stated = |constraint| Fact { constraint, origin: Origin::Allocation };
    let found: Vec<&Heap> = heaps.iter().filter_map(|name| known.find(name)).collect();
    admitted(&mut shape, &found);
    // Silence would refuse protected memory, and a usage would ask for access.
    shape.facts.push(stated(Constraint::Protected(Protection::Accepted)));
    shape.facts.push(stated(Constraint::Access(AccessSet::ALL)));
    if let ([heap], Planes::Joint) = (heaps, plan.layout) {
        shape.facts.push(stated(Constraint::Heaps(vec![heap.clone()])));
    }
    let largest = plan.buffers.iter().map(|buffer| buffer.size).max().unwrap_or_default();
    shape.facts.push(stated(Constraint::MaxSize(largest)));
    if let (Some(fourcc), Some(modifier)) = (&plan.fourcc, &plan.modifier) {
        let entry = entry(plan, heaps, fourcc, modifier);
        shape.facts.push(stated(Constraint::Format(vec![entry])));
    }
    shape
}

/// Makes `shape` one of those for whom its heaps are reserved.
fn admitted(shape: &mut Participant, heaps: &[&Heap]) {
    for word in heaps.iter().flat_map(|heap| &heap.reserved_for) {
        match Usage::ALL.into_iter().find(|usage| usage.word() == &**word) {
            Some(usage) => shape.usage = shape.usage.union(Usages::from_iter([usage])),
            None => shape.driver = Some(word.clone()),
        }
    }
}

/// The pixel format as it lies in memory.
fn entry(plan: &Plan, heaps: &[Name], fourcc: &Name, modifier: &Name) -> FormatEntry {
    let stride = plan.planes.first().map(|plane| plane.stride);
    let separate = plan.layout == Planes::Separate;
    let planes = heaps.iter().zip(0_u8..).filter(|_| separate);
    FormatEntry {
        min_stride: stride,
        max_stride: stride,
        planes: separate.then_some(Planes::Separate),
        plane: planes
            .map(|(heap, plane)| (plane, vec![Constraint::Heaps(vec![heap.clone()])]))
            .collect(),
        ..plain(fourcc, modifier)
    }
}

pub(crate) fn plain(fourcc: &Name, modifier: &Name) -> FormatEntry {
    FormatEntry {
        fourcc: Pick::One(fourcc.clone()),
        modifiers: vec![Pick::One(modifier.clone())],
        min_extent: None,
        max_extent: None,
        must_fit: Vec::new(),
        extent_alignment: None,
        min_stride: None,
        max_stride: None,
        stride_alignment: None,
        whole_pixel_rows: false,
        block: None,
        offset_alignment: None,
        planes: None,
        plane: BTreeMap::new(),
        apart: Vec::new(),
    }
}

/// As much of a fact as made the buffers what they are.
fn shaping(fact: &Fact, plan: &Plan) -> Option<Constraint> {
    match &fact.constraint {
        Constraint::MinSize(_) | Constraint::Padding(_) => Some(fact.constraint.clone()),
        Constraint::Format(entries) => {
            let (fourcc, modifier) = (plan.fourcc.as_ref()?, plan.modifier.as_ref()?);
            let one = entries.iter().find(|one| covers(one, fourcc, modifier))?;
            let shaped = FormatEntry {
                min_extent: one.min_extent,
                // A block is bounded by it.
                max_extent: one.max_extent.filter(|_| one.block.is_some()),
                must_fit: one.must_fit.clone(),
                extent_alignment: one.extent_alignment,
                stride_alignment: one.stride_alignment,
                whole_pixel_rows: one.whole_pixel_rows,
                block: one.block,
                offset_alignment: one.offset_alignment,
                ..plain(fourcc, modifier)
            };
            Some(Constraint::Format(vec![shaped]))
        }
        _ => None,
    }
}

fn covers(entry: &FormatEntry, fourcc: &Name, modifier: &Name) -> bool {
    let takes = |pick: &Pick, name: &Name| match pick {
        Pick::Any => true,
        Pick::One(one) => one == name,
    };
    takes(&entry.fourcc, fourcc) && entry.modifiers.iter().any(|pick| takes(pick, modifier))
}

/// Those who are in, perhaps somebody more, and what is there with `counts` stated of its frames.
///
/// # Errors
/// As [`solve`]. What does not go with the buffers that are there is a conflict.
pub(crate) fn solved(
    onto: &Pinned,
    newcomer: Option<&Participant>,
    counts: impl IntoIterator<Item = Constraint>,
) -> Result<(Question, Answer), Refused> {
    let mut shape = onto.allocation.shape.clone();
    let gone = onto.allocation.made_for.iter().filter(|one| !onto.cast.contains(one));
    let shaping = gone.flat_map(|one| &one.facts).filter_map(|fact| {
        let constraint = shaping(fact, &onto.allocation.plan)?;
        Some(Fact { constraint, origin: Origin::Allocation })
    });
    shape.facts.extend(shaping);
    let shape = counts.into_iter().fold(shape, |shape, one| shape.with(one, Origin::Allocation));
    let others = onto.cast.iter().chain(newcomer).cloned();
    let participants = std::iter::once(shape).chain(others).collect();
    let question = Question { participants, request: onto.request.clone() };
    let mut answer = solve(&onto.allocation.heaps, &question)?;
    if let Some(plan) = &mut answer.plan {
        plan.sync_points.retain(|point| &*point.participant != ALLOCATION);
        if let Some(stated) = mismatch(plan, &onto.allocation.plan) {
            answer = contradicted(answer, newcomer, stated);
        }
    }
    Ok((question, answer))
}

/// What of a plan would need other buffers than those of `there`: key and figure.
fn mismatch(plan: &Plan, there: &Plan) -> Option<(&'static str, String)> {
    if plan.fourcc != there.fourcc {
        let fourcc = there.fourcc.as_deref().unwrap_or("none: it is plain bytes");
        return Some(("format.fourcc", fourcc.to_owned()));
    }
    if plan.layout != there.layout || plan.buffers.len() != there.buffers.len() {
        return Some(("format.planes", format!("{:?}", there.layout).to_lowercase()));
    }
    for (new, old) in plan.planes.iter().zip(&there.planes) {
        if new.stride != old.stride {
            return Some(("format.stride", old.stride.to_string()));
        }
        if new.offset != old.offset {
            return Some(("format.offset", old.offset.to_string()));
        }
    }
    for (new, old) in plan.buffers.iter().zip(&there.buffers) {
        if new.size > old.size {
            return Some(("size", old.size.to_string()));
        }
        if new.allocation_size > old.allocation_size {
            return Some(("allocation-size", old.allocation_size.to_string()));
        }
    }
    None
}

/// The answer that there is no such plan: the buffers are another way.
fn contradicted(
    answer: Answer,
    newcomer: Option<&Participant>,
    (key, figure): (&'static str, String),
) -> Answer {
    let there = Element {
        name: format!("{ALLOCATION}.{key}"),
        participant: Some(ALLOCATION.into()),
        stated: format!("{key} = {figure}"),
        origins: vec![Origin::Allocation],
    };
    let who = newcomer.map(|newcomer| Element {
        name: newcomer.name.to_string(),
        participant: Some(newcomer.name.clone()),
        stated: String::new(),
        origins: Vec::new(),
    });
    Answer {
        verdict: Verdict::Conflict,
        plan: None,
        conflicts: vec![Conflict { elements: [there].into_iter().chain(who).collect() }],
        conflicts_complete: true,
        ..answer
    }
}

impl Allocation {
    /// The same buffers, of which more is known since somebody more agreed with them.
    pub(crate) fn with(&self, answer: &Answer) -> Self {
        let mut both = self.clone();
        if let Some(solved) = &answer.plan {
            both.plan.sync_points.clone_from(&solved.sync_points);
            both.plan.attributes.clone_from(&solved.attributes);
            both.plan.assumed = solved.assumed;
            if let (Some(now), Some(new)) =
                (both.plan.candidates.get_mut(self.candidate), solved.candidates.first())
            {
                now.access = new.access;
                now.sync_points.clone_from(&new.sync_points);
            }
        }
        both.answer.plan = Some(both.plan.clone());
        both
    }
}
