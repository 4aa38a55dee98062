//! Devices in the question whose own drivers allocate what would serve where no heap does.
//!
//! For each the question is solved again on the same machine with its memory as the only one that
//! may be used. What the device says of others' memory does not count against its own; what others
//! list does, as far as the compatibility graph does not lead from its memory to theirs.

use super::model::Model;
use super::search::{STEPS, Strictness, Work};
use super::{everybody, plan, terms};
use crate::answer::{Exporter, Plan};
use crate::{Constraint, Fact, Heap, HeapSet, Name, Participant, Question};

/// How many are tried: each costs a solve, and nobody reads more.
const TRIED: usize = 16;

/// The question as it stands when the driver of one participant allocates.
#[derive(Debug)]
pub(crate) struct Stage {
    part: usize,
    set: HeapSet,
    question: Question,
}

impl Stage {
    /// Whose driver, and what is to be solved.
    pub(crate) fn model(&self) -> (usize, Model<'_>) {
        (self.part, Model::new(&self.set, &self.question))
    }
}

/// A stage for each participant that exports, by name.
pub(crate) fn stages(model: &Model) -> Vec<Stage> {
    let all = model.parts.iter().enumerate();
    let mut exporting: Vec<(&Name, usize)> = all
        .filter(|(_, part)| part.stated.exports.is_some())
        .map(|(index, part)| (&part.stated.name, index))
        .collect();
    exporting.sort();
    exporting.iter().take(TRIED).filter_map(|(_, part)| stage(model, *part)).collect()
}

fn stage(model: &Model, part: usize) -> Option<Stage> {
    let stated = model.parts[part].stated;
    let memory = stated.exports.as_ref()?.heap.clone();
    let name = stated.driver.as_ref().unwrap_or(&stated.name);
    let set = model.set.with_only(Heap { name: format!("driver:{name}").into(), ..memory })?;
    let mut question = model.question.clone();
    let own = |other: &&mut Participant| other.name == stated.name || same_memory(other, stated);
    question.participants.iter_mut().filter(own).for_each(on_own_memory);
    Some(Stage { part, set, question })
}

/// Whether both are nodes of one device, as far as the question tells: one may draw where the other
/// scans out. Two cards of one driver are told apart by their `device`.
fn same_memory(one: &Participant, other: &Participant) -> bool {
    one.driver.is_some()
        && one.driver == other.driver
        && one.device == other.device
        && one.exports == other.exports
}

/// Takes away what a device says of memory that is not its own.
fn on_own_memory(participant: &mut Participant) {
    let inside = participant.alternatives.iter_mut().map(|table| &mut table.facts);
    for facts in std::iter::once(&mut participant.facts).chain(inside) {
        facts.retain(|fact| !of_others(&fact.constraint));
        for Fact { constraint, .. } in facts {
            let Constraint::Format(entries) = constraint else { continue };
            let planes = entries.iter_mut().flat_map(|entry| entry.plane.values_mut());
            planes.for_each(|needs| needs.retain(|need| !of_others(need)));
        }
    }
}

fn of_others(constraint: &Constraint) -> bool {
    matches!(
        constraint,
        Constraint::Link(_)
            | Constraint::Heaps(_)
            | Constraint::Avoid(_)
            | Constraint::Prefer(_)
            | Constraint::Unknown(_)
    )
}

/// Those whose memory serves everybody, with what they would have to allocate; each memory once.
pub(crate) fn serving(exporting: &[(usize, Model)]) -> Vec<Exporter> {
    let mut work = Work(STEPS);
    let mut told: Vec<&Participant> = Vec::new();
    let mut found = Vec::new();
    for (part, model) in exporting {
        let stated = model.parts[*part].stated;
        if told.iter().any(|other| same_memory(other, stated)) {
            continue;
        }
        told.push(stated);
        let plan = planned(model, *part, &mut work);
        let exporter = plan.zip(shown(model, *part));
        found.extend(exporter.map(|(plan, who)| Exporter { plan: Some(plan), ..who }));
    }
    found
}

fn planned(model: &Model, part: usize, work: &mut Work) -> Option<Plan> {
    let pairs = model.formats.pairs(&model.binding_lists());
    let strict = Strictness { sized: true, pinned: true };
    let found = everybody(model, terms(model), &pairs, strict).best(model, work).ok()??;
    (!found.left_out.contains(&part)).then(|| plan::plan(model, &pairs, &found).0)
}

/// The exporter as an answer names it.
pub(crate) fn shown(model: &Model, part: usize) -> Option<Exporter> {
    let stated = model.parts[part].stated;
    let exports = stated.exports.as_ref()?;
    Some(Exporter {
        participant: stated.name.clone(),
        driver: stated.driver.clone(),
        how: exports.how.clone(),
        origin: exports.origin.clone(),
        plan: None,
    })
}
