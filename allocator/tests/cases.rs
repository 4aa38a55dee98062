//! Cases about single drivers, on a machine that has one of each: rules, nodes and parameters
//! together, the way of a request.
#![allow(clippy::panic, reason = "a test that fails")]

use heapq_allocator::case::{Outcome, run_all};
use std::path::Path;

#[test]
fn what_drivers_need_decides_the_heap() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/drivers");
    let results = run_all(&[cases], &[], &[]);
    assert!(results.len() >= 9, "{}", results.len());
    for result in &results {
        let Outcome::Passed = &result.outcome else {
            panic!("{}: {:?}", result.file.display(), result.outcome)
        };
    }
}
