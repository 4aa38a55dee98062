//! `heapq heaps`: what memory there is.

use super::plan::joined;
use crate::advice;
use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::{broker, demanded_daemon};
use crate::table::{DIM, Table, human_bytes, printable};
use heapq_allocator::Caller;
use heapq_constraints::fact::{AccessSet, Windows};
use heapq_constraints::vocabulary::nearest;
use heapq_constraints::{Heap, Name, Origin};
use heapq_dbus::exit::Exit;
use heapq_dbus::listing;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Some or all heaps of a machine.
#[derive(Debug, Serialize)]
struct Heaps {
    heaps: Vec<Row>,
    /// What is missing, where none of this machine's can be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advice: Vec<String>,
    /// These were asked for by name: all that is known is shown.
    #[serde(skip)]
    named: bool,
}

/// One heap in the words of the vocabulary.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
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
        match intervals.len() {
            0 | 1 => {}
            2 => place.push_str(" with a gap"),
            several => place.push_str(&format!(" with {} gaps", several - 1)),
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

impl Row {
    /// Every key with its value and, where somebody says so, who.
    fn in_full(&self) -> String {
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        let facts = [
            ("state", self.state()),
            ("aliases", joined(&self.aliases, " ")),
            ("roles", joined(&self.roles, " ")),
            ("contiguous", self.contiguous.to_string()),
            ("address-bits", self.address_bits.to_string()),
            ("address-window", self.window()),
            ("alignment", self.alignment.to_string()),
            ("access", self.access.join(" ")),
            ("cached", self.cached.to_string()),
            ("protected", self.protected.to_string()),
            ("bank", self.bank.as_deref().unwrap_or_default().to_owned()),
            ("max-size", bytes(self.max_size)),
            ("capacity", bytes(self.capacity)),
            ("reserved-for", joined(&self.reserved_for, " ")),
            ("weight", self.weight.to_string()),
        ];
        let mut text = printable(&self.name) + "\n";
        for (key, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let key_of_origin = if *key == "state" { "permitted" } else { key };
            let origin =
                self.origins.get(key_of_origin).map(|origin| printable(&origin.to_string()));
            let origin = origin.map(|origin| format!("  {DIM}{origin}{DIM:#}")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {key:<14} {}{origin}", printable(value));
        }
        text
    }

    fn window(&self) -> String {
        let intervals = self.address_window.as_ref().map_or(&[][..], Windows::intervals).iter();
        intervals.map(|(first, end)| format!("{first:#x}-{end:#x}")).collect::<Vec<_>>().join(" ")
    }
}

impl Report for Heaps {
    fn human(&self, legend: bool) -> String {
        if self.named {
            return self.heaps.iter().map(Row::in_full).collect();
        }
        if self.heaps.is_empty() {
            return "no heaps\n".to_owned() + &self.advised();
        }
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
        table.render(legend) + &self.advised()
    }
}

impl Heaps {
    fn advised(&self) -> String {
        self.advice.iter().map(|line| printable(line) + "\n").collect()
    }
}

/// Runs the command.
pub(crate) fn run(names: &[String], global: &Global) -> Result<Exit, Problem> {
    let (all, advice) = match demanded_daemon(global)? {
        Some((client, runtime)) => (runtime.block_on(listing::heaps(&client))?, Vec::new()),
        None => {
            let broker = broker(global, false)?;
            (broker.heaps(&Caller::myself()).heaps().to_vec(), advice::about(&broker))
        }
    };
    let chosen: Vec<&Heap> = if names.is_empty() {
        all.iter().collect()
    } else {
        let found = names.iter().map(|name| named(name, &all));
        found.collect::<Result<_, _>>()?
    };
    let heaps = chosen.into_iter().map(Row::from).collect();
    let report = Heaps { heaps, advice, named: !names.is_empty() };
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}

/// The heap that bears `name`.
///
/// # Errors
/// None does.
pub(super) fn named<'h>(name: &str, heaps: &'h [Heap]) -> Result<&'h Heap, Problem> {
    heaps.iter().find(|heap| bears(heap, name)).ok_or_else(|| unknown(name, heaps))
}

fn bears(heap: &Heap, name: &str) -> bool {
    heap.bears(name) || heap.roles.iter().any(|role| &**role == name)
}

fn unknown(name: &str, heaps: &[Heap]) -> Problem {
    let known: Vec<&str> = heaps
        .iter()
        .flat_map(|heap| [&heap.name].into_iter().chain(&heap.aliases).chain(&heap.roles))
        .map(|name| &**name)
        .collect();
    Problem::UnknownHeap {
        name: name.to_owned(),
        nearest: nearest(name, &known).map(str::to_owned),
    }
}
