//! Rows as policy files.

use crate::driver::{Drivers, Likeness};
use crate::survey::{Cpu, Import, Mapping, Meaning, Row};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the two files differ in.
pub(crate) struct Class {
    /// Of the file in `policies/shipped`.
    pub(crate) file: &'static str,
    /// Of the nodes in sysfs.
    subsystem: &'static str,
    /// The first words of the file.
    pub(crate) drivers: &'static str,
    contiguous: &'static str,
    scattered: &'static str,
    cpu: &'static str,
    refused: &'static str,
}

pub(crate) const MEDIA: Class = Class {
    file: "20-kernel-media.toml",
    subsystem: "video4linux",
    drivers: "V4L2 drivers of Linux",
    contiguous: "Queues of videobuf2-dma-contig.c: a buffer in one piece",
    scattered: "Queues of videobuf2-dma-sg.c: pages as they come",
    cpu: "Queues of videobuf2-vmalloc.c: the CPU copies",
    refused: "Queues without VB2_DMABUF among their io_modes: no foreign buffer",
};

pub(crate) const DISPLAY: Class = Class {
    file: "20-kernel-display.toml",
    subsystem: "drm",
    drivers: "DRM drivers of Linux",
    contiguous: "Imports by drm_gem_dma_helper.c: a buffer in one piece",
    scattered: "Imports by drm_gem_shmem_helper.c, mapped for DMA: pages as they come",
    cpu: "Imports by drm_gem_shmem_prime_import_no_map: the CPU copies",
    refused: "Nothing to import by, so drm_gem_prime_import_dev refuses: no foreign buffer",
};

const LIFTED: &str = "override = [\"address-bits\", \"address-window\", \"dma-coherent\"]\n";
const CPU_ACCESS: &str = "access = [\"coherent\", \"sync\"]\n";
const NO_IOMMU: &str = "unless = { has-iommu = true }\n";

impl Class {
    /// The whole file.
    pub(crate) fn text(&self, version: &str, rows: &[Row], drivers: &Drivers) -> String {
        let mut groups: BTreeMap<&Meaning, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            groups.entry(&row.meaning).or_default().push(row);
        }
        let mut text = format!("# {} {version}", self.drivers);
        text.push_str(HEAD);
        for (meaning, mut rows) in groups {
            rows.sort_by_key(|row| (&row.driver.name, row.driver.bus, &row.driver.module));
            let matches = self.matches(&rows, drivers);
            let _ = write!(text, "\n# {}.\n", self.comment(meaning));
            let rules: Vec<String> =
                bodies(meaning).iter().map(|body| format!("[[device]]\n{matches}{body}")).collect();
            text.push_str(&rules.join("\n"));
        }
        text
    }

    fn comment(&self, meaning: &Meaning) -> String {
        let comment = match &meaning.import {
            Import::Contiguous(_) => self.contiguous,
            Import::Scattered => self.scattered,
            Import::Cpu(_) => self.cpu,
            Import::Refused => self.refused,
        };
        let more = match (&meaning.import, meaning.address_bits) {
            (Import::Cpu(Cpu::Reads), _) => " out of it".to_owned(),
            (Import::Cpu(Cpu::Writes), _) => " into it".to_owned(),
            (Import::Cpu(Cpu::Both), _) => " out of one and into another".to_owned(),
            (Import::Cpu(Cpu::ByUse), _) => " out of it or into it, as the node is used".to_owned(),
            (_, Some(bits)) => format!(", within {bits} address bits"),
            (_, None) => String::new(),
        };
        let mapped = match &meaning.import {
            Import::Contiguous(Mapping::Mapped) => ", which the kernel maps",
            Import::Contiguous(Mapping::Read) => ", which the CPU reads",
            _ => "",
        };
        format!("{comment}{more}{mapped}")
    }
}

const HEAD: &str = "; written by heapq-kernel-table (`make driver-table`) from its sources.
#
# Do not edit: what is made by hand stands in 30-*.toml, and drivers that are named there are left
# out here. The comment of a name is the file that says so.
";

/// The rules of a meaning, without what they match.
fn bodies(meaning: &Meaning) -> Vec<String> {
    let bits = |bits: u32| format!("address-bits = {bits}\n");
    let address_bits = meaning.address_bits.filter(|bits| *bits < 64).map(bits).unwrap_or_default();
    let exports = exports(meaning);
    match &meaning.import {
        Import::Contiguous(mapping) => {
            let always = match mapping {
                Mapping::Unmapped => None,
                Mapping::Mapped => Some(CPU_ACCESS.to_owned()),
                Mapping::Read => Some(format!("usage = [\"cpu-read\"]\n{CPU_ACCESS}")),
            };
            let dma = format!("{NO_IOMMU}contiguous = true\n{address_bits}{exports}");
            always.into_iter().chain([dma]).collect()
        }
        Import::Scattered if address_bits.is_empty() => vec![exports],
        Import::Scattered => vec![format!("{NO_IOMMU}{address_bits}{exports}")],
        Import::Refused if meaning.exports.as_ref().is_some_and(|exports| exports.contiguous) => {
            vec!["link = []\n".to_owned(), format!("{NO_IOMMU}{exports}")]
        }
        Import::Refused => vec![format!("link = []\n{exports}")],
        Import::Cpu(Cpu::ByUse) => vec![
            format!("{LIFTED}{CPU_ACCESS}{exports}"),
            "when = { usage = \"capture\" }\nusage = \"cpu-write\"\n".to_owned(),
            format!("when = {{ usage = [{OUTPUTS}] }}\nusage = \"cpu-read\"\n"),
        ],
        Import::Cpu(way) => {
            let usage = match way {
                Cpu::Reads => "\"cpu-read\"",
                Cpu::Writes => "\"cpu-write\"",
                Cpu::Both | Cpu::ByUse => "\"cpu-read\", \"cpu-write\"",
            };
            vec![format!("{LIFTED}usage = [{usage}]\n{CPU_ACCESS}{exports}")]
        }
    }
}

/// Clients have many words for what an output node does.
const OUTPUTS: &str = "\"scanout\", \"process\", \"encode\", \"decode\", \"render\", \"texture\"";

fn exports(meaning: &Meaning) -> String {
    let Some(exports) = &meaning.exports else { return String::new() };
    let mut memory = String::new();
    if exports.contiguous {
        memory.push_str(", contiguous = true");
        if let Some(bits) = exports.address_bits.filter(|bits| *bits < 64) {
            let _ = write!(memory, ", address-bits = {bits}");
        }
        // dma_alloc_attrs: uncached where the device does not snoop.
        memory.push_str(", cached = false");
    }
    format!("exports = {{ how = \"{}\"{memory} }}\n", exports.how)
}

impl Class {
    /// The `match` of a group. A name that occurs elsewhere in the kernel goes with what tells it
    /// apart. That is not the module: a driver that is built in shows none.
    fn matches(&self, rows: &[&Row], drivers: &Drivers) -> String {
        let mut by_home: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            let bus = quoted(row.driver.bus);
            let home = match drivers.likeness(&row.driver) {
                Likeness::Unique => String::new(),
                Likeness::OtherBus => format!("bus = {bus}, "),
                Likeness::SameBus => {
                    format!("subsystem = {}, bus = {bus}, ", quoted(self.subsystem))
                }
            };
            by_home.entry(home).or_default().push(row);
        }
        let mut text = "match = [\n".to_owned();
        for (home, rows) in by_home {
            let _ = writeln!(text, "    {{ {home}driver = [");
            for row in rows {
                let _ = write!(text, "        {}, # {}", quoted(&row.driver.name), row.source);
                if let Some(assumed) = &row.assumed {
                    let _ = write!(text, ": {assumed}");
                }
                text.push('\n');
            }
            text.push_str("    ] },\n");
        }
        let with: Vec<&&Row> =
            rows.iter().filter(|row| !row.driver.compatibles.is_empty()).collect();
        if !with.is_empty() {
            text.push_str("    { compatible = [\n");
            for row in with {
                let _ = writeln!(text, "        # {}", row.driver.name);
                for compatible in &row.driver.compatibles {
                    let _ = writeln!(text, "        {},", quoted(compatible));
                }
            }
            text.push_str("    ] },\n");
        }
        text.push_str("]\n");
        text
    }
}

/// A TOML string. What a driver calls itself may be anything.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
