//! What a machine shows, as plain data, and the topology that follows from it.
//!
//! An [`Observation`] comes from a directory that holds `sys`, `dev` and `proc` (the running
//! machine, a capture, a test's made-up tree: [`sysfs`]), from a file that somebody wrote
//! ([`snapshot`]) or from a board's flattened devicetree ([`devicetree`]). [`assemble`] turns it into a topology and reads nothing.

mod assemble;
mod board;
mod candidates;
mod cma;
mod described;
mod devices;
pub mod devicetree;
mod facts;
pub(crate) mod file;
mod masters;
pub(crate) mod modules;
mod ram;
mod root;
pub mod snapshot;
pub mod sysfs;
mod udmabuf;

pub use assemble::assemble;
pub use board::{BUNDLED_BOARD, bundled_board};
pub use described::Described;
pub use file::Unreadable;
pub use udmabuf::Udmabuf;

use heapq_constraints::fact::Windows;
use heapq_constraints::{Name, Origin};
use heapq_policies::{DeviceView, Kernel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a machine shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Observation {
    /// The kernel's release, e.g. `6.12.107+deb13-amd64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Name>,
    /// What the kernel was built for.
    pub arch: Arch,
    /// The `compatible` list of the devicetree's root, most specific first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub board: Vec<Name>,
    /// The modalias of the machine's DMI: makers, models and versions, no serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dmi: Option<Name>,
    /// Where RAM is, CPU-physical; `None` where that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ram: Option<Placed>,
    /// Where the default contiguous area lies, as `cma=SIZE@START-END` on the command line says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cma_argument: Option<CmaArgument>,
    /// The top of what every bus with `dma-ranges` reaches, CPU-physical, not included: the kernel
    /// puts its own default area below it. `None`: no bus is limited, or there is no devicetree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dma_reach: Option<u64>,
    /// All nodes of class `dma_heap`, by name.
    #[serde(rename = "heap", skip_serializing_if = "Vec::is_empty")]
    pub heaps: Vec<SeenHeap>,
    /// The device that makes dma-bufs of memfds, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udmabuf: Option<Udmabuf>,
    /// Contiguous areas, by name.
    #[serde(rename = "cma", skip_serializing_if = "Vec::is_empty")]
    pub cma: Vec<CmaArea>,
    /// Reusable `shared-dma-pool` nodes of the devicetree, by name.
    #[serde(rename = "pool", skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// Parameters of the modules that drive the devices: module, then parameter.
    #[serde(rename = "module", skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<Name, BTreeMap<Name, Name>>,
    /// Devices with a driver, by path.
    #[serde(rename = "device", skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<SeenDevice>,
    /// What was odd or unreadable, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A family of processors, as far as the rules differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// 32 or 64 bits: devices snoop caches, the default contiguous area lies anywhere in RAM.
    X86,
    /// 32-bit ARM.
    Arm,
    /// 64-bit ARM.
    Arm64,
    /// RISC-V.
    Riscv,
    /// Another one, or unknown: nothing is assumed of it.
    #[default]
    Other,
}

/// Places with the file that names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Placed {
    /// CPU-physical intervals.
    pub windows: Windows,
    /// The file, by its absolute path.
    pub from: Name,
}

impl Placed {
    /// Whoever says so: a file of /sys or /proc, or a node of the devicetree.
    pub(crate) fn origin(&self) -> Origin {
        let kernels = ["/sys/", "/proc/"].iter().any(|dir| self.from.starts_with(dir));
        let make = if kernels { Origin::Sysfs } else { Origin::Devicetree };
        make(self.from.clone())
    }
}

impl Observation {
    /// The second name of the default contiguous area, under which /sys/kernel/mm/cma and the heaps
    /// of kernels before 6.17 know it: `reserved` when the command line or the kernel's
    /// configuration made it, else the devicetree node's.
    #[must_use]
    pub fn default_area_name(&self) -> Name {
        let pool = self.pools.iter().find(|pool| pool.default && self.cma_argument.is_none());
        pool.map_or_else(|| "reserved".into(), |pool| pool.name.clone())
    }

    /// Whether the kernel itself chose where its default area lies.
    pub(crate) fn default_area_is_the_kernels(&self) -> bool {
        let placed = self.cma_argument.as_ref().is_some_and(|one| one.window.is_some());
        let node = self.pools.iter().any(|pool| pool.default && self.cma_argument.is_none());
        !placed && !node
    }
}

/// What `cma=` on the kernel's command line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CmaArgument {
    /// Its size in bytes; 0 switches the area off.
    pub bytes: u64,
    /// Where it has to lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Windows>,
}

/// One entry of class `dma_heap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeenHeap {
    /// The name, which is all that the kernel tells of a heap.
    pub name: Name,
    /// Its directory in sysfs.
    pub path: Name,
    /// Its device node is there too.
    pub node: bool,
}

impl SeenHeap {
    /// One that a kernel is said to offer.
    pub(crate) fn offered(name: Name) -> Self {
        Self { path: format!("/sys/class/dma_heap/{name}").into(), name, node: true }
    }
}

/// One contiguous area of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CmaArea {
    /// As /sys/kernel/mm/cma names it.
    pub name: Name,
    /// Its size.
    pub bytes: u64,
    /// Its first byte, CPU-physical; `None` where the kernel does not show it, which it does to root
    /// alone and for areas of one piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
}

/// A `/reserved-memory` node of the devicetree that becomes a contiguous area and a heap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pool {
    /// The node's name with its unit address: also the heap's.
    pub name: Name,
    /// It carries `linux,cma-default`.
    #[serde(default)]
    pub default: bool,
    /// Where it lies (`reg`), or may lie (`alloc-ranges`), CPU-physical; `None`: it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Windows>,
    /// Its size in bytes, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One device with a driver, and the nodes through which it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeenDevice {
    /// The directory of the device in sysfs (the parent of its nodes).
    pub path: Name,
    /// Device nodes, e.g. `/dev/video0`. Empty for one that only masters DMA for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Name>,
    /// What the kernel calls those nodes (V4L2's card and queue names), in the same order; empty or
    /// missing where it does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// The device numbers of those nodes, as sysfs writes them (`81:3`), in the same order; empty or
    /// missing where it does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Name>,
    /// What udev's rules found out about those nodes, where policies may look at it: node, then
    /// property.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub udev: BTreeMap<Name, BTreeMap<Name, Name>>,
    /// Links to those nodes that udev's rules made: node, then paths such as
    /// `/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<Name, Vec<Name>>,
    /// `video4linux`, `drm`, `accel`, `media`; or the bus, where there is no node.
    pub subsystem: Name,
    /// The driver that is bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Name>,
    /// The driver's module, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Name>,
    /// `platform`, `pci`, `usb` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<Name>,
    /// From the devicetree, most specific first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compatible: Vec<Name>,
    /// The device's modalias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modalias: Option<Name>,
    /// Its node's path in the devicetree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_node: Option<Name>,
    /// What the devicetree's `/aliases` call that node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Name>,
    /// Its node, or one above, is not in use until a boot loader or an overlay says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The device that masters its DMA, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<Name>,
    /// Text of `iommu_group/type`, where there is a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iommu_group: Option<Name>,
    /// The DMA mask, where the kernel shows one that means something: PCI, with a driver bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dma_mask_bits: Option<u8>,
    /// What the `dma-ranges` of the buses above it leave, CPU-physical; `None`: no limit is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dma_window: Option<Placed>,
    /// Whether it snoops caches, and who says so; `None` where nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dma_coherent: Option<bool>,
    /// Heaps that it links to in sysfs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heap_links: Vec<HeapLink>,
}

impl SeenDevice {
    /// It is known by its node in a devicetree, not by a running kernel's /sys.
    #[must_use]
    pub fn described(&self) -> bool {
        self.of_node.as_ref() == Some(&self.path)
    }

    /// As rules look at it, whatever node is meant. What its DMA master, its module and its board show
    /// is not in it.
    pub(crate) fn view(&self, kernel: Kernel) -> DeviceView<'_> {
        DeviceView {
            driver: self.driver.as_deref(),
            module: self.module.as_deref(),
            bus: self.bus.as_deref(),
            subsystem: Some(&self.subsystem),
            compatible: &self.compatible,
            modalias: self.modalias.as_deref(),
            path: Some(&self.path),
            ..DeviceView::new(kernel)
        }
    }

    /// Where what is known of it comes from.
    pub(crate) fn origin(&self) -> Origin {
        let make = if self.described() { Origin::Devicetree } else { Origin::Sysfs };
        make(self.path.clone())
    }
}

/// A `dma_heap` link in a device's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeapLink {
    /// The heap it leads to.
    pub heap: Name,
    /// The link itself.
    pub path: Name,
}
