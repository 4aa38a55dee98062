//! What each driver does with a foreign dma-buf, from the facts that it reaches.

mod display;
mod media;

use crate::c::token::{Token, tokens};
use crate::driver::{Driver, Drivers};
use crate::facts::{self, Mask};
use crate::macros::Macros;
use crate::program::{At, Program};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use display::display;
pub(crate) use media::media;

/// What a driver does with buffers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Meaning {
    pub(crate) import: Import,
    /// How far the device reaches, where sysfs does not tell.
    pub(crate) address_bits: Option<u32>,
    pub(crate) exports: Option<Exports>,
}

/// What a driver allocates itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exports {
    /// How a client asks for it.
    pub(crate) how: &'static str,
    /// It is in one piece, as long as no IOMMU translates.
    pub(crate) contiguous: bool,
    /// How far up it may lie.
    pub(crate) address_bits: Option<u32>,
}

/// What a driver does with a foreign buffer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Import {
    /// In one piece, unless an IOMMU makes one of it.
    Contiguous(Mapping),
    /// As it comes.
    Scattered,
    /// The CPU copies, through a mapping of the kernel's.
    Cpu(Cpu),
    /// It takes none.
    Refused,
}

/// What the kernel does with a buffer besides the DMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mapping {
    Unmapped,
    /// It maps the buffer for itself, and refuses one that cannot be mapped.
    Mapped,
    /// And the CPU reads it.
    Read,
}

/// Which way the CPU copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cpu {
    Reads,
    Writes,
    /// Every frame goes both ways: a mem-to-mem device.
    Both,
    /// It has nodes of either kind.
    ByUse,
}

/// A driver that could be classified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) meaning: Meaning,
    pub(crate) driver: Driver,
    /// The file that says so.
    pub(crate) source: String,
    /// What had to be assumed.
    pub(crate) assumed: Option<String>,
}

/// One that could not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unclassified {
    /// The driver, or the module where no driver of a bus is known.
    pub(crate) name: String,
    /// Who may be known by hand: the driver and its bus; of a module its name, on any bus, and all of
    /// its drivers.
    pub(crate) drivers: Vec<(String, &'static str)>,
    pub(crate) source: String,
    pub(crate) reason: String,
}

/// Drivers of one class.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) rows: Vec<Row>,
    pub(crate) unclassified: Vec<Unclassified>,
}

/// Why a driver could not be classified, and the file that it depends on.
struct Reason {
    source: String,
    reason: String,
}

impl Survey {
    fn add(&mut self, row: Result<Row, Reason>, driver: &Driver) {
        match row {
            Ok(row) => self.rows.push(row),
            Err(Reason { source, reason }) => {
                let drivers = vec![(driver.name.clone(), driver.bus)];
                let name = driver.name.clone();
                self.unclassified.push(Unclassified { name, drivers, source, reason });
            }
        }
    }

    /// The compatibles that drivers with different rules match.
    pub(crate) fn ambiguous(&self) -> BTreeSet<String> {
        let mut meanings: BTreeMap<&str, BTreeSet<&Meaning>> = BTreeMap::new();
        for row in &self.rows {
            for compatible in &row.driver.compatibles {
                meanings.entry(compatible).or_default().insert(&row.meaning);
            }
        }
        let several = meanings.into_iter().filter(|(_, meanings)| meanings.len() > 1);
        several.map(|(compatible, _)| compatible.to_owned()).collect()
    }

    /// Takes a compatible from every driver.
    pub(crate) fn forget(&mut self, compatible: &str) {
        for row in &mut self.rows {
            row.driver.compatibles.remove(compatible);
        }
    }
}

/// All that is read of a kernel.
pub(crate) struct Sources<'s> {
    pub(crate) program: &'s Program,
    pub(crate) macros: &'s Macros<'s>,
    pub(crate) drivers: &'s Drivers,
}

impl Sources<'_> {
    /// A module to which no driver leads.
    fn unreached(&self, module: usize, source: String, reason: String) -> Unclassified {
        let name = self.program.modules[module].name.clone();
        let mut drivers = vec![(name.clone(), "")];
        let own = self.drivers.of_module(module);
        drivers.extend(own.map(|driver| (driver.name.clone(), driver.bus)));
        Unclassified { name, drivers, source, reason }
    }

    /// The modules that hold such a node.
    fn modules_with(&self, wanted: impl Fn(At) -> bool) -> BTreeSet<usize> {
        let all = 0..self.program.modules.len();
        all.filter(|module| self.program.nodes_of(*module).any(&wanted)).collect()
    }

    /// These modules and those that use, over other such modules too, what they export.
    fn concerned(&self, modules: BTreeSet<usize>) -> BTreeSet<usize> {
        let uses: Vec<BTreeSet<usize>> =
            (0..self.program.modules.len()).map(|module| self.program.uses(module)).collect();
        let mut concerned = modules;
        loop {
            let before = concerned.len();
            for (module, used) in uses.iter().enumerate() {
                if !used.is_disjoint(&concerned) {
                    concerned.insert(module);
                }
            }
            if concerned.len() == before {
                return concerned;
            }
        }
    }

    fn path(&self, at: At) -> String {
        self.program.units[at.unit].path.clone()
    }

    /// What a driver allocates itself. It lies no higher than the longest of its coherent masks.
    fn exports(
        &self,
        driver: &Driver,
        nodes: &[At],
        how: &'static str,
        contiguous: bool,
    ) -> Exports {
        let masks = self.masks(nodes, Mask::Coherent);
        let address_bits = match (masks.known.last(), masks.unread.is_empty()) {
            (Some(most), true) => Some(*most),
            (None, true) => initial_mask(driver),
            (_, false) => None,
        };
        Exports { how, contiguous, address_bits }
    }

    /// What a device of this driver reaches, with what had to be assumed. What PCI lets a device
    /// reach sysfs shows.
    fn address_bits(&self, driver: &Driver, nodes: &[At]) -> (Option<u32>, Option<String>) {
        if driver.bus == "pci" {
            return (None, None);
        }
        let Masks { known, unread } = self.masks(nodes, Mask::Streaming);
        let least = known.first().copied();
        match (known.len(), unread.first()) {
            (0, None) => (initial_mask(driver), None),
            (1, None) => (least, None),
            (_, None) => {
                (least, Some(format!("the least of the masks that it sets, {known:?} bits")))
            }
            (_, Some(mask)) => {
                let least = least.unwrap_or(32).min(32);
                (Some(least), Some(format!("{least} bits for the mask {mask}")))
            }
        }
    }

    /// The masks that `nodes` set.
    fn masks(&self, nodes: &[At], mask: Mask) -> Masks {
        let mut masks = Masks::default();
        for at in nodes {
            let unit = &self.program.units[at.unit];
            let body = tokens(self.program.node_at(*at).body.as_deref().unwrap_or(""));
            for value in facts::masks(&body, mask) {
                match self.macros.mask_bits(unit, value) {
                    Some(bits) => masks.known.insert(bits),
                    None => masks.unread.insert(spelt(value)),
                };
            }
        }
        masks
    }
}

/// DMA masks, by their bits or as an expression that only the running kernel knows.
#[derive(Default)]
struct Masks {
    known: BTreeSet<u32>,
    unread: BTreeSet<String>,
}

/// What a device on PCI or on the platform bus begins with (drivers/pci/probe.c,
/// drivers/base/platform.c).
fn initial_mask(driver: &Driver) -> Option<u32> {
    matches!(driver.bus, "pci" | "platform").then_some(32)
}

/// An expression as it is written, blanks aside.
fn spelt(value: &[Token<'_>]) -> String {
    value.iter().map(|token| token.to_string().trim_end().to_owned()).collect()
}
