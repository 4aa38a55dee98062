//! What one device's directory in sysfs says.

use super::Reader;
use super::names::{above, nameless_driver};
use crate::discover::devicetree::{Tree, coherent, dma_parent, reach};
use crate::discover::{Arch, HeapLink, Placed, SeenDevice};
use heapq_constraints::Name;
use heapq_policies::Patterns;

impl Reader<'_> {
    pub(super) fn uevent(&self, path: &str, key: &str) -> Option<Name> {
        let text = self.root.text(&format!("{path}/uevent"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        (!value.is_empty()).then(|| value.into())
    }

    pub(super) fn device(&self, path: &str, subsystem: &str) -> SeenDevice {
        let root = self.root;
        let bus = root.link_name(&format!("{path}/subsystem"));
        let of_node = self.of_node(path);
        let bound = root.link_name(&format!("{path}/driver"));
        let module = root.link(&format!("{path}/driver"));
        let module = module.and_then(|driver| root.link_name(&format!("{driver}/module")));
        let driver = bound.clone().filter(|name| &**name != "faux_driver");
        let driver = driver.or_else(|| nameless_driver(path, subsystem, bound.as_deref()));
        let compatible = match (&of_node, self.tree) {
            (Some(node), Some(tree)) => tree.strings(&node.to_string(), "compatible"),
            _ => Vec::new(),
        };
        let modalias = root.line(&format!("{path}/modalias"));
        SeenDevice {
            path: path.into(),
            subsystem: subsystem.into(),
            module,
            compatible,
            modalias: modalias.or_else(|| self.uevent(path, "MODALIAS")),
            iommu_group: self.iommu_group(path),
            dma_mask_bits: bound.and_then(|_| self.dma_mask(path)),
            dma_window: self.dma_window(path, of_node.as_deref()),
            dma_coherent: self.coherent(path),
            heap_links: self.heap_links(path),
            driver,
            bus,
            of_node,
            ..SeenDevice::default()
        }
    }

    fn of_node(&self, path: &str) -> Option<Name> {
        let target = self.root.link(&format!("{path}/of_node"))?;
        let node = target.strip_prefix("/sys/firmware/devicetree/base");
        node.or_else(|| target.strip_prefix("/proc/device-tree")).map(Into::into)
    }

    fn iommu_group(&self, path: &str) -> Option<Name> {
        let group = self.root.link(&format!("{path}/iommu_group"))?;
        if !group.starts_with("/sys/kernel/iommu_groups/") {
            self.root.warn(format!("{path}/iommu_group: leads to {group}, which is no group"));
            return None;
        }
        // In a group whose type cannot be read nobody knows that it translates.
        let kind = self.root.line(&format!("{group}/type"));
        Some(kind.unwrap_or_else(|| "unknown".into()))
    }

    /// The mask of a device without a driver is the core's default and means nothing.
    fn dma_mask(&self, path: &str) -> Option<u8> {
        let file = format!("{path}/dma_mask_bits");
        let bits = self.root.number(&file)?;
        let fitting = u8::try_from(bits).ok().filter(|bits| (1..=64).contains(bits));
        if fitting.is_none() {
            self.root.warn(format!("{file}: {bits} is no number of bits"));
        }
        fitting
    }

    /// The devicetree node that describes how `path` is attached: its own, whose bus is the node
    /// above, or that of the nearest device above it, which is then the bus (a PCI host).
    fn attachment(&self, path: &str) -> Option<(Name, bool)> {
        if let Some(own) = self.of_node(path) {
            return Some((own, true));
        }
        above(path).find_map(|up| Some((self.of_node(up)?, false)))
    }

    fn dma_window(&self, path: &str, of_node: Option<&str>) -> Option<Placed> {
        let tree = self.tree?;
        match of_node {
            Some(node) => reach(tree, &dma_parent(tree, &node.to_owned())?),
            None => reach(tree, &self.attachment(path)?.0.to_string()),
        }
    }

    fn coherent(&self, path: &str) -> Option<bool> {
        match self.arch {
            Arch::X86 => Some(true),
            Arch::Arm | Arch::Arm64 | Arch::Riscv => {
                let attached = self.attachment(path);
                let tree = self.tree;
                let snoops =
                    |((node, _), tree): ((Name, bool), _)| coherent(tree, &node.to_string());
                Some(attached.zip(tree).is_some_and(snoops))
            }
            Arch::Other => None,
        }
    }

    /// One link `dma_heap` to a heap, or a directory `dma_heap` with a link for each.
    fn heap_links(&self, path: &str) -> Vec<HeapLink> {
        let entry = format!("{path}/dma_heap");
        let links: Vec<String> = if self.root.is_link(&entry) {
            vec![entry]
        } else {
            self.root.list(&entry).iter().map(|name| format!("{entry}/{name}")).collect()
        };
        links.into_iter().filter_map(|link| self.heap_link(link)).collect()
    }

    fn heap_link(&self, link: String) -> Option<HeapLink> {
        let target = self.root.link(&link)?;
        let heap = ["/sys/devices/virtual/dma_heap/", "/sys/class/dma_heap/"]
            .iter()
            .find_map(|dir| target.strip_prefix(dir))
            .filter(|name| !name.is_empty() && !name.contains('/'));
        match heap {
            Some(heap) => Some(HeapLink { heap: heap.into(), path: link.into() }),
            None => {
                self.root.warn(format!("{link}: leads to {target}, which is no heap"));
                None
            }
        }
    }

    /// The nearest device above `path` on one of `buses`.
    pub(super) fn carrier(&self, path: &str, buses: &Patterns) -> Option<Name> {
        let mut attached = above(path).filter(|up| {
            let bus = self.root.link_name(&format!("{up}/subsystem"));
            bus.is_some_and(|bus| buses.matches(&bus))
        });
        let first = attached.next()?;
        // A host controller that its glue created (`xhci-hcd.0.auto`) has its DMA set up above it.
        let described = |at: &&str| {
            ["of_node", "iommu_group", "firmware_node", "dma_mask_bits"]
                .iter()
                .any(|link| self.root.exists_or_dangles(&format!("{at}/{link}")))
        };
        let best = std::iter::once(first).chain(attached).find(described);
        Some(best.unwrap_or(first).into())
    }
}
