//! What the machine and the policies know of a question's participants.

use crate::topology::{Device, Iommu, Topology, UnknownDevice};
use heapq_constraints::{Constraint, Fact, Origin, Participant, Question};
use heapq_policies::{DeviceKnowledge, DeviceView, PolicySet};

/// Adds to each participant with a `device` or `driver` what the machine and the policies know of
/// it. One that nothing describes becomes `unknown`.
///
/// # Errors
/// A `device` that is not on this machine.
pub fn complete(
    mut question: Question,
    topology: &Topology,
    policies: &PolicySet,
) -> Result<Question, UnknownDevice> {
    for participant in &mut question.participants {
        complete_one(participant, topology, policies)?;
    }
    Ok(question)
}

fn complete_one(
    participant: &mut Participant,
    topology: &Topology,
    policies: &PolicySet,
) -> Result<(), UnknownDevice> {
    let device = match &participant.device {
        Some(name) => Some(topology.device(name)?),
        None => None,
    };
    if device.is_none() && participant.driver.is_none() {
        return Ok(());
    }
    let driver = device.and_then(|device| device.driver.clone());
    participant.driver = participant.driver.take().or(driver);
    let knowledge = knowledge(participant, device, topology, policies);
    let shown = device.map(|device| device.facts.as_slice()).unwrap_or_default();
    let described = knowledge.known || shown.iter().any(links);
    let kept = shown.iter().filter(|fact| !knowledge.overrides.iter().any(|one| one.voids(fact)));
    let mut facts: Vec<Fact> = kept.cloned().collect();
    facts.extend(knowledge.facts);
    if !described {
        let origin = device.map_or(Origin::Default, |device| device.origin());
        facts.push(Fact { constraint: Constraint::Unknown(true), origin });
    }
    // What the client says of itself adds to what is known, and never takes from it.
    facts.append(&mut participant.facts);
    participant.facts = facts;
    participant.exports = participant.exports.take().or(knowledge.exports);
    knowledge.usage.iter().for_each(|usage| participant.usage.insert(usage));
    Ok(())
}

fn links(fact: &Fact) -> bool {
    matches!(fact.constraint, Constraint::Link(_))
}

impl Topology {
    /// Whether a policy speaks of `device`.
    #[must_use]
    pub fn knows(&self, device: &Device, policies: &PolicySet) -> bool {
        let mut participant = Participant::new("device");
        participant.driver = device.driver.clone();
        knowledge(&participant, Some(device), self, policies).known
    }
}

fn knowledge(
    participant: &Participant,
    device: Option<&Device>,
    topology: &Topology,
    policies: &PolicySet,
) -> DeviceKnowledge {
    let mut view = DeviceView::new(topology.kernel);
    view.board = &topology.board;
    view.driver = participant.driver.as_deref();
    let parameter = |name: &str| topology.module_parameter(device?, name);
    if let Some(device) = device {
        view.module = device.module.as_deref();
        view.bus = device.bus.as_deref();
        view.subsystem = Some(&device.subsystem);
        view.name = device.names.first().map(|name| &**name);
        view.compatible = &device.compatible;
        view.modalias = device.modalias.as_deref();
        view.path = Some(&device.path);
        view.nodes = &device.nodes;
        view.has_iommu = Some(device.iommu.translates());
        view.iommu_present = Some(device.iommu != Iommu::None);
        view.module_parameter = Some(&parameter);
    }
    policies.device(&view, participant.usage)
}
