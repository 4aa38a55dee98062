//! What the machine and the policies know of a question's participants.

use crate::topology::{Device, Topology, UnknownDevice};
use crate::view;
use heapq_constraints::choice::Choice;
use heapq_constraints::question::{Alternative, Exports, Usage, Usages};
use heapq_constraints::{Constraint, Fact, Name, Origin, Participant, Question};
use heapq_policies::{DeviceKnowledge, DeviceView, PolicySet};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Adds to each participant with a `device` or `driver` what the machine and the policies know of
/// it. One that nothing describes becomes `unknown`.
///
/// A participant that names a node gets what holds of that node. One that names a device with
/// several nodes gets what holds of any of them, since any may be meant: a need stands unless it is
/// void for every node, and the device is known when every node is.
///
/// What hangs on the use or format of one of its alternatives is added to that alternative.
///
/// # Errors
/// A `device` that is not on this machine.
pub fn complete(
    question: Question,
    topology: &Topology,
    policies: &PolicySet,
) -> Result<Question, UnknownDevice> {
    Descriptions::default().complete(question, topology, policies)
}

/// Names of devices of which [`Descriptions`] remember what is known.
const NAMES: usize = 1024;

/// What was found out of devices by their names, on one machine under one set of policies. What
/// hangs on their use is not in it.
#[derive(Debug, Default)]
pub struct Descriptions(Mutex<BTreeMap<Name, Arc<Known>>>);

impl Descriptions {
    /// As [`complete`], always for the same machine and policies.
    ///
    /// # Errors
    /// A `device` that is not on this machine.
    pub fn complete(
        &self,
        mut question: Question,
        topology: &Topology,
        policies: &PolicySet,
    ) -> Result<Question, UnknownDevice> {
        let known =
            question.participants.iter().map(|one| self.known(&question, one, topology, policies));
        let known = known.collect::<Result<Vec<_>, _>>()?;
        for (participant, known) in question.participants.iter_mut().zip(&known) {
            add(participant, known);
        }
        Ok(question)
    }

    /// As [`known`], of a device under its own driver from memory.
    fn known(
        &self,
        question: &Question,
        participant: &Participant,
        topology: &Topology,
        policies: &PolicySet,
    ) -> Result<Vec<Arc<Known>>, UnknownDevice> {
        let plain = participant.alternatives.is_empty() && participant.driver.is_none();
        let name = participant.device.as_ref().filter(|_| plain);
        let remembered = name.and_then(|name| self.lock().get(name).cloned());
        if let Some(known) = remembered {
            return Ok(vec![known]);
        }
        let known = known(question, participant, topology, policies)?;
        if let (Some(name), [only]) = (name, known.as_slice())
            && !only.depends_on_use
        {
            let mut names = self.lock();
            if names.len() < NAMES {
                names.insert(name.clone(), Arc::clone(only));
            }
        }
        Ok(known)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of one participant, apart from what the question says.
#[derive(Debug, Default)]
struct Known {
    facts: Vec<Fact>,
    usage: Usages,
    exports: Option<Arc<Exports>>,
    driver: Option<Name>,
    /// Of another use something else may be known.
    depends_on_use: bool,
}

/// What is known of a participant: one entry for each of its alternatives, or one where it has none.
/// Empty where it is no device.
fn known(
    question: &Question,
    participant: &Participant,
    topology: &Topology,
    policies: &PolicySet,
) -> Result<Vec<Arc<Known>>, UnknownDevice> {
    let device = participant.device.as_deref().map(|name| Ok((topology.device(name)?, name)));
    let device = device.transpose()?;
    let stated = participant.driver.as_deref();
    let known = |table: Option<&Alternative>| {
        let choice = Choice::of(question, participant, table);
        let ask = |view: &DeviceView<'_>| policies.device(view, choice);
        match device {
            None => with_kernel_facts(view::of_driver(topology, stated, ask), None),
            Some((device, name)) => {
                let parts = view::nodes(device, name).into_iter();
                let of_part = |part| view::see(topology, device, stated, part, ask);
                let each = parts.map(|part| with_kernel_facts(of_part(part), Some(device)));
                each.reduce(Known::or).unwrap_or_default()
            }
        }
    };
    Ok(match participant.alternatives.as_slice() {
        _ if device.is_none() && stated.is_none() => Vec::new(),
        [] => vec![known(None).into()],
        tables => tables.iter().map(|table| known(Some(table)).into()).collect(),
    })
}

/// What the kernel shows and no rule overrides, and what the policies say.
fn with_kernel_facts(knowledge: DeviceKnowledge, device: Option<&Device>) -> Known {
    let shown = device.map(|device| device.facts.as_slice()).unwrap_or_default();
    let kept = shown.iter().filter(|fact| !knowledge.overrides.iter().any(|one| one.voids(fact)));
    let mut facts: Vec<Fact> = kept.cloned().collect();
    facts.extend(knowledge.facts);
    let links = |fact: &Fact| matches!(fact.constraint, Constraint::Link(_));
    if !knowledge.known && !shown.iter().any(links) {
        let origin = device.map_or(Origin::Default, |device| device.origin());
        facts.push(Fact { constraint: Constraint::Unknown(true), origin });
    }
    let driver = device.and_then(|device| device.driver.clone());
    let DeviceKnowledge { usage, exports, depends_on_use, .. } = knowledge;
    Known { facts, usage, exports, driver, depends_on_use }
}

impl Known {
    /// Either may be meant.
    fn or(mut self, other: Self) -> Self {
        let new = other.facts.into_iter().filter(|fact| !self.facts.contains(fact));
        let new: Vec<Fact> = new.collect();
        self.facts.extend(new);
        Self {
            facts: self.facts,
            usage: self.usage.union(other.usage),
            exports: self.exports.or(other.exports),
            driver: self.driver.or(other.driver),
            depends_on_use: self.depends_on_use || other.depends_on_use,
        }
    }
}

/// Adds what holds whatever is chosen to the participant, and the rest to the alternatives.
fn add(participant: &mut Participant, known: &[Arc<Known>]) {
    let Some((first, others)) = known.split_first() else { return };
    let common = |fact: &&Fact| others.iter().all(|one| one.facts.contains(fact));
    for usage in Usage::ALL {
        if known.iter().all(|one| one.usage.contains(usage)) {
            participant.usage.insert(usage);
        }
    }
    for one in known {
        participant.exports = participant.exports.take().or_else(|| one.exports.clone());
        participant.driver = participant.driver.take().or_else(|| one.driver.clone());
    }
    for (alternative, one) in participant.alternatives.iter_mut().zip(known) {
        let own = one.facts.iter().filter(|fact| !(first.facts.contains(fact) && common(fact)));
        put_before(&mut alternative.facts, own);
        alternative.usage = alternative.usage.union(one.usage);
    }
    put_before(&mut participant.facts, first.facts.iter().filter(common));
}

/// What the client says of itself adds to what is known, and never takes from it.
fn put_before<'f>(stated: &mut Vec<Fact>, known: impl Iterator<Item = &'f Fact>) {
    let mut all = Vec::with_capacity(stated.len() + known.size_hint().1.unwrap_or_default());
    all.extend(known.cloned());
    all.append(stated);
    *stated = all;
}

impl Topology {
    /// Whether a policy speaks of `device`.
    #[must_use]
    pub fn knows(&self, device: &Device, policies: &PolicySet) -> bool {
        let speaks = |view: &DeviceView<'_>| policies.device(view, Usages::default()).known;
        view::all_nodes(device).into_iter().any(|node| view::see(self, device, None, node, speaks))
    }
}
