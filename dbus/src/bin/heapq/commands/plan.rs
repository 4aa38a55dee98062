//! `heapq plan`: which heap, how many buffers, how large.

use super::explain::{Answered, answer, in_words};
use crate::ask::Ask;
use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::table::{GOOD, human_bytes, printable};
use heapq_constraints::Name;
use heapq_constraints::answer::{Candidate, Plan, SyncPoint};
use heapq_dbus::exit::Exit;
use serde::Serialize;
use std::fmt::Write as _;

/// An answer whose human form is its figures; of a conflict, its words.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Planned(Answered);

impl Report for Planned {
    fn human(&self, _legend: bool) -> String {
        match &self.0.answer.plan {
            Some(plan) => figures(plan, plan.candidates.first()),
            None => in_words(&self.0.answer),
        }
    }
}

/// Runs the command.
pub(crate) fn run(ask: &Ask, global: &Global) -> Result<Exit, Problem> {
    let report = Planned(answer(ask, global)?);
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::from(&report.0.answer))
}

/// The figures of a plan carried out with `chosen`, a line each.
pub(crate) fn figures(plan: &Plan, chosen: Option<&Candidate>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(candidate) = chosen {
        let heaps = joined(&candidate.heaps, " + ");
        let _ = writeln!(text, "{:<12} {GOOD}{}{GOOD:#}", "heap", printable(&heaps));
    }
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<12} {}", printable(&value));
    };
    let all: Vec<String> =
        plan.candidates.iter().map(|candidate| joined(&candidate.heaps, " + ")).collect();
    let more = if plan.candidates_complete { "" } else { ", and more" };
    line("candidates", all.join(", ") + more);
    line("count", plan.count.to_string());
    line("size", format!("{} bytes usable", plan.size));
    let total = plan.allocation_size.saturating_mul(plan.count.into());
    let allocated = format!("{} bytes each, {} in all", plan.allocation_size, human_bytes(total));
    line("allocated", allocated);
    if let Some(fourcc) = &plan.fourcc {
        let modifier = plan.modifier.as_deref().unwrap_or("linear");
        line("format", format!("{fourcc} {modifier}"));
    }
    for (index, plane) in plan.planes.iter().enumerate() {
        let place = format!("buffer {} offset {}", plane.buffer_index, plane.offset);
        line(
            &format!("plane {index}"),
            format!("{place} stride {} size {}", plane.stride, plane.size),
        );
    }
    if let Some(candidate) = chosen {
        line("access", candidate.access.word().to_owned());
    }
    for (who, index) in &plan.chosen_alternatives {
        line("alternative", format!("{who} {index}"));
    }
    if !plan.left_out.is_empty() {
        line("left out", joined(&plan.left_out, ", "));
    }
    let points = chosen.map_or(&plan.sync_points, |candidate| &candidate.sync_points);
    points.iter().for_each(|point| line("sync", sync(point)));
    for (name, values) in &plan.attributes {
        line("attribute", format!("{name} {}", joined(values, " ")));
    }
    if plan.assumed {
        let whom = joined(&plan.assumed_of, ", ");
        line("assumed", format!("the heap: nothing is known of {whom}"));
    }
    if plan.size_assumed {
        line("assumed", "the size".to_owned());
    }
    text
}

fn sync(point: &SyncPoint) -> String {
    let access = match (point.read, point.write) {
        (true, true) => "read and write",
        (true, false) => "read",
        _ => "write",
    };
    format!("{} ({}): {access}", point.participant, point.because)
}

/// Names with a separator.
pub(crate) fn joined(names: &[Name], separator: &str) -> String {
    names.iter().map(|name| &**name).collect::<Vec<_>>().join(separator)
}
