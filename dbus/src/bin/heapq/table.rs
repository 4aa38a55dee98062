//! Aligned columns.

use anstyle::{AnsiColor, Style};
use heapq_policies::disturbs;
use std::fmt::Write as _;

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold().underline();
/// What is good, chosen, passed.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What failed or is in the way.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is neither.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Rows of text under headings.
#[derive(Debug)]
pub(crate) struct Table {
    headings: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row; an empty cell is shown as `-`.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter();
        let shown =
            cells.map(|cell| if cell.is_empty() { "-".to_owned() } else { printable(&cell) });
        self.rows.push(shown.collect());
    }

    /// The table's lines; the last column is not padded.
    pub(crate) fn render(&self, legend: bool) -> String {
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                let heading = if legend { self.headings[column].len() } else { 0 };
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(heading)
            })
            .collect();
        let mut text = String::new();
        if legend {
            let headings: Vec<String> = self.headings.iter().map(ToString::to_string).collect();
            line(&mut text, &headings, &widths, HEADING);
        }
        for row in &self.rows {
            line(&mut text, row, &widths, Style::new());
        }
        text
    }
}

fn line(text: &mut String, cells: &[String], widths: &[usize], style: Style) {
    let last = cells.len().saturating_sub(1);
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{style}{cell}{style:#}");
        if column < last {
            let padding = width.saturating_sub(cell.chars().count()) + 2;
            let _ = write!(text, "{:padding$}", "");
        }
    }
    text.push('\n');
}

/// Without control characters: names come from files and other machines, and must not move the
/// terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if disturbs(c) { '\u{fffd}' } else { c }).collect()
}

/// As [`printable`], for texts of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// A file's text for a terminal: its lines and tabs stay what they are.
pub(crate) fn printable_text(text: &str) -> String {
    let line = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t") + "\n";
    text.lines().map(line).collect()
}

/// So many of what is called this: `1 buffer`, `2 buffers`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Bytes in the largest binary unit that loses nothing above a tenth: `614400` is `600 KiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    while unit + 1 < UNITS.len() && bytes >> (10 * (unit + 1)) > 0 {
        unit += 1;
    }
    let (whole, one) = (bytes >> (10 * unit), 1_u128 << (10 * unit));
    let tenths = (u128::from(bytes) % one) * 10 / one;
    if tenths == 0 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{tenths} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_hostile_names_are_tamed() {
        let mut table = Table::new(&["NAME", "KIND"]);
        table.row(["cma\x1b[2J".to_owned(), "contiguous".to_owned()]);
        table.row(["a".to_owned(), String::new()]);
        let plain = anstream::adapter::strip_str(&table.render(true)).to_string();
        assert_eq!(plain, "NAME     KIND\ncma\u{fffd}[2J  contiguous\na        -\n");
        assert!(!table.render(false).contains("NAME"));
    }

    #[test]
    fn what_turns_or_moves_text_is_shown_as_such() {
        let hostile = "a\u{202e}b\u{9b}2J\tc\r\nd\u{2066}";
        assert_eq!(printable(hostile), "a\u{fffd}b\u{fffd}2J\u{fffd}c\u{fffd}\u{fffd}d\u{fffd}");
        assert_eq!(printable_text(hostile), "a\u{fffd}b\u{fffd}2J\tc\nd\u{fffd}\n");
    }

    #[test]
    fn bytes_in_words() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(614_400), "600 KiB");
        assert_eq!(human_bytes(3_110_400), "2.9 MiB");
        assert_eq!(human_bytes(u64::MAX), "16777215.9 TiB");
    }
}
