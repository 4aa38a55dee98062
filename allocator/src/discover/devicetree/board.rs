//! A machine that is known by its flattened devicetree alone.

use super::blob::{BYTES_MAX, Blob, BlobError};
use super::dma::{coherent, dma_parent, lowest_reach, reach};
use super::{Tree, architecture, heap_names, iommu, master, memory, pools};
use crate::discover::{Arch, Observation, SeenDevice, SeenHeap, assemble, ram};
use heapq_constraints::Name;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most devices of one tree; mainline's largest has some 1,500.
const DEVICES_MAX: usize = 1 << 13;
/// Longest path of a node that becomes a device, in bytes.
const PATH_MAX: usize = 1 << 10;
/// Nodes at the top that describe no devices.
const NO_BUSES: [&str; 6] =
    ["aliases", "chosen", "cpus", "reserved-memory", "thermal-zones", "__symbols__"];

/// Why a file is no board.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no devicetree.
    #[error("{path}: {source}")]
    Blob {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: BlobError,
    },
}

/// Reads the board that a file describes, a flattened devicetree of at most [`BYTES_MAX`] bytes.
///
/// # Errors
/// [`Unreadable`] when there is no such file or it is no devicetree. What is odd further down is a
/// warning of the observation.
pub fn load(path: &Path) -> Result<Observation, Unreadable> {
    let fail = |source| Unreadable::File { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    let kind = file.metadata().map_err(fail)?;
    if !kind.is_file() {
        return Err(fail(std::io::Error::other("not a regular file")));
    }
    let bound = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more than may be: then the reader refuses it.
    file.take(bound.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    read(&bytes).map_err(|source| Unreadable::Blob { path: path.to_owned(), source })
}

/// The board that a flattened devicetree describes, with the heaps that a current kernel makes on it.
///
/// Devices are the nodes with `compatible` that sit on memory-mapped buses, in use or not: which
/// driver takes them, the policies know by `compatible`.
///
/// # Errors
/// [`BlobError`] with the offset and what is wrong there.
pub fn read(bytes: &[u8]) -> Result<Observation, BlobError> {
    let tree = Blob::read(bytes)?;
    let root = tree.root();
    let arch = architecture(&tree).unwrap_or_default();
    let reach = lowest_reach(&tree);
    let chosen = tree.child(&root, "chosen");
    let arguments = chosen.map(|chosen| tree.strings(&chosen, "bootargs")).unwrap_or_default();
    let pools = pools(&tree);
    let mut seen = Observation {
        arch,
        board: tree.strings(&root, "compatible"),
        ram: memory::ram(&tree, reach),
        cma_argument: arguments.first().and_then(|line| ram::cma_argument(line)),
        heaps: heap_names(&pools, assemble::CURRENT).into_iter().map(SeenHeap::offered).collect(),
        pools,
        devices: devices(&tree, arch),
        ..Observation::default()
    };
    if seen.default_area_is_the_kernels() && arch == Arch::Arm64 {
        seen.dma_reach = reach.top;
    }
    seen.warnings = tree.into_warnings();
    Ok(seen)
}

fn devices(tree: &Blob<'_>, arch: Arch) -> Vec<SeenDevice> {
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
        found.push(device(tree, node, &path, arch, &aliases));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
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
    let compatible = tree.strings(&node, "compatible");
    SeenDevice {
        subsystem: "platform".into(),
        bus: Some("platform".into()),
        of_node: Some(path.clone()),
        aliases: aliases.get(&path).cloned().unwrap_or_default(),
        disabled: !tree.available(&node),
        master: master::of(tree, &node, &compatible).map(|master| tree.path(&master).into()),
        compatible,
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
