//! The fuzz targets without a fuzzer: every seed, and changes of each that are the same every time.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use heapq_tests::fuzz::{TARGETS, Target};

/// A few generator steps of xorshift64*: which change comes next.
struct Changes(u64);

impl Changes {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound.max(1)
    }

    /// Another byte, a piece left out, a piece twice, or the end cut off.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (at, length) = (self.below(bytes.len()), self.below(16));
        let end = (at + length).min(bytes.len());
        match self.below(4) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.splice(end..end, bytes[at..end].to_vec()).for_each(drop),
            _ => bytes.truncate(bytes.len() - self.below(8).min(bytes.len())),
        }
    }
}

fn hold(name: &str, rounds: usize) {
    let Target { run, seeds, .. } = heapq_tests::fuzz::target(name).unwrap();
    let seeds = seeds();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let mut changes = Changes(0x9e37_79b9_7f4a_7c15);
    for seed in &seeds {
        run(seed);
        for _ in 0..rounds {
            let mut changed = seed.clone();
            for _ in 0..=changes.below(4) {
                changes.change(&mut changed);
            }
            run(&changed);
        }
    }
}

#[test]
fn targets_have_names_of_their_own() {
    let mut names = TARGETS.map(|target| target.name);
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn policy() {
    hold("policy", 20);
}

#[test]
fn devicetree() {
    hold("devicetree", 20);
}

#[test]
fn snapshot() {
    hold("snapshot", 200);
}

#[test]
fn sysfs() {
    hold("sysfs", 200);
}

#[test]
fn case() {
    hold("case", 5);
}

#[test]
fn wire() {
    hold("wire", 20);
}
