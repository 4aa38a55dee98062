//! The devicetree: what it says of heaps, memory and DMA, and a machine that is known by it alone.
//!
//! It comes as directories (`/sys/firmware/devicetree/base` of a running machine: `Directory`,
//! which reads what is asked for, since a board's tree is some 10,000 files) or as one flattened blob
//! (`blob`). Both are a `Tree`, and every question about a tree is written once, for both.

mod blob;
mod board;
mod cells;
mod directory;
mod dma;
mod iommu;
mod master;
mod memory;
mod reserved;

pub use blob::{BYTES_MAX, BlobError, Cause, DEPTH_MAX, NAME_MAX, NODES_MAX, PROPERTIES_MAX};
pub use board::{load, read};
pub use reserved::heap_names;

pub(super) use directory::Directory;
pub(super) use dma::{coherent, dma_parent, lowest_reach, reach};
pub(super) use master::find as find_master;
pub(super) use reserved::pools;

use super::Arch;
use heapq_constraints::Name;
use std::borrow::Cow;

/// Strings of one list that are read, e.g. of `compatible`.
const STRINGS_MAX: usize = 64;

/// A devicetree, wherever it comes from. What is odd in it is a warning.
pub(super) trait Tree {
    /// One node, as the source finds it again.
    type Node: Clone + PartialEq;

    fn root(&self) -> Self::Node;

    fn parent(&self, node: &Self::Node) -> Option<Self::Node>;

    /// In the order of the source.
    fn children(&self, node: &Self::Node) -> Vec<Self::Node>;

    /// With its unit address; empty for the root.
    fn name(&self, node: &Self::Node) -> String;

    fn property(&self, node: &Self::Node, name: &str) -> Option<Cow<'_, [u8]>>;

    fn by_phandle(&self, phandle: u32) -> Option<Self::Node>;

    fn warn(&self, text: String);

    fn has(&self, node: &Self::Node, name: &str) -> bool {
        self.property(node, name).is_some()
    }

    /// The child of that name.
    fn child(&self, node: &Self::Node, name: &str) -> Option<Self::Node> {
        self.children(node).into_iter().find(|child| self.name(child) == name)
    }

    /// A list of strings, e.g. `compatible`.
    fn strings(&self, node: &Self::Node, name: &str) -> Vec<Name> {
        let bytes = self.property(node, name).unwrap_or_default();
        let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        let parts = parts.filter_map(|part| std::str::from_utf8(part).ok());
        parts.map(Into::into).take(STRINGS_MAX).collect()
    }

    /// The node's path from the root, which is `/`.
    fn path(&self, node: &Self::Node) -> String {
        let named = self.ancestors(node).filter(|at| self.parent(at).is_some());
        let mut names: Vec<String> = named.map(|at| self.name(&at)).collect();
        names.reverse();
        format!("/{}", names.join("/"))
    }

    /// The node itself and what is above it, up to the root.
    fn ancestors(&self, node: &Self::Node) -> impl Iterator<Item = Self::Node> {
        std::iter::successors(Some(node.clone()), |at| self.parent(at)).take(DEPTH_MAX)
    }

    /// Whether its own `status` lets the kernel use it.
    fn okay(&self, node: &Self::Node) -> bool {
        let status = self.strings(node, "status");
        status.first().is_none_or(|status| matches!(&**status, "okay" | "ok"))
    }

    /// Whether it and everything above it is in use.
    fn available(&self, node: &Self::Node) -> bool {
        self.ancestors(node).all(|at| self.okay(&at))
    }
}

/// By how the tree says that processors are switched on, or by their make.
pub(super) fn architecture<T: Tree>(tree: &T) -> Option<Arch> {
    let cpus = tree.children(&tree.child(&tree.root(), "cpus")?);
    let first = cpus.into_iter().find(|node| tree.name(node).starts_with("cpu@"))?;
    let compatible = tree.strings(&first, "compatible");
    if compatible.iter().any(|one| &**one == "riscv") {
        return Some(Arch::Riscv);
    }
    // Only 64-bit ARM has these two in its binding of `enable-method`.
    let method = tree.strings(&first, "enable-method");
    let wide = method.iter().any(|one| matches!(&**one, "psci" | "spin-table"));
    let made_for_64_bits = |one: &Name| {
        let cores =
            ["apple,", "qcom,kryo", "qcom,oryon", "nvidia,tegra", "cavium,", "brcm,brahma-b53"];
        cores.iter().any(|core| one.starts_with(core))
    };
    let arm = compatible.iter().any(|one| one.starts_with("arm,") || made_for_64_bits(one));
    if narrow(&compatible) {
        return Some(Arch::Arm);
    }
    (wide && arm).then_some(Arch::Arm64)
}

/// Cores that run no 64-bit kernel; their trees may say `psci` too.
fn narrow(compatible: &[Name]) -> bool {
    let cores = ["5", "7", "8", "9", "12", "15", "17", "32"];
    compatible.iter().any(|one| {
        let core = one.strip_prefix("arm,cortex-a").unwrap_or_default();
        cores.contains(&core) || one.starts_with("arm,arm")
    })
}
