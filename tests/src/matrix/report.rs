//! The matrix for people: a table for each machine, a letter for each cell.

use super::{Cell, Judgement};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What the letters mean.
pub const LEGEND: &str = "\
    a, r: heapq and the kernel both accept, both refuse; a letter a size, from the smallest
    l: heapq refuses, the kernel took it by luck; c: took a copy of it; each is proven
    ?: heapq says that it does not know; -: the heap gives none of this size
    A: FALSE ACCEPT; R: FALSE REJECT without a proof";

/// Heap, size and importer of each cell of a machine.
type Row<'a> = BTreeMap<&'a str, BTreeMap<(u32, u32), char>>;

fn letter(judgement: Judgement) -> char {
    match judgement {
        Judgement::Accepted => 'a',
        Judgement::Refused => 'r',
        Judgement::Assumed => '?',
        Judgement::Lucky => 'l',
        Judgement::Copied => 'c',
        Judgement::FalseReject => 'R',
        Judgement::FalseAccept => 'A',
    }
}

/// The table of one machine's cells: a row for each importer in the order in which they were tried, a
/// column for each heap.
#[must_use]
pub fn table(cells: &[&Cell]) -> String {
    let heaps: BTreeSet<&str> = cells.iter().map(|cell| &*cell.heap).collect();
    let mut order: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for cell in cells {
        if !order.contains(&&*cell.importer) {
            order.push(&cell.importer);
        }
        let row = rows.entry(&cell.importer).or_default();
        row.entry(&cell.heap).or_default().insert(cell.picture, letter(cell.judge()));
    }
    let first = order.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("  {:first$}", "");
    for heap in &heaps {
        let _ = write!(text, "  {heap}");
    }
    text.push('\n');
    for importer in order {
        let _ = write!(text, "  {importer:first$}");
        let row = rows.get(importer);
        for heap in &heaps {
            let letters = row.map(|row| letters(row, heap)).unwrap_or_default();
            let _ = write!(text, "  {letters:width$}", width = heap.chars().count());
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn letters(row: &Row<'_>, heap: &str) -> String {
    let sizes: BTreeSet<_> = row.values().flat_map(BTreeMap::keys).collect();
    let of = row.get(heap);
    sizes.iter().map(|size| of.and_then(|of| of.get(size)).copied().unwrap_or('-')).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cell, refuse, refused};
    use super::super::{Cell, Kernel, Verdict};
    use super::table;

    #[test]
    fn rows_are_importers_and_letters_sizes() {
        let system = Cell { importer: "cam".to_owned(), ..cell(Verdict::Accept, Kernel::Accepts) };
        let larger = Cell { picture: (1920, 1080), ..cell(refuse(), refused()) };
        let larger = Cell { importer: "cam".to_owned(), ..larger };
        let huge = Cell { heap: "udmabuf-2M".to_owned(), ..system.clone() };
        let other = Cell { importer: "card0".to_owned(), ..cell(Verdict::Assumed, refused()) };
        let table = table(&[&larger, &system, &huge, &other]);
        assert_eq!(table, "         system  udmabuf-2M\n  cam    ar      a-\n  card0  ?       -\n");
    }
}
