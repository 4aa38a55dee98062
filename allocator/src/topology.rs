//! The machine as requests see it: immutable, with a generation number.

use crate::discover::SeenDevice;
use crate::discover::modules::module_of;
use heapq_constraints::vocabulary::nearest;
use heapq_constraints::{Fact, HeapSet, Name};
use heapq_policies::Kernel;
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
    /// The modalias of its DMI, where it has one.
    pub dmi: Option<Name>,
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
    /// Lists show it: it can be opened, or, where only a devicetree is known and nothing can be, a
    /// policy speaks of it. An IOMMU, a bridge or a bus serves nobody who looks for a device.
    pub listed: bool,
}

impl std::ops::Deref for Device {
    type Target = SeenDevice;

    fn deref(&self) -> &SeenDevice {
        &self.seen
    }
}

impl Device {
    /// The node that `name` means: `/dev/video0`, `video0`, `char:81:0`, `/sys/class/video4linux/video0`,
    /// or where that link leads, or a link of udev's to the node. As an index into its nodes.
    pub(crate) fn node_named(&self, name: &str) -> Option<usize> {
        if let Some(number) = name.strip_prefix("char:") {
            let known = |known: &Name| !number.is_empty() && **known == *number;
            return self.numbers.iter().position(known).filter(|at| *at < self.nodes.len());
        }
        let below = |dir: &str| name.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
        let in_sysfs = below("/sys/class") || below("/sys/bus/media/devices") || below(&self.path);
        let wanted = if in_sysfs { last(name) } else { name };
        let means = |path: &Name| &**path == wanted || last(path) == wanted;
        let linked = |node| self.links.get(node).is_some_and(|links| links.iter().any(means));
        self.nodes.iter().position(|node| means(node) || linked(node))
    }

    /// Whether udev's `ID_PATH`, which is of the device and not of one node, is `name`.
    fn has_id_path(&self, name: &str) -> bool {
        let path = |known: &BTreeMap<Name, Name>| known.get("ID_PATH").cloned();
        self.udev.values().filter_map(path).any(|path| *path == *name)
    }
}

/// A name that no device bears, or that several do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(name, bearers, nearest.as_deref()))]
pub struct UnknownDevice {
    /// As the client wrote it.
    pub name: String,
    /// Those that bear it, a node or else the path of each; not one.
    pub bearers: Vec<Name>,
    /// A known name that may be meant.
    pub nearest: Option<String>,
}

fn describe(name: &str, bearers: &[Name], nearest: Option<&str>) -> String {
    /// So many are listed.
    const LISTED: usize = 8;
    match (bearers, nearest) {
        ([], None) => format!("no device is named {name:?}"),
        ([], Some(known)) => format!("no device is named {name:?}; did you mean {known:?}?"),
        (some, _) => {
            let listed = some.iter().take(LISTED).map(|one| &**one).collect::<Vec<_>>().join(", ");
            let more = if some.len() > LISTED { ", …" } else { "" };
            format!("{name:?} may be any of {}: {listed}{more}; name one", some.len())
        }
    }
}

impl Topology {
    /// The device that bears `name`: a node (`/dev/video0`, `video0`, its path in sysfs, its number as
    /// `char:81:0`, which means the same in every mount namespace, a link of udev's such as
    /// `/dev/v4l/by-path/…`), the device's own sysfs path or the last part of it (a PCI address), udev's
    /// `ID_PATH`, a devicetree path or alias, or `driver:NAME`.
    ///
    /// # Errors
    /// [`UnknownDevice`] when none bears it, or several that differ.
    pub fn device(&self, name: &str) -> Result<&Device, UnknownDevice> {
        let mut bearers = self.devices.iter().filter(|device| bears(device, name));
        match (bearers.next(), bearers.next()) {
            (None, _) => Err(self.unknown(name)),
            (Some(device), None) => Ok(device),
            (Some(one), Some(other)) => {
                let called = |one: &Device| one.nodes.first().unwrap_or(&one.path).clone();
                let bearers = [one, other].into_iter().chain(bearers).map(called).collect();
                Err(UnknownDevice { name: name.to_owned(), bearers, nearest: None })
            }
        }
    }

    /// The devices that lists and counts show; the others can still be asked about by name.
    pub fn shown(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|device| device.listed)
    }

    /// A parameter of the module that drives `device`.
    pub(crate) fn module_parameter(&self, device: &Device, name: &str) -> Option<String> {
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
        UnknownDevice { name: name.to_owned(), bearers: Vec::new(), nearest }
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
        || device.aliases.iter().any(|alias| **alias == *name)
        || device.node_named(name).is_some()
        || (!name.contains('/') && last(&device.path) == name)
        || device.has_id_path(name)
}
