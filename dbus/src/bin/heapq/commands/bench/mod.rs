//! `heapq bench`: how fast the heaps are.

mod progress;
mod report;

use super::probe::write::write;
use crate::advice;
use crate::cli::{DAEMONS, Global, MACHINES};
use crate::output::print;
use crate::problem::Problem;
use crate::session::broker;
use heapq_allocator::Caller;
use heapq_allocator::bench::{Figures, Measured, measure, policy, steps, weights};
use heapq_allocator::heaps::{Bounded, Nodes, StandIn};
use heapq_allocator::probe::today;
use heapq_constraints::{Heap, HeapSet};
use heapq_dbus::exit::Exit;
use progress::Progress;
use report::{Report, Row};
use std::path::Path;

/// Under which name the file goes in a directory.
const FILE: &str = "70-bench.toml";

/// Runs the command.
pub(crate) fn run(
    names: &[String],
    to: Option<&Path>,
    stand_in: bool,
    global: &Global,
) -> Result<Exit, Problem> {
    global.refuse(&DAEMONS, "bench", "it measures heaps that this process may open")?;
    if !stand_in {
        let why = "it measures memory of this machine, except with --stand-in";
        global.refuse(&MACHINES, "bench", why)?;
    }
    let broker = broker(global, stand_in)?;
    let all = broker.heaps(&Caller::myself());
    let heaps = chosen(names, &all, stand_in)?;
    if heaps.is_empty() {
        return Err(Problem::NoHeap { advice: advice::about(&broker) });
    }
    let bounded =
        if stand_in { Bounded::new(StandIn) } else { Bounded::new(Nodes::below(Path::new("/"))) };
    let mut rows = measured(&heaps, &bounded, stand_in);
    let (indices, costs): (Vec<usize>, Vec<Measured>) = weighed(&heaps, &rows).into_iter().unzip();
    for (index, weight) in indices.into_iter().zip(weights(&costs)) {
        rows[index].weight = Some(weight);
    }
    let text = policy(&costs, &broker.topology().release, &today());
    // Where no heap gave anything, the table says why, and there is nothing to write.
    let any = rows.iter().any(|row| Figures::cost(&row.figures).is_some());
    let to = to.filter(|_| any);
    let written = to.map(|to| write(&text, to, FILE, global)).transpose()?;
    if to != Some(Path::new("-")) {
        print(&Report { heaps: rows, stand_in, written }, global)
            .map_err(Problem::system("writing"))?;
    }
    Ok(if any { Exit::Ok } else { Exit::Failure })
}

/// Those that are named, else all that can be measured: protected memory has no mapping. A stand-in
/// stands in for all of them.
fn chosen(names: &[String], all: &HeapSet, stand_in: bool) -> Result<Vec<Heap>, Problem> {
    if stand_in {
        return Ok(vec![Heap::new("stand-in")]);
    }
    let usable = |heap: &&Heap| heap.present && heap.permitted && !heap.protected;
    if names.is_empty() {
        return Ok(all.heaps().iter().filter(usable).cloned().collect());
    }
    let found = names.iter().map(|name| super::heaps::named(name, all.heaps()));
    let found: Vec<&Heap> = found.collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter(usable).cloned().collect())
}

fn measured(heaps: &[Heap], bounded: &Bounded, stand_in: bool) -> Vec<Row> {
    let mut progress = Progress::new(heaps.len().saturating_mul(steps().count()));
    let mut rows = Vec::new();
    for heap in heaps {
        let mut row = Row::new(heap, stand_in);
        match bounded.open(heap) {
            Ok(tap) => {
                for step in steps() {
                    progress.step(&heap.name);
                    if let Err(why) = measure(&tap, step, &mut row.figures) {
                        row.why.get_or_insert(why.to_string());
                    }
                }
            }
            Err(why) => row.why = Some(why.to_string()),
        }
        rows.push(row);
    }
    rows
}

/// Those of which the cost is known and whose weight nobody has set, with their rows. A policy that
/// says what a heap weighs has reasons that no measurement knows.
fn weighed(heaps: &[Heap], rows: &[Row]) -> Vec<(usize, Measured)> {
    let one = |(index, (heap, row)): (usize, (&Heap, &Row))| {
        let cost = Figures::cost(&row.figures).filter(|_| row.kept.is_none())?;
        let scarce = heap.contiguous || heap.bank.is_some() || !heap.reserved_for.is_empty();
        Some((index, Measured { heap: heap.name.clone(), cost, scarce }))
    };
    heaps.iter().zip(rows).enumerate().filter_map(one).collect()
}
