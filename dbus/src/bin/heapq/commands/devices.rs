//! `heapq devices`: who may touch a buffer, and what is known of their needs.

use super::plan::joined;
use crate::cli::Global;
use crate::output::{Report, note, print};
use crate::problem::Problem;
use crate::session::{broker, demanded_daemon};
use crate::table::{DIM, Table, printable};
use heapq_allocator::{AskError, Device, Iommu, Topology, UnknownDevice, complete};
use heapq_constraints::{Name, Origin, Participant, Question};
use heapq_dbus::exit::Exit;
use heapq_dbus::listing::{self, ShownDevice};
use heapq_policies::PolicySet;
use serde::Serialize;
use std::fmt::Write as _;

/// Some or all devices of a machine.
#[derive(Debug, Serialize)]
struct Devices {
    devices: Vec<Row>,
    /// These were asked for by name: all that is known is shown.
    #[serde(skip)]
    named: bool,
}

/// One device.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    path: Name,
    nodes: Vec<Name>,
    subsystem: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<Name>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compatible: Vec<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_node: Option<Name>,
    /// The devicetree has it switched off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
    /// The device that masters its DMA, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    dma_master: Option<Name>,
    iommu: Translation,
    /// Heaps that it links to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heap_links: Vec<Name>,
    /// What is known of it before it says what it does; absent where the daemon was asked, which
    /// tells needs in its answers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<Vec<Need>>,
    /// What its own driver allocates, where that is known and stands in for some heap.
    #[serde(skip_serializing_if = "Option::is_none")]
    exports: Option<Need>,
}

/// Its IOMMU group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Translation {
    translates: bool,
    /// `translating`, `passthrough` or `none`.
    kind: String,
    /// The group's type, where there is a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_type: Option<Name>,
}

/// One need, or what is to be had instead, with whoever says so.
#[derive(Debug, Serialize)]
struct Need {
    /// In the vocabulary's spelling.
    stated: String,
    origin: Origin,
}

impl From<&Iommu> for Translation {
    fn from(iommu: &Iommu) -> Self {
        let (kind, group_type) = match iommu {
            Iommu::None => ("none", None),
            Iommu::Translating(kind) => ("translating", Some(kind.clone())),
            Iommu::Passthrough(kind) => ("passthrough", Some(kind.clone())),
        };
        Self { translates: iommu.translates(), kind: kind.to_owned(), group_type }
    }
}

impl From<ShownDevice> for Row {
    fn from(device: ShownDevice) -> Self {
        let translates = device.iommu == "translating";
        Self {
            path: device.path,
            nodes: device.nodes,
            subsystem: device.subsystem,
            driver: device.driver,
            module: None,
            bus: None,
            compatible: Vec::new(),
            of_node: None,
            disabled: false,
            dma_master: None,
            iommu: Translation { translates, kind: device.iommu, group_type: None },
            heap_links: Vec::new(),
            needs: None,
            exports: None,
        }
    }
}

impl Row {
    fn new(device: &Device, topology: &Topology, policies: &PolicySet) -> Result<Self, Problem> {
        let (needs, exports) = known(device, topology, policies)?;
        Ok(Self {
            path: device.path.clone(),
            nodes: device.nodes.clone(),
            subsystem: device.subsystem.clone(),
            driver: device.driver.clone(),
            module: device.module.clone(),
            bus: device.bus.clone(),
            compatible: device.compatible.clone(),
            of_node: device.of_node.clone(),
            disabled: device.disabled,
            dma_master: device.master.clone(),
            iommu: Translation::from(&device.iommu),
            heap_links: device.heap_links.iter().map(|link| link.heap.clone()).collect(),
            needs: Some(needs),
            exports,
        })
    }

    /// What users call it: the node that they open most likely, else the end of its path.
    fn called(&self) -> String {
        let usual = |node: &&Name| node.contains("/video") || node.contains("/card");
        match self.nodes.iter().find(usual).or(self.nodes.first()) {
            Some(node) => node.to_string(),
            None => self.path.rsplit('/').next().unwrap_or(&self.path).to_owned(),
        }
    }

    /// The same, with how many more nodes there are.
    fn called_of_all(&self) -> String {
        match self.nodes.len() {
            0 if self.disabled => format!("{} (disabled)", self.called()),
            0 | 1 => self.called(),
            nodes => format!("{} +{}", self.called(), nodes - 1),
        }
    }

    fn iommu(&self) -> String {
        match (&self.iommu.group_type, self.iommu.translates) {
            (None, _) => self.iommu.kind.clone(),
            (Some(kind), true) => kind.to_string(),
            (Some(kind), false) => format!("{kind} (does not translate)"),
        }
    }

    fn in_full(&self) -> String {
        let optional = |name: &Option<Name>| name.as_deref().unwrap_or_default().to_owned();
        let facts = [
            ("path", self.path.to_string()),
            ("nodes", joined(&self.nodes, " ")),
            ("subsystem", self.subsystem.to_string()),
            ("driver", optional(&self.driver)),
            ("module", optional(&self.module)),
            ("bus", optional(&self.bus)),
            ("compatible", joined(&self.compatible, " ")),
            ("of-node", optional(&self.of_node)),
            ("status", if self.disabled { "disabled".to_owned() } else { String::new() }),
            ("dma-master", optional(&self.dma_master)),
            ("iommu", self.iommu()),
            ("heap-links", joined(&self.heap_links, " ")),
        ];
        let mut text = printable(&self.called()) + "\n";
        // Writing to a string cannot fail.
        for (key, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "  {key:<11} {}", printable(value));
        }
        let needs = self.needs.iter().flatten().map(|need| ("needs", need));
        let exports = self.exports.iter().map(|memory| ("exports", memory));
        for (key, Need { stated, origin }) in needs.chain(exports) {
            let (stated, origin) = (printable(stated), printable(&origin.to_string()));
            let _ = writeln!(text, "  {key:<11} {stated}  {DIM}{origin}{DIM:#}");
        }
        text
    }
}

/// What discovery and policies say of its needs, as they would in a request that does not say what the
/// device does, and of what it allocates.
fn known(
    device: &Device,
    topology: &Topology,
    policies: &PolicySet,
) -> Result<(Vec<Need>, Option<Need>), Problem> {
    let mut participant = Participant::new("device");
    // Several devices of a virtual driver can share one path; a node is one's own.
    participant.device = Some(device.nodes.first().unwrap_or(&device.path).clone());
    let question = Question { participants: vec![participant], ..Question::default() };
    let question = complete(question, topology, policies).map_err(AskError::from)?;
    let Some(known) = question.participants.into_iter().next() else { return Ok((vec![], None)) };
    let need = |stated, origin| Need { stated, origin };
    let needs = known.facts.into_iter().map(|fact| need(fact.constraint.stated(), fact.origin));
    let exports = known.exports.map(|exports| need(exports.stated(), exports.origin.clone()));
    Ok((needs.collect(), exports))
}

impl Report for Devices {
    fn human(&self, legend: bool) -> String {
        if self.named {
            return self.devices.iter().map(Row::in_full).collect();
        }
        if self.devices.is_empty() {
            return "no devices\n".to_owned();
        }
        let mut table = Table::new(&["DEVICE", "SUBSYSTEM", "DRIVER", "IOMMU", "NEEDS", "PATH"]);
        for device in &self.devices {
            let mut needs: Vec<&str> =
                device.needs.iter().flatten().map(|need| need.stated.as_str()).collect();
            needs.dedup();
            table.row([
                device.called_of_all(),
                device.subsystem.to_string(),
                device.driver.as_deref().unwrap_or_default().to_owned(),
                device.iommu(),
                if device.needs.is_some() { needs.join("; ") } else { "?".to_owned() },
                device.path.to_string(),
            ]);
        }
        table.render(legend)
    }
}

/// Runs the command.
pub(crate) fn run(names: &[String], global: &Global) -> Result<Exit, Problem> {
    let devices = match demanded_daemon(global)? {
        Some((client, runtime)) => {
            let devices = shown(names, runtime.block_on(listing::devices(&client))?)?;
            note(
                "a service tells what devices need in its answers only (`heapq explain`); without \
                 --daemon, --session and --bus this process reads it itself",
            );
            devices
        }
        None => read(names, global)?,
    };
    let report = Devices { devices, named: !names.is_empty() };
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}

/// What this process sees.
fn read(names: &[String], global: &Global) -> Result<Vec<Row>, Problem> {
    let broker = broker(global, false)?;
    let (topology, policies) = (broker.topology(), broker.policies());
    let chosen: Vec<&Device> = if names.is_empty() {
        topology.shown().collect()
    } else {
        let found = names.iter().map(|name| topology.device(name).map_err(AskError::from));
        found.collect::<Result<_, _>>()?
    };
    chosen.into_iter().map(|device| Row::new(device, &topology, &policies)).collect()
}

/// What a daemon shows.
fn shown(names: &[String], devices: Vec<ShownDevice>) -> Result<Vec<Row>, Problem> {
    let node = |node: &Name, name: &str| {
        &**node == name || node.rsplit('/').next().is_some_and(|last| last == name)
    };
    let bears = |device: &ShownDevice, name: &str| {
        &*device.path == name || device.nodes.iter().any(|one| node(one, name))
    };
    if let Some(name) = names.iter().find(|name| !devices.iter().any(|one| bears(one, name))) {
        let unknown = UnknownDevice { name: name.clone(), bearers: Vec::new(), nearest: None };
        return Err(AskError::from(unknown).into());
    }
    let chosen = devices.into_iter().filter(|device| match names {
        [] => true,
        names => names.iter().any(|name| bears(device, name)),
    });
    Ok(chosen.map(Row::from).collect())
}
