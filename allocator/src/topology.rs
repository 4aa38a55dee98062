//! The machine as requests see it: immutable, with a generation number.

use crate::discover::SeenDevice;
use crate::discover::modules::module_of;
use heapq_constraints::vocabulary::nearest;
use heapq_constraints::{Constraint, Fact, HeapSet, Name, Origin, Participant, Question};
use heapq_policies::{DeviceKnowledge, DeviceView, Kernel, PolicySet};
use std::collections::BTreeMap;

/// Heaps and devices at one moment. Requests keep the one that they began with.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Counts up with every change; 1 for the first.
    pub generation: u64,
    /// The kernel's version, as policies match it.
    pub kernel: Kernel,
    /// The kernel's release as it names itself; empty where the source does not say.
    pub release: Name,
    /// The board's `compatible` list from the devicetree's root, most specific first.
    pub board: Vec<Name>,
    /// The heaps with their compatibility graph.
    pub heaps: HeapSet,
    /// All devices, by path.
    pub devices: Vec<Device>,
    /// Parameters of the modules that drive them: module, then parameter.
    pub modules: BTreeMap<Name, BTreeMap<Name, Name>>,
    /// What was odd or unreadable on the machine, in words.
    pub warnings: Vec<String>,
}

/// What translates a device's DMA addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Iommu {
    /// Nothing, as far as sysfs shows.
    None,
    /// The group's domain translates (type `DMA` or `DMA-FQ`).
    Translating(Name),
    /// There is a group, but its domain passes addresses through (`identity`), or is of a type of
    /// which we do not know that it translates.
    Passthrough(Name),
}

impl Iommu {
    /// From the text of `iommu_group/type`.
    #[must_use]
    pub fn from_group_type(kind: Option<&Name>) -> Self {
        match kind {
            None => Self::None,
            Some(kind) if matches!(&**kind, "DMA" | "DMA-FQ") => Self::Translating(kind.clone()),
            Some(kind) => Self::Passthrough(kind.clone()),
        }
    }

    /// Whether scattered memory looks contiguous to the device, and all of memory is in reach.
    #[must_use]
    pub fn translates(&self) -> bool {
        matches!(self, Self::Translating(_))
    }
}

/// One device that a client can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What the machine shows of it.
    pub seen: SeenDevice,
    /// Of its DMA master.
    pub iommu: Iommu,
    /// What the kernel shows to be true of it and of its DMA master.
    pub facts: Vec<Fact>,
}

impl std::ops::Deref for Device {
    type Target = SeenDevice;

    fn deref(&self) -> &SeenDevice {
        &self.seen
    }
}

/// A name that no device bears, or that several do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(name, *bearers, nearest.as_deref()))]
pub struct UnknownDevice {
    /// As the client wrote it.
    pub name: String,
    /// How many devices bear it; not 1.
    pub bearers: usize,
    /// A known name that may be meant.
    pub nearest: Option<String>,
}

fn describe(name: &str, bearers: usize, nearest: Option<&str>) -> String {
    match (bearers, nearest) {
        (0, None) => format!("no device is named {name:?}"),
        (0, Some(known)) => format!("no device is named {name:?}; did you mean {known:?}?"),
        (some, _) => format!("{some} devices are named {name:?}; name one by its node or path"),
    }
}

impl Topology {
    /// The device that bears `name`: a sysfs path, a node (`/dev/video0`, `video0`), a devicetree
    /// path, `driver:NAME`, or a PCI address.
    ///
    /// # Errors
    /// [`UnknownDevice`] when none bears it, or several that differ.
    pub fn device(&self, name: &str) -> Result<&Device, UnknownDevice> {
        let mut bearers = self.devices.iter().filter(|device| bears(device, name));
        let first = bearers.next();
        let more = bearers.count();
        match (first, more) {
            (Some(device), 0) => Ok(device),
            (None, _) => Err(self.unknown(name)),
            (Some(_), more) => {
                Err(UnknownDevice { name: name.to_owned(), bearers: more + 1, nearest: None })
            }
        }
    }

    /// A parameter of the module that drives `device`.
    fn module_parameter(&self, device: &Device, name: &str) -> Option<String> {
        let parameters = self.modules.get(&module_of(device)?)?;
        parameters.get(name).map(|value| value.to_string())
    }

    fn unknown(&self, name: &str) -> UnknownDevice {
        let mut known: Vec<&str> = Vec::new();
        for device in &self.devices {
            known.push(&device.path);
            known.extend(device.nodes.iter().map(|node| &**node));
            known.extend(device.nodes.iter().map(|node| last(node)));
        }
        let nearest = nearest(name, &known).map(str::to_owned);
        UnknownDevice { name: name.to_owned(), bearers: 0, nearest }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn bears(device: &Device, name: &str) -> bool {
    if let Some(driver) = name.strip_prefix("driver:") {
        return !device.nodes.is_empty() && device.driver.as_deref() == Some(driver);
    }
    &*device.path == name
        || device.of_node.as_deref() == Some(name)
        || device.nodes.iter().any(|node| &**node == name || last(node) == name)
        || (name.contains(':') && last(&device.path) == name)
}

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
        let path = device.map(|device| Origin::Sysfs(device.path.clone()));
        let origin = path.unwrap_or(Origin::Default);
        facts.push(Fact { constraint: Constraint::Unknown(true), origin });
    }
    // What the client says of itself adds to what is known, and never takes from it.
    facts.append(&mut participant.facts);
    participant.facts = facts;
    knowledge.usage.iter().for_each(|usage| participant.usage.insert(usage));
    Ok(())
}

fn links(fact: &Fact) -> bool {
    matches!(fact.constraint, Constraint::Link(_))
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
