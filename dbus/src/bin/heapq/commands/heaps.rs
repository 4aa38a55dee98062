//! `heapq heaps`: what memory there is.

use super::plan::joined;
use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::broker;
use crate::table::{Table, human_bytes};
use heapq_constraints::fact::{AccessSet, Windows};
use heapq_constraints::{Heap, Name, Origin};
use heapq_dbus::exit::Exit;
use serde::Serialize;
use std::collections::BTreeMap;

/// All heaps of a machine.
#[derive(Debug, Serialize)]
pub(crate) struct Heaps {
    heaps: Vec<Row>,
}

/// One heap in the words of the vocabulary.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Row {
    name: Name,
    aliases: Vec<Name>,
    roles: Vec<Name>,
    contiguous: bool,
    address_bits: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_window: Option<Windows>,
    alignment: u64,
    access: Vec<&'static str>,
    cached: bool,
    protected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u64>,
    present: bool,
    permitted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reserved_for: Vec<Name>,
    weight: i64,
    /// Who says so, by key.
    origins: BTreeMap<&'static str, Origin>,
}

impl From<&Heap> for Row {
    fn from(heap: &Heap) -> Self {
        Self {
            name: heap.name.clone(),
            aliases: heap.aliases.clone(),
            roles: heap.roles.clone(),
            contiguous: heap.contiguous,
            address_bits: heap.address_bits,
            address_window: heap.address_window.clone(),
            alignment: heap.alignment,
            access: words(heap.access),
            cached: heap.cached,
            protected: heap.protected,
            bank: heap.bank.clone(),
            max_size: heap.max_size,
            capacity: heap.capacity,
            present: heap.present,
            permitted: heap.permitted,
            reserved_for: heap.reserved_for.clone(),
            weight: heap.weight,
            origins: heap.origins.clone(),
        }
    }
}

fn words(access: AccessSet) -> Vec<&'static str> {
    let all = [(access.coherent, "coherent"), (access.sync, "sync"), (access.none, "none")];
    all.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect()
}

impl Row {
    /// What its memory is, in a few words.
    fn kind(&self) -> String {
        let words = [
            (if self.contiguous { "contiguous" } else { "scattered" }, true),
            ("uncached", !self.cached),
            ("protected", self.protected),
        ];
        words
            .iter()
            .filter(|(_, holds)| *holds)
            .map(|(word, _)| *word)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Where its buffers lie: the whole span, where that has gaps.
    fn place(&self) -> String {
        let bits = format!("below {} bits", self.address_bits);
        let intervals = self.address_window.as_ref().map_or(&[][..], Windows::intervals);
        let (Some((first, _)), Some((_, end))) = (intervals.first(), intervals.last()) else {
            return if self.address_bits == 64 { "anywhere".to_owned() } else { bits };
        };
        let mut place = format!("{first:#x}-{end:#x}");
        if intervals.len() > 1 {
            place.push_str(&format!(" with {} gaps", intervals.len() - 1));
        }
        if end
            .checked_sub(1)
            .is_some_and(|last| last.checked_shr(self.address_bits.into()) > Some(0))
        {
            place.push_str(&format!(", {bits}"));
        }
        place
    }

    /// What keeps it from being used.
    fn state(&self) -> String {
        match (self.present, self.permitted) {
            (false, _) => "absent".to_owned(),
            (true, false) => "not permitted".to_owned(),
            (true, true) if self.reserved_for.is_empty() => "usable".to_owned(),
            (true, true) => format!("reserved for {}", joined(&self.reserved_for, ", ")),
        }
    }
}

impl Report for Heaps {
    fn human(&self, legend: bool) -> String {
        let mut table =
            Table::new(&["HEAP", "STATE", "MEMORY", "SIZE", "LIES", "ROLES", "ALIASES"]);
        for heap in &self.heaps {
            table.row([
                heap.name.to_string(),
                heap.state(),
                heap.kind(),
                heap.capacity.map(human_bytes).unwrap_or_default(),
                heap.place(),
                joined(&heap.roles, " "),
                joined(&heap.aliases, " "),
            ]);
        }
        if self.heaps.is_empty() { "no heaps\n".to_owned() } else { table.render(legend) }
    }
}

/// Runs the command.
pub(crate) fn run(global: &Global) -> Result<Exit, Problem> {
    let topology = broker(global, false)?.topology();
    let report = Heaps { heaps: topology.heaps.heaps().iter().map(Row::from).collect() };
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}
