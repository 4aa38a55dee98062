//! That it was an accident when the kernel took what heapq refuses.

use super::Wrong;
use super::importer::{self, Importer};
use super::memory::{Source, Spoilt};
use super::session::Session;
use crate::problem::Problem;
use heapq_constraints::Heap;
use heapq_tests::matrix::{self, Cell, Judgement, Proof};
use std::io::BufRead;

/// How often a buffer that was accepted by luck may be accepted again.
const ATTEMPTS: u32 = 20;
/// Buffers below this are kept during the attempts, so that each is other memory than those before.
const SMALL: u64 = 1 << 20;

/// Prints the cells on standard input, those that heapq refuses and the kernel took with their proofs.
/// One that has none is wrong. With `idle`, nothing is tried again and copies do not count.
pub(crate) fn prove(idle: bool) -> Result<String, Problem> {
    let cells = read()?;
    let importers = importer::all()?;
    let spoilt = if idle { None } else { Some(Spoilt::all()?) };
    let split = spoilt.as_ref().is_some_and(Spoilt::is_split);
    let attempts = if idle { 0 } else { ATTEMPTS };
    let mut wrong = Wrong::of(Judgement::FalseReject);
    // Whoever proves by refusals has to see those that are there anyway.
    if let Some(refused) = refused(&cells, split)
        && luck(&importers, refused, attempts)?.is_none()
    {
        wrong.cells.push(format!("not refused again: {refused}"));
    }
    for mut cell in cells {
        if cell.judge() == Judgement::FalseReject {
            let copied = cell.bounced > 0 && !idle;
            cell.proof =
                if copied { Some(Proof::Bounce) } else { luck(&importers, &cell, attempts)? };
        }
        wrong.print(&cell)?;
    }
    wrong.end()
}

fn read() -> Result<Vec<Cell>, Problem> {
    let mut cells = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Problem::system("standard input"))?;
        let cell = matrix::read(&line).transpose();
        cells.extend(cell.map_err(|error| Problem::Wrong(format!("{line}: {error}")))?);
    }
    Ok(cells)
}

/// Of the cells where both refuse memory for being scattered, the one where luck is most likely; in memory
/// that is not `split` the one where it is least so, since small buffers may well lie in one piece there.
fn refused(cells: &[Cell], split: bool) -> Option<&Cell> {
    let could = |cell: &&Cell| cell.judge() == Judgement::Refused && cell.refused_for("contiguous");
    let cells = cells.iter().filter(could);
    if split { cells.min_by_key(|cell| cell.bytes) } else { cells.max_by_key(|cell| cell.bytes) }
}

/// At which of so many attempts the importer refuses such a buffer.
fn luck(importers: &[Importer], cell: &Cell, attempts: u32) -> Result<Option<Proof>, Problem> {
    let Some(importer) = importers.iter().find(|importer| importer.name == cell.importer) else {
        return Err(Problem::Wrong(format!("no importer {}", cell.importer)));
    };
    let source = Source::open(&Heap::new(&*cell.heap))?;
    let mut kept = Vec::new();
    for attempt in 1..=attempts {
        let Some(session) = Session::open(importer, cell.picture)? else { return Ok(None) };
        let frame = source.frame(&session.sizes())?;
        if session.take(&frame).is_err() {
            return Ok(Some(Proof::Luck { refused: attempt }));
        }
        if cell.bytes < SMALL {
            kept.push(frame);
        }
    }
    Ok(None)
}
