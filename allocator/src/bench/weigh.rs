//! From figures to weights.
//!
//! A weight comes before everything else in the order of heaps, scarcity included. So speed decides
//! among heaps of a kind only: scarce memory stays behind the slowest of the other.

use heapq_constraints::Name;
use std::fmt::Write as _;

/// What one heap costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its name.
    pub heap: Name,
    /// What a frame costs from there, in nanoseconds.
    pub cost: u64,
    /// Its memory is not for everybody: contiguous, reserved or of a bank of its own.
    pub scarce: bool,
}

/// A tenth slower than the fastest is as fast: no two runs measure the same.
const NOISE: (u64, u64) = (11, 10);
/// Each further quarter takes one off.
const STEP: (u64, u64) = (5, 4);
/// The least that speed makes of a weight.
const LEAST: i64 = -64;

/// The weight of each, in their order: 0 for the fastest that is not scarce and those hardly slower,
/// less for slower ones, and for scarce ones, counted from the fastest of them, less than for all
/// others.
#[must_use]
pub fn weights(measured: &[Measured]) -> Vec<i64> {
    let best = |scarce| {
        measured.iter().filter(|one| one.scarce == scarce).map(|one| one.cost).min().unwrap_or(0)
    };
    let plain = measured.iter().filter(|one| !one.scarce).map(|one| steps(one.cost, best(false)));
    let behind = plain.min().map_or(0, |least| least.saturating_sub(1));
    let weight = |one: &Measured| {
        let own = steps(one.cost, best(one.scarce));
        if one.scarce { own.saturating_add(behind) } else { own }
    };
    measured.iter().map(weight).collect()
}

/// How much slower, in steps.
fn steps(cost: u64, best: u64) -> i64 {
    let times = |of: u128, (by, part): (u64, u64)| of.saturating_mul(by.into()) / u128::from(part);
    // In thousandths, so that small figures grow too.
    let (cost, mut bound) = (u128::from(cost) * 1000, times(u128::from(best.max(1)) * 1000, NOISE));
    let mut steps = 0;
    while cost > bound && steps > LEAST {
        bound = times(bound, STEP);
        steps -= 1;
    }
    steps
}

/// The weights as the text of a policy file, with the figures as comments, and nothing else in it.
#[must_use]
pub fn policy(measured: &[Measured], release: &str, date: &str) -> String {
    let line =
        |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let mut text = line(&format!("# heapq bench, {date}, Linux {release}")) + "\n";
    for (one, weight) in measured.iter().zip(weights(measured)) {
        let name = toml::Value::String(one.heap.to_string());
        let comment = line(&format!("# {} ns for a frame of 1 MiB", one.cost));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{comment}\n[[heap]]\nname = {name}\nweight = {weight}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Measured, policy, weights};
    use heapq_policies::load_files;
    use proptest::prelude::*;

    fn measured(heaps: &[(&str, u64, bool)]) -> Vec<Measured> {
        let one = |(heap, cost, scarce): &(&str, u64, bool)| Measured {
            heap: (*heap).into(),
            cost: *cost,
            scarce: *scarce,
        };
        heaps.iter().map(one).collect()
    }

    #[test]
    fn slower_heaps_weigh_less_and_scarce_ones_least() {
        for (heaps, expected) in [
            (&[("system", 1000, false)][..], &[0][..]),
            (&[("system", 1000, false), ("udmabuf", 1090, false)], &[0, 0]),
            (&[("system", 1200, false), ("udmabuf", 1000, false)], &[-1, 0]),
            (&[("system", 1000, false), ("udmabuf", 2000, false)], &[0, -3]),
            (&[("system", 1000, false), ("udmabuf", u64::MAX, false)], &[0, -64]),
            (&[("cma", 10, true), ("system", 1000, false), ("slow", 1300, false)], &[-2, 0, -1]),
            (&[("cma", 10, true), ("pool", 13, true)], &[0, -1]),
            (&[("a", 0, false), ("b", 0, true)], &[0, -1]),
            (&[], &[]),
        ] {
            assert_eq!(weights(&measured(heaps)), expected, "{heaps:?}");
        }
    }

    #[test]
    fn the_file_says_weights_and_nothing_else() {
        let heaps = [("system", 1000, false), ("pool@1 \"[[grant]]\"", 5000, true)];
        let text = policy(&measured(&heaps), "7.3\nusers = [0]", "2026-11-21");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("70-bench.toml");
        std::fs::write(&file, &text).unwrap();
        let loaded = load_files(&[file]);
        assert!(loaded.diagnostics.is_empty(), "{:?}\n{text}", loaded.diagnostics);
        let statements = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in statements {
            let known =
                ["[[heap]]", "name = ", "weight = "].iter().any(|key| line.starts_with(key));
            assert!(known, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_costs_more_weighs_no_more(
            costs in prop::collection::vec((any::<u32>(), any::<bool>()), 1..12)
        ) {
            let all: Vec<Measured> = costs
                .iter()
                .map(|(cost, scarce)| Measured { heap: "x".into(), cost: u64::from(*cost), scarce: *scarce })
                .collect();
            let weights = weights(&all);
            for (a, weight) in all.iter().zip(&weights) {
                for (b, other) in all.iter().zip(&weights) {
                    if a.scarce == b.scarce && a.cost <= b.cost {
                        prop_assert!(weight >= other);
                    }
                    if !a.scarce && b.scarce {
                        prop_assert!(weight > other);
                    }
                }
            }
        }
    }
}
