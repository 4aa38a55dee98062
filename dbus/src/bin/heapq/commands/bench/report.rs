//! The figures as a table.

use crate::output;
use crate::table::{Table, printable};
use heapq_allocator::bench::{Figures, SIZES};
use heapq_constraints::{Heap, Name, Origin};
use serde::Serialize;
use std::path::PathBuf;

/// All that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    pub(super) heaps: Vec<Row>,
    /// Memfds were measured, and no dma-bufs.
    pub(super) stand_in: bool,
    /// The policy file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<PathBuf>,
}

/// One heap.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Row {
    pub(super) heap: Name,
    stand_in: bool,
    /// Nanoseconds.
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// Bytes of the buffers that were allocated.
    sizes: [u64; SIZES.len()],
    /// What follows for its weight, where it is known and no policy says another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<i64>,
    /// Who says what it weighs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kept: Option<Origin>,
    /// Why a figure is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

impl Row {
    pub(super) fn new(heap: &Heap, stand_in: bool) -> Self {
        Self {
            heap: heap.name.clone(),
            stand_in,
            figures: Figures::default(),
            sizes: SIZES,
            weight: None,
            // A bench of before does not stand in the way of this one.
            kept: heap.origins.get("weight").filter(|origin| !of_a_bench(origin)).cloned(),
            why: None,
        }
    }

    fn weight(&self) -> String {
        match (&self.kept, self.weight) {
            (Some(origin), _) => format!("as {origin} says"),
            (None, Some(weight)) => weight.to_string(),
            (None, None) => String::new(),
        }
    }
}

fn of_a_bench(origin: &Origin) -> bool {
    origin.to_string().contains("70-bench.toml")
}

impl output::Report for Report {
    fn human(&self, legend: bool) -> String {
        let mut table = Table::new(&[
            "HEAP", "4 KiB", "64 KiB", "1 MiB", "4 MiB", "16 MiB", "WRITE", "READ", "SYNC",
            "WEIGHT",
        ]);
        for row in &self.heaps {
            let name = if row.stand_in { "stand-in (memfd)" } else { &*row.heap };
            let figures = &row.figures;
            let allocate =
                (0..SIZES.len()).map(|index| figures.allocate.get(index).copied().flatten());
            let access = [figures.write, figures.read, figures.sync];
            let cells = allocate.chain(access).map(|time| time.map(human).unwrap_or_default());
            table.row(std::iter::once(name.to_owned()).chain(cells).chain([row.weight()]));
        }
        let mut text = table.render(legend);
        if legend {
            text.push_str("Medians: a buffer of each size, and 1 MiB written, read and bracketed by the CPU.\n");
        }
        for row in &self.heaps {
            if let Some(why) = &row.why {
                text.push_str(&printable(&format!("{}: {why}", row.heap)));
                text.push('\n');
            }
        }
        if self.stand_in {
            text.push_str("stand-in: memfds were measured, and no dma-bufs\n");
        }
        if let Some(file) = &self.written {
            text.push_str(&printable(&format!("written: {}", file.display())));
            text.push('\n');
        }
        text
    }
}

/// In the largest unit that leaves three figures.
fn human(nanoseconds: u64) -> String {
    match nanoseconds {
        0..10_000 => format!("{nanoseconds} ns"),
        10_000..10_000_000 => format!("{} us", nanoseconds / 1000),
        _ => format!("{} ms", nanoseconds / 1_000_000),
    }
}
