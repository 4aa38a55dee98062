//! A machine that is known by its flattened devicetree alone.

use super::blob::{BYTES_MAX, Blob, BlobError};
use super::dma::{coherent, dma_parent, lowest_reach, reach};
use super::{Tree, architecture, heap_names, iommu, master, memory, pools};
use crate::discover::file::{self, Unreadable};
use crate::discover::masters::{self, Rules};
use crate::discover::{Arch, Observation, SeenDevice, SeenHeap, assemble, ram};
use heapq_constraints::Name;
use heapq_policies::PolicySet;
use std::collections::BTreeMap;
use std::path::Path;

/// Most devices of one tree; mainline's largest has some 1,500.
const DEVICES_MAX: usize = 1 << 13;
/// Longest path of a node that becomes a device, in bytes.
const PATH_MAX: usize = 1 << 10;
/// Nodes at the top that describe no devices.
const NO_BUSES: [&str; 5] = ["aliases", "cpus", "reserved-memory", "thermal-zones", "__symbols__"];

/// Reads the board that a file describes, a flattened devicetree of at most [`BYTES_MAX`] bytes.
///
/// # Errors
/// [`Unreadable`] when there is no such file or it is no devicetree. What is odd further down is a
/// warning of the observation.
pub fn load(path: &Path, policies: &PolicySet) -> Result<Observation, Unreadable> {
    let bytes = file::read(path, BYTES_MAX)?;
    read(&bytes, policies).map_err(|source| Unreadable::Blob { path: path.to_owned(), source })
}

/// The board that a flattened devicetree describes, with the heaps that a current kernel makes on it.
///
/// Devices are the nodes with `compatible` that sit on memory-mapped buses, in use or not: which
/// driver takes them, the policies know by `compatible`, and also where others master their DMA.
///
/// # Errors
/// [`BlobError`] with the offset and what is wrong there.
pub fn read(bytes: &[u8], policies: &PolicySet) -> Result<Observation, BlobError> {
    let tree = Blob::read(bytes)?;
    let root = tree.root();
    let arch = architecture(&tree).unwrap_or_default();
    let reach = lowest_reach(&tree);
    let chosen = tree.child(&root, "chosen");
    let arguments = chosen.map(|chosen| tree.strings(&chosen, "bootargs")).unwrap_or_default();
    let pools = pools(&tree);
    let board = tree.strings(&root, "compatible");
    let rules = Rules { policies, kernel: assemble::CURRENT, board: &board };
    let mut seen = Observation {
        arch,
        devices: devices(&tree, arch, &rules),
        board,
        ram: memory::ram(&tree, reach),
        cma_argument: arguments.first().and_then(|line| ram::cma_argument(line)),
        heaps: heap_names(&pools, assemble::CURRENT).into_iter().map(SeenHeap::offered).collect(),
        pools,
        ..Observation::default()
    };
    if seen.default_area_is_the_kernels() && arch == Arch::Arm64 {
        seen.dma_reach = reach.top;
    }
    seen.warnings = tree.into_warnings();
    Ok(seen)
}

fn devices(tree: &Blob<'_>, arch: Arch, rules: &Rules<'_>) -> Vec<SeenDevice> {
    let aliases = aliases(tree);
    let mut found = Vec::new();
    for node in mapped(tree) {
        if !tree.has(&node, "compatible") {
            continue;
        }
        let path = tree.path(&node);
        if path.len() > PATH_MAX || found.len() == DEVICES_MAX {
            tree.warn(format!("devicetree: {} nodes are too many or too deep", tree.len()));
            break;
        }
        let mut device = device(tree, node, &path, arch, &aliases);
        let mut ways = rules.dma_master(&device).iter();
        let master = ways.find_map(|way| master::find(tree, Some(&node), way));
        device.master = master.map(|master| tree.path(&master).into());
        found.push(device);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    masters::follow(&mut found, &|warning| tree.warn(warning));
    found
}

fn device(
    tree: &Blob<'_>,
    node: u32,
    path: &str,
    arch: Arch,
    aliases: &BTreeMap<Name, Vec<Name>>,
) -> SeenDevice {
    let path: Name = path.into();
    SeenDevice {
        subsystem: "platform".into(),
        bus: Some("platform".into()),
        of_node: Some(path.clone()),
        aliases: aliases.get(&path).cloned().unwrap_or_default(),
        disabled: !tree.available(&node),
        compatible: tree.strings(&node, "compatible"),
        iommu_group: iommu::group(tree, &node),
        dma_window: dma_parent(tree, &node).and_then(|bus| reach(tree, &bus)),
        dma_coherent: match arch {
            Arch::X86 => Some(true),
            Arch::Arm | Arch::Arm64 | Arch::Riscv => Some(coherent(tree, &node)),
            Arch::Other => None,
        },
        path,
        ..SeenDevice::default()
    }
}

/// Nodes that sit on a bus of addresses: not what is behind an I2C, SPI or MDIO controller (whose
/// children have no size), nor behind PCI.
fn mapped(tree: &Blob<'_>) -> impl Iterator<Item = u32> {
    let mut skipped_until = 0;
    tree.all().skip(1).filter(move |node| {
        if *node < skipped_until {
            return false;
        }
        let top = tree.parent(node) == Some(tree.root());
        if top && NO_BUSES.contains(&&*tree.name(node)) {
            skipped_until = tree.after(*node);
            return false;
        }
        if is_closed(tree, node) {
            skipped_until = tree.after(*node);
        }
        true
    })
}

/// Whether what is below a node is out of reach of memory's bus.
fn is_closed(tree: &Blob<'_>, node: &u32) -> bool {
    let sizes = super::cells::cells(tree, node, "#size-cells");
    let addresses = super::cells::cells(tree, node, "#address-cells");
    let pci = tree.strings(node, "device_type").first().is_some_and(|kind| &**kind == "pci");
    pci || (sizes.first() == Some(&0) && addresses.first().is_some_and(|count| *count > 0))
}

/// Aliases by the path that they stand for.
fn aliases(tree: &Blob<'_>) -> BTreeMap<Name, Vec<Name>> {
    let mut found: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    let Some(node) = tree.child(&tree.root(), "aliases") else { return found };
    for name in tree.property_names(node) {
        if let Some(path) = tree.strings(&node, name).into_iter().next() {
            found.entry(path).or_default().push(name.into());
        }
    }
    found
}
