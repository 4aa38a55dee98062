//! `heapq snapshot`: the machine as a file.

use crate::cli::{DAEMONS, Global};
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::broker;
use heapq_allocator::Observation;
use heapq_allocator::discover::snapshot;
use heapq_dbus::exit::Exit;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Snapshot {
    #[serde(flatten)]
    seen: Observation,
    #[serde(skip)]
    text: String,
}

impl Report for Snapshot {
    fn human(&self, _legend: bool) -> String {
        self.text.clone()
    }
}

/// Runs the command. It reads the machine itself, whoever serves it.
pub(crate) fn run(global: &Global) -> Result<Exit, Problem> {
    global.refuse(&DAEMONS, "snapshot", "it reads the machine itself")?;
    let seen = broker(global, false)?.snapshot();
    let text = snapshot::write(&seen).map_err(|error| Problem::Snapshot(error.to_string()))?;
    print(&Snapshot { seen, text }, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}
