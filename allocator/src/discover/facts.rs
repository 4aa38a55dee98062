//! What the kernel shows to be true of a device.

use super::{HeapLink, SeenDevice};
use crate::topology::Iommu;
use heapq_constraints::{Constraint, Fact, Name, Origin};

/// Needs of `device`, whose DMA `master` masters (itself, mostly).
pub(super) fn kernel_facts(device: &SeenDevice, master: &SeenDevice, iommu: &Iommu) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(linked(&device.heap_links));
    if master.path != device.path {
        facts.extend(linked(&master.heap_links));
    }
    // Behind an IOMMU that translates, all of memory can be put within reach.
    if !iommu.translates() {
        facts.extend(mask(master));
        facts.extend(window(master));
    }
    facts.push(coherence(master));
    facts
}

/// The links are all that the device takes: one fact with all of them, since each list of heaps
/// stands for a choice.
fn linked(links: &[HeapLink]) -> Option<Fact> {
    let first = links.first()?;
    let heaps = links.iter().map(|link| link.heap.clone()).collect();
    let path = match links {
        [_] => first.path.clone(),
        _ => first.path.rsplit_once('/').map_or(&*first.path, |(dir, _)| dir).into(),
    };
    Some(Fact { constraint: Constraint::Link(heaps), origin: Origin::Sysfs(path) })
}

fn mask(master: &SeenDevice) -> Option<Fact> {
    let bits = master.dma_mask_bits.filter(|bits| *bits < 64)?;
    let origin = Origin::Sysfs(format!("{}/dma_mask_bits", master.path).into());
    Some(Fact { constraint: Constraint::AddressBits(bits), origin })
}

fn window(master: &SeenDevice) -> Option<Fact> {
    let placed = master.dma_window.as_ref()?;
    let origin = Origin::Devicetree(format!("{}/dma-ranges", placed.from).into());
    Some(Fact { constraint: Constraint::AddressWindow(placed.windows.clone()), origin })
}

/// Where nobody can say, it does not snoop: cache maintenance too much harms nobody.
fn coherence(master: &SeenDevice) -> Fact {
    let coherent = master.dma_coherent.unwrap_or(false);
    let origin = master
        .of_node
        .clone()
        .map_or_else(|| Origin::Sysfs(Name::clone(&master.path)), Origin::Devicetree);
    Fact { constraint: Constraint::DmaCoherent(coherent), origin }
}
