//! What rules may look at: a device and a caller as others observed them.

use crate::Kernel;
use heapq_constraints::Name;
use std::collections::BTreeMap;
use std::fmt;

/// Reads a parameter of the device's module by name.
pub type ParameterOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The udev properties that rules may look at, those that end in `*` by how they begin. No serial
/// number is among them.
pub(crate) const UDEV_PROPERTIES: [&str; 5] =
    ["ID_V4L_*", "ID_MODEL*", "ID_VENDOR*", "ID_PATH", "ID_BUS"];

/// Whether rules may look at a udev property of this name.
#[must_use]
pub fn is_udev_property(name: &str) -> bool {
    UDEV_PROPERTIES.iter().any(|known| match known.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == *known,
    })
}

/// A device, and one of its nodes, as discovery sees them; what is not known is absent, and a rule
/// that asks for it does not match.
#[derive(Clone, Copy)]
pub struct DeviceView<'a> {
    /// Name of the bound driver, as the `driver` link in sysfs ends.
    pub driver: Option<&'a str>,
    /// Name of the driver's module; `-` and `_` are the same in it.
    pub module: Option<&'a str>,
    /// The bus: `platform`, `pci`, `usb`, …
    pub bus: Option<&'a str>,
    /// The node's class: `video4linux`, `drm`, …
    pub subsystem: Option<&'a str>,
    /// The node that is meant: `/dev/video0`.
    pub node: Option<&'a str>,
    /// Its `name` attribute (V4L2 has one: `vivid-000-vid-cap`).
    pub name: Option<&'a str>,
    /// What udev's rules found out about the node.
    pub udev: Option<&'a BTreeMap<Name, Name>>,
    /// The devicetree node's `compatible` list.
    pub compatible: &'a [Name],
    /// The `modalias` attribute.
    pub modalias: Option<&'a str>,
    /// Path of the device (not of its node) below /sys.
    pub path: Option<&'a str>,
    /// The board's `compatible` list, as the devicetree's root has it.
    pub board: &'a [Name],
    /// The machine's DMI modalias: `dmi:bvnACME:…:svnACME:pnKiosk:…`.
    pub dmi: Option<&'a str>,
    /// Reads a parameter of the driver's module; an array is its elements with commas.
    pub module_parameter: Option<ParameterOf<'a>>,
    /// Whether an IOMMU translates for its DMA master (group type `DMA` or `DMA-FQ`). Unknown
    /// counts as no.
    pub has_iommu: Option<bool>,
    /// Whether its DMA master is in an IOMMU group of whatever type: what counts for drivers that
    /// run a domain of their own. Unknown is as `has_iommu`.
    pub iommu_present: Option<bool>,
    /// The running kernel.
    pub kernel: Kernel,
}

impl<'a> DeviceView<'a> {
    /// A device of which nothing is known, to be filled in.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        Self {
            driver: None,
            module: None,
            bus: None,
            subsystem: None,
            node: None,
            name: None,
            udev: None,
            compatible: &[],
            modalias: None,
            path: None,
            board: &[],
            dmi: None,
            module_parameter: None,
            has_iommu: None,
            iommu_present: None,
            kernel,
        }
    }
}

impl fmt::Debug for DeviceView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceView")
            .field("driver", &self.driver)
            .field("path", &self.path)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Numeric user id.
    pub uid: u32,
    /// The user's name, where the system knows one.
    pub user: Option<&'a str>,
    /// Numeric ids of all groups.
    pub gids: &'a [u32],
    /// Names of those groups that have one.
    pub groups: &'a [&'a str],
}
