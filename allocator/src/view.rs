//! How a device of the machine, or one node of it, looks to the rules of policies.

use crate::topology::{Device, Iommu, Topology, UnknownDevice};
use heapq_constraints::choice::Choice;
use heapq_constraints::{Fact, Name, Origin};
use heapq_policies::{Considered, DeviceKnowledge, DeviceView, PolicySet};

/// What of a device is looked at: a node by its index, or, of a device without nodes, the device.
pub(crate) type Part = Option<usize>;

/// The nodes of `device` that a client means who calls it `name`: the one that it names, else all
/// that may take buffers.
pub(crate) fn nodes(device: &Device, name: &str) -> Vec<Part> {
    match device.node_named(name) {
        Some(node) => vec![Some(node)],
        None => all_nodes(device),
    }
}

/// Its nodes that may take buffers. A media controller's takes none: it counts where there is no
/// other.
pub(crate) fn all_nodes(device: &Device) -> Vec<Part> {
    let takes = |node: &Name| !node.starts_with("/dev/media");
    let nodes = device.nodes.iter().enumerate().filter(|(_, node)| takes(node));
    let nodes: Vec<Part> = nodes.map(|(index, _)| Some(index)).collect();
    if nodes.is_empty() { vec![(!device.nodes.is_empty()).then_some(0)] } else { nodes }
}

/// Asks rules about a part of `device`; `driver` stands in for the one that is bound to it.
pub(crate) fn see<T>(
    topology: &Topology,
    device: &Device,
    driver: Option<&str>,
    part: Part,
    ask: impl FnOnce(&DeviceView<'_>) -> T,
) -> T {
    let parameter = |name: &str| topology.module_parameter(device, name);
    let node = part.and_then(|index| device.nodes.get(index));
    let name = part.and_then(|index| device.names.get(index)).filter(|name| !name.is_empty());
    ask(&DeviceView {
        driver: driver.or(device.driver.as_deref()),
        node: node.map(|node| &**node),
        name: name.map(|name| &**name),
        udev: node.and_then(|node| device.udev.get(node)),
        board: &topology.board,
        dmi: topology.dmi.as_deref(),
        has_iommu: Some(device.iommu.translates()),
        iommu_present: Some(device.iommu != Iommu::None),
        module_parameter: Some(&parameter),
        ..device.view(topology.kernel)
    })
}

/// The same of a driver without a device.
pub(crate) fn of_driver<T>(
    topology: &Topology,
    driver: Option<&str>,
    ask: impl FnOnce(&DeviceView<'_>) -> T,
) -> T {
    let dmi = topology.dmi.as_deref();
    ask(&DeviceView { driver, board: &topology.board, dmi, ..DeviceView::new(topology.kernel) })
}

/// How the rules stand to one node of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsideredNode {
    /// The node; `None` for a device that has none.
    pub node: Option<Name>,
    /// Each rule with whether it applies: see [`PolicySet::explain`].
    pub rules: Vec<Considered>,
}

/// What is known of one node of a device in one use.
#[derive(Clone, Debug)]
pub struct KnownNode {
    /// The node; `None` for a device that has none.
    pub node: Option<Name>,
    /// What the kernel shows of the device, before any rule overrides it.
    pub shown: Vec<Fact>,
    /// What the rules say.
    pub knowledge: DeviceKnowledge,
}

impl Topology {
    /// What is known of the device or node that bears `name`, in this use: one entry for each node
    /// that may be meant.
    ///
    /// # Errors
    /// A `name` that is not on this machine.
    pub fn known<'c>(
        &self,
        name: &str,
        policies: &PolicySet,
        choice: impl Into<Choice<'c>>,
    ) -> Result<Vec<KnownNode>, UnknownDevice> {
        let (device, choice) = (self.device(name)?, choice.into());
        let known = |part: Part| KnownNode {
            node: part.and_then(|index| device.nodes.get(index)).cloned(),
            shown: device.facts.clone(),
            knowledge: see(self, device, None, part, |view| policies.device(view, choice)),
        };
        Ok(nodes(device, name).into_iter().map(known).collect())
    }

    /// How the rules stand to the device or node that bears `name`, in this use: one entry for each
    /// node that may be meant. `named` chooses rules that are shown whatever they speak of.
    ///
    /// # Errors
    /// A `name` that is not on this machine.
    pub fn consider<'c>(
        &self,
        name: &str,
        policies: &PolicySet,
        choice: impl Into<Choice<'c>>,
        named: &dyn Fn(&Origin) -> bool,
    ) -> Result<Vec<ConsideredNode>, UnknownDevice> {
        let (device, choice) = (self.device(name)?, choice.into());
        let consider = |part: Part| ConsideredNode {
            node: part.and_then(|index| device.nodes.get(index)).cloned(),
            rules: see(self, device, None, part, |view| policies.explain(view, choice, named)),
        };
        Ok(nodes(device, name).into_iter().map(consider).collect())
    }
}
