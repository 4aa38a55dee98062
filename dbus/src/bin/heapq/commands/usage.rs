//! `heapq usage`: who holds which buffers.

use crate::cli::{Global, MACHINES};
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::daemon_at_hand;
use crate::table::{Table, human_bytes};
use heapq_allocator::account::{Holders, look};
use heapq_dbus::exit::Exit;
use heapq_dbus::wire::usage::Entry;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// What the service has given out, and who has it now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Usage {
    leases: Vec<Held>,
    /// Processes that this user may not look into: they may hold buffers too.
    processes_unseen: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Held {
    #[serde(flatten)]
    entry: Entry,
    /// The processes that have some of its buffers open or mapped, as far as this user may look,
    /// each with its name.
    held_by: BTreeMap<u32, String>,
}

pub(crate) fn run(global: &Global) -> Result<Exit, Problem> {
    let elsewhere = [&MACHINES[..], &["--policy-dir", "--offline"]].concat();
    global.refuse(&elsewhere, "usage", "only a daemon knows who holds what")?;
    let (client, runtime) = daemon_at_hand(global)?;
    let entries = runtime.block_on(client.usage())?;
    let inodes = entries.iter().flat_map(|entry| &entry.living).copied().collect();
    let seen = look(Path::new("/proc"), &inodes);
    let leases = entries.into_iter().map(|entry| held(entry, &seen)).collect();
    let usage = Usage { leases, processes_unseen: seen.unseen.len() };
    print(&usage, global).map_err(Problem::system("writing the report"))?;
    Ok(Exit::Ok)
}

fn held(entry: Entry, seen: &Holders) -> Held {
    let processes = entry.living.iter().filter_map(|inode| seen.of.get(inode)).flatten();
    let processes: BTreeSet<u32> = processes.copied().collect();
    let name = |pid: u32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        (pid, name.trim_end().to_owned())
    };
    Held { entry, held_by: processes.into_iter().map(name).collect() }
}

impl Report for Usage {
    fn human(&self, legend: bool) -> String {
        if self.leases.is_empty() {
            return "nothing that you may see is given out\n".to_owned();
        }
        let mut table = Table::new(&[
            "STATE", "UID", "PID", "UNIT", "HEAP", "BUFFERS", "SIZE", "SECONDS", "HELD BY",
        ]);
        for Held { entry, held_by } in &self.leases {
            let held_by = held_by.iter().map(|(pid, name)| format!("{name}({pid})"));
            table.row([
                if entry.orphaned { "orphaned" } else { "leased" }.to_owned(),
                entry.uid.to_string(),
                entry.pid.map(|pid| pid.to_string()).unwrap_or_default(),
                entry.unit.clone().unwrap_or_default(),
                entry.heaps.join("+"),
                format!("{}/{}", entry.living.len(), entry.buffers),
                human_bytes(entry.bytes),
                entry.seconds.to_string(),
                held_by.collect::<Vec<_>>().join(" "),
            ]);
        }
        let mut text = table.render(legend);
        let known_by: BTreeSet<&str> =
            self.leases.iter().map(|held| held.entry.known_by.as_str()).collect();
        let known_by: Vec<&str> = known_by.into_iter().collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "How many exist, {} say; who holds them, /proc: {} processes may not be looked into.",
            known_by.join(" and "),
            self.processes_unseen
        );
        text
    }
}
