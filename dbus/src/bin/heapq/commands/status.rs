//! `heapq status`: what this machine offers, and who serves it.

use crate::advice;
use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::{Service, broker, demanded_daemon, policy_dirs, service};
use crate::table::{BAD, GOOD, printable, printable_lines};
use heapq_allocator::Caller;
use heapq_constraints::Name;
use heapq_dbus::client::Client;
use heapq_dbus::exit::Exit;
use heapq_dbus::listing;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use tokio::runtime::Runtime;

/// A machine at a glance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    /// The version of this command.
    version: &'static str,
    /// The daemon, if one answers.
    daemon: Option<Service>,
    /// Who shows the machine below: `daemon` where one is named, else `in-process`.
    via: &'static str,
    /// The kernel's release; empty where that cannot be read.
    kernel: Name,
    /// The board's `compatible` list.
    board: Vec<Name>,
    heaps: Vec<Heap>,
    /// Devices with a node.
    devices: usize,
    /// Where policies are read from, beside those that are built in; not all need exist. A daemon
    /// does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_dirs: Option<Vec<String>>,
    /// What was odd on the machine; of a daemon, also the policy files that it left out.
    warnings: Vec<String>,
    /// What is missing, where no heap can be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advice: Vec<String>,
}

/// One heap at a glance.
#[derive(Debug, Serialize)]
struct Heap {
    name: Name,
    usable: bool,
}

impl Report for Status {
    fn human(&self, _legend: bool) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key:<9}{value}");
        };
        line("heapq", self.version.to_owned());
        line(
            "daemon",
            match &self.daemon {
                Some(Service { place, version, stand_in }) => {
                    let stand_in = if *stand_in { ", with stand-in heaps" } else { "" };
                    format!(
                        "{GOOD}{}{GOOD:#} on {}{stand_in}",
                        printable(version),
                        printable(place)
                    )
                }
                None => "none; commands answer in their own process".to_owned(),
            },
        );
        if !self.kernel.is_empty() {
            line("kernel", printable(&self.kernel));
        }
        if let Some(board) = self.board.first() {
            line("board", printable(board));
        }
        line(
            "heaps",
            match self.heaps.as_slice() {
                [] => format!("{BAD}none{BAD:#}"),
                heaps => heaps.iter().map(Heap::in_words).collect::<Vec<_>>().join(", "),
            },
        );
        line("devices", self.devices.to_string());
        if let Some(dirs) = &self.policy_dirs {
            let dirs = dirs.iter().filter(|dir| Path::new(dir).is_dir());
            let dirs: Vec<String> = dirs.cloned().collect();
            line("policies", printable(&[vec!["built-in".to_owned()], dirs].concat().join(", ")));
        }
        self.advice.iter().for_each(|advice| line("help", printable(advice)));
        // A policy's diagnostic has several lines; those after the first stand below it.
        let indented = |text: &str| printable_lines(text).replace('\n', "\n         ");
        self.warnings.iter().for_each(|warning| line("warning", indented(warning)));
        text
    }
}

impl Heap {
    fn in_words(&self) -> String {
        let name = printable(&self.name);
        if self.usable { name } else { format!("{name} (not usable)") }
    }
}

/// Runs the command.
pub(crate) fn run(global: &Global) -> Result<Exit, Problem> {
    let report = match demanded_daemon(global)? {
        Some((client, runtime)) => of_daemon(&client, &runtime)?,
        None => of_this_process(global)?,
    };
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}

/// What this process sees, and the daemon that would answer it.
fn of_this_process(global: &Global) -> Result<Status, Problem> {
    let daemon = service(global)?;
    let broker = broker(global, false)?;
    let (topology, heaps) = (broker.topology(), broker.heaps(&Caller::myself()));
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        daemon,
        via: "in-process",
        kernel: topology.release.clone(),
        board: topology.board.clone(),
        heaps: at_a_glance(heaps.heaps()),
        devices: topology.shown().count(),
        policy_dirs: Some(
            policy_dirs(global).iter().map(|dir| dir.display().to_string()).collect(),
        ),
        warnings: topology.warnings.clone(),
        advice: advice::about(&broker),
    })
}

/// What a daemon that was named shows. It may see another machine than this process does: nothing of
/// ours is mixed in.
fn of_daemon(client: &Client, runtime: &Runtime) -> Result<Status, Problem> {
    let warnings = runtime.block_on(client.problems())?;
    let heaps = runtime.block_on(listing::heaps(client))?;
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        daemon: Some(Service::of(client, runtime)?),
        via: "daemon",
        kernel: Name::default(),
        board: Vec::new(),
        heaps: at_a_glance(&heaps),
        devices: runtime.block_on(listing::devices(client))?.len(),
        policy_dirs: None,
        warnings,
        advice: Vec::new(),
    })
}

fn at_a_glance(heaps: &[heapq_constraints::Heap]) -> Vec<Heap> {
    let heaps = heaps.iter().filter(|heap| heap.present);
    heaps.map(|heap| Heap { name: heap.name.clone(), usable: heap.permitted }).collect()
}
