//! How many cells there are of each judgement, and what must hold of that.

use super::{Cell, Judgement, Kernel};
use std::collections::BTreeMap;
use std::fmt;

/// Of a matrix that is worth the name: cells, refusals by the kernel, accepted imports of scattered
/// memory.
const ENOUGH: [(usize, &str); 3] = [
    (150, "cells"),
    (40, "refusals by the kernel"),
    (40, "accepted imports of memory that is not contiguous"),
];
/// One in so many cells may be refused by heapq though the kernel took it, and one in so many be unknown
/// to it.
const RARE: usize = 10;

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    by_judgement: BTreeMap<Judgement, usize>,
    cells: usize,
    refusals: usize,
    scattered: usize,
}

impl Sum {
    /// Of these cells.
    pub fn of<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Self {
        let mut sum = Self::default();
        for cell in cells {
            let judgement = cell.judge();
            let refused = matches!(cell.kernel, Kernel::Refuses { .. });
            *sum.by_judgement.entry(judgement).or_default() += 1;
            sum.cells += 1;
            sum.refusals += usize::from(refused);
            sum.scattered += usize::from(judgement == Judgement::Accepted && cell.scattered);
        }
        sum
    }

    fn count(&self, judgement: Judgement) -> usize {
        self.by_judgement.get(&judgement).copied().unwrap_or(0)
    }

    fn rejects(&self) -> usize {
        [Judgement::Lucky, Judgement::Copied, Judgement::FalseReject]
            .map(|judgement| self.count(judgement))
            .iter()
            .sum()
    }

    /// What does not hold. `whole`: the machines are all there are, so there must be enough cells, and the
    /// shares count; one machine can have many accidents.
    #[must_use]
    pub fn unmet(&self, whole: bool) -> Vec<String> {
        let mut unmet = Vec::new();
        for (judgement, text) in [
            (Judgement::FalseAccept, "false accepts"),
            (Judgement::FalseReject, "false rejects without a proof"),
        ] {
            let count = self.count(judgement);
            if count > 0 {
                unmet.push(format!("{count} {text}"));
            }
        }
        for (count, text) in [
            (self.rejects(), "false rejects"),
            (self.count(Judgement::Assumed), "that heapq does not know"),
        ] {
            if whole && count * RARE > self.cells {
                unmet.push(format!("{count} {text} among {} cells", self.cells));
            }
        }
        let there = [self.cells, self.refusals, self.scattered];
        for (count, (enough, text)) in there.into_iter().zip(ENOUGH) {
            if whole && count < enough {
                unmet.push(format!("only {count} {text}, not {enough}"));
            }
        }
        unmet
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |judgement| self.count(judgement);
        writeln!(f, "{} cells: {} refusals by the kernel", self.cells, self.refusals)?;
        writeln!(
            f,
            "agreement: {} accepted, of them {} of memory that is not contiguous; {} refused",
            n(Judgement::Accepted),
            self.scattered,
            n(Judgement::Refused)
        )?;
        writeln!(
            f,
            "false rejects: {}, of them proven: {} luck, {} copies",
            self.rejects(),
            n(Judgement::Lucky),
            n(Judgement::Copied)
        )?;
        writeln!(f, "false accepts: {}", n(Judgement::FalseAccept))?;
        writeln!(f, "heapq does not know: {}", n(Judgement::Assumed))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cell, refuse, refused};
    use super::super::{Cell, Kernel, Proof, Verdict};
    use super::Sum;

    fn matrix() -> Vec<Cell> {
        let mut cells = vec![cell(Verdict::Accept, Kernel::Accepts); 100];
        cells.extend(vec![cell(refuse(), refused()); 50]);
        cells
    }

    #[test]
    fn enough_is_asked_of_a_whole_matrix_only() {
        assert_eq!(Sum::of(&matrix()).unmet(true), Vec::<String>::new());
        let few = &matrix()[70..];
        assert_eq!(Sum::of(few).unmet(false), Vec::<String>::new());
        let unmet = Sum::of(few).unmet(true);
        assert_eq!(unmet.len(), 2, "{unmet:?}");
    }

    #[test]
    fn one_false_accept_is_too_many() {
        let mut cells = matrix();
        cells.push(cell(Verdict::Accept, refused()));
        assert_eq!(Sum::of(&cells).unmet(true), ["1 false accepts"]);
    }

    #[test]
    fn not_to_know_is_no_way_out() {
        let mut cells = matrix();
        cells.extend(vec![cell(Verdict::Assumed, refused()); 17]);
        assert_eq!(Sum::of(&cells).unmet(true), ["17 that heapq does not know among 167 cells"]);
    }

    #[test]
    fn rejects_need_their_proof_and_are_few() {
        let lucky =
            Cell { proof: Some(Proof::Luck { refused: 1 }), ..cell(refuse(), Kernel::Accepts) };
        let mut cells = matrix();
        cells.extend(vec![lucky.clone(); 16]);
        assert_eq!(Sum::of(&cells).unmet(true), Vec::<String>::new());
        cells.push(lucky);
        assert_eq!(Sum::of(&cells).unmet(true), ["17 false rejects among 167 cells"]);
        assert_eq!(Sum::of(&cells).unmet(false), Vec::<String>::new());
        let mut cells = matrix();
        cells.push(cell(refuse(), Kernel::Accepts));
        assert_eq!(Sum::of(&cells).unmet(true), ["1 false rejects without a proof"]);
    }
}
