//! How far a long command has come, on a terminal.

use crate::table::printable;
use std::io::{self, IsTerminal, Write};

const WIDTH: usize = 30;

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    done: usize,
    all: usize,
    shown: bool,
}

impl Progress {
    pub(super) fn new(all: usize) -> Self {
        Self { done: 0, all, shown: io::stderr().is_terminal() }
    }

    /// One more step begins.
    pub(super) fn step(&mut self, what: &str) {
        self.show(&format!("\r{} {}\x1b[K", bar(self.done, self.all), printable(what)));
        self.done = self.done.saturating_add(1);
    }

    fn show(&self, text: &str) {
        if self.shown {
            // A terminal that is gone shows nothing.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("\r\x1b[K");
    }
}

fn bar(done: usize, all: usize) -> String {
    let filled = done.saturating_mul(WIDTH).checked_div(all).unwrap_or(WIDTH).min(WIDTH);
    format!("[{}{}] {done}/{all}", "#".repeat(filled), "-".repeat(WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn the_bar_is_as_long_whatever_is_done() {
        for (done, all, filled) in [(0, 6, 0), (3, 6, 15), (6, 6, 30), (9, 6, 30), (0, 0, 30)] {
            let bar = bar(done, all);
            assert_eq!(bar.matches('#').count(), filled, "{bar}");
            assert_eq!(bar.matches(['#', '-']).count(), 30, "{bar}");
        }
    }
}
