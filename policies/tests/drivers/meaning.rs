//! What a row means for a participant, and what the rules say of it, in the same words.

use crate::exceptions::mapped;
use crate::table::Row;
use heapq_constraints::Constraint;
use heapq_constraints::fact::AccessSet;
use heapq_constraints::question::Usage;
use heapq_policies::DeviceKnowledge;

/// How the device is translated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Iommu {
    /// There is none.
    Absent,
    /// A group of type `DMA`.
    Translates,
    /// A group of type `identity`: only a domain of the driver's own translates.
    Identity,
}

/// What a device needs of a buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// It takes nobody's memory; then nothing else matters.
    pub(crate) refuses: bool,
    pub(crate) contiguous: bool,
    /// It reaches addresses below this one, by its DMA mask.
    pub(crate) below: Option<u64>,
    /// The CPU touches the buffer, and what the kernel shows of DMA is void.
    pub(crate) copies: bool,
    /// The kernel must be able to map the buffer, besides the DMA.
    mapped: bool,
    /// Nobody knows.
    unknown: bool,
}

impl Needs {
    /// Whether these needs, as rules state them, are what the row means.
    pub(crate) fn are(&self, meaning: &Meaning) -> bool {
        let reach = meaning.reach.is_empty() || meaning.reach.contains(&self.below);
        reach && Self { below: meaning.needs.below, ..self.clone() } == meaning.needs
    }
}

/// What a row means for a device in one situation.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub(crate) needs: Needs,
    /// Of these bounds one holds. Empty: an expression in the driver's source, which only the rule
    /// with its citation can know.
    reach: Vec<Option<u64>>,
}

/// What `kind` means for a device of this row.
pub(crate) fn meaning(row: &Row, kind: &str, usage: &str, iommu: Iommu) -> Meaning {
    let translated = match kind {
        "sg|contig" => iommu != Iommu::Absent,
        _ => iommu == Iommu::Translates,
    };
    let nothing = Needs { mapped: mapped(row, usage), ..Needs::default() };
    let (needs, by_dma) = match kind {
        "none" => (Needs { refuses: true, ..nothing }, false),
        "unknown" => (Needs { unknown: true, ..nothing }, false),
        "vmalloc" | "vmap" => (Needs { copies: true, ..nothing }, false),
        "sg" => (nothing, true),
        "contig1" => (Needs { contiguous: true, ..nothing }, true),
        // rcar-du, which does not look, needs it all the more.
        "contig" | "contig-unchecked" | "sg|contig" => {
            (Needs { contiguous: !translated, ..nothing }, true)
        }
        other => panic!("{}: no test knows the kind {other}", row.driver),
    };
    let reach = if by_dma && !translated { reach(row) } else { vec![None] };
    Meaning { needs, reach }
}

/// Where the driver's DMA mask ends. PCI shows it in sysfs, of which rules need to say nothing; an
/// auxiliary device, or one without a bus, has that of a PCI function, one on USB that of its host
/// controller. Masks of other buses only rules tell.
pub(crate) fn reach(row: &Row) -> Vec<Option<u64>> {
    if let Some(end) = crate::exceptions::reach(row) {
        return vec![Some(end)];
    }
    let masks = row.masks.split(',').map(|mask| match mask {
        "default" | "0xffffffff" => Some(Some(1 << 32)),
        "64" | "~0" => Some(None),
        number => Some(Some(1 << number.parse::<u8>().ok()?)),
    });
    let mut masks: Vec<Option<u64>> = masks.collect::<Option<_>>().unwrap_or_default();
    if matches!(row.bus, "pci" | "auxiliary" | "usb" | "") {
        masks.push(None);
    }
    masks
}

/// What the rules say. An error is what no row can mean.
pub(crate) fn found(knowledge: &DeviceKnowledge) -> Result<Needs, String> {
    let mut needs = Needs::default();
    let mut access = None;
    for fact in &knowledge.facts {
        let new = match &fact.constraint {
            Constraint::Contiguous(true) => !std::mem::replace(&mut needs.contiguous, true),
            Constraint::AddressBits(bits) => needs.below.replace(1 << bits).is_none(),
            Constraint::AddressWindow(windows) => match windows.intervals() {
                [(0, end)] => needs.below.replace(*end).is_none(),
                _ => false,
            },
            Constraint::Unknown(true) => !std::mem::replace(&mut needs.unknown, true),
            Constraint::Link(heaps) if heaps.is_empty() => {
                !std::mem::replace(&mut needs.refuses, true)
            }
            Constraint::Access(set) => access.replace(*set).is_none(),
            other => return Err(format!("{other:?} {}", fact.origin)),
        };
        if !new {
            return Err(format!("said twice: {:?} {}", fact.constraint, fact.origin));
        }
    }
    let cpu = knowledge.usage.contains(Usage::CpuRead) || knowledge.usage.contains(Usage::CpuWrite);
    let void =
        |key: &str| knowledge.overrides.iter().any(|one| one.keys.iter().any(|k| **k == *key));
    let void = ["address-bits", "address-window", "dma-coherent"].map(void);
    needs.copies = void != [false; 3];
    needs.mapped = access.is_some() && !needs.copies;
    let touches = needs.copies || needs.mapped;
    let good = touches || !cpu;
    if !good
        || (touches && access != Some(AccessSet::CPU))
        || (needs.copies && (!cpu || void != [true; 3]))
    {
        return Err(format!("a CPU user by halves: {cpu} {access:?} {void:?}"));
    }
    Ok(needs)
}
