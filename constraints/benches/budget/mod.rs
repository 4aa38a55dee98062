//! Budgets of benchmarks: figure and budget side by side, and whether all are met.

mod list;

use criterion::Criterion;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

/// What is measured: its name, and how many nanoseconds the median of one call may take.
pub(crate) type Budget = (&'static str, f64);

/// Runs `bench` and reports. With `BENCH_STRICT=1` a budget that is missed is a failure.
pub(crate) fn run(budgets: &[Budget], bench: fn(&mut Criterion)) -> ExitCode {
    // TARGET/release/deps/solve-…
    let results = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("criterion");
    let start = SystemTime::now();
    let mut criterion = Criterion::default().output_directory(&results).configure_from_args();
    bench(&mut criterion);
    criterion.final_summary();
    let strict = std::env::var_os("BENCH_STRICT").is_some_and(|strict| strict == "1");
    if report(budgets, &results, start) || !strict { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The median that criterion left in `results` for `name`, in nanoseconds, if that was after
/// `start`: a run may be of some of them, or measure nothing.
fn median(results: &Path, name: &str, start: SystemTime) -> Option<f64> {
    let file = results.join(name).join("new/estimates.json");
    let fresh = file.metadata().ok()?.modified().ok()? >= start;
    let estimates: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64().filter(|_| fresh)
}

/// Prints budget and figure side by side; whether all that was measured is met.
fn report(budgets: &[Budget], results: &Path, start: SystemTime) -> bool {
    let measured: Vec<_> = budgets
        .iter()
        .filter_map(|(name, budget)| Some((name, budget, median(results, name, start)?)))
        .collect();
    if !measured.is_empty() {
        println!("{:<40} {:>12} {:>12}", "median of one call", "budget", "figure");
    }
    for (name, budget, figure) in &measured {
        let verdict = if figure <= budget { "met" } else { "missed" };
        println!("{name:<40} {:>9.2} µs {:>9.2} µs  {verdict}", *budget / 1e3, figure / 1e3);
    }
    let told = measured.iter().map(|(name, budget, figure)| {
        json!({ "name": format!("{name}, µs"), "figure": figure / 1e3, "budget": *budget / 1e3 })
    });
    let told: Vec<_> = told.collect();
    if !told.is_empty() {
        list::keep(&results.with_file_name("bench.json"), &told);
    }
    measured.iter().all(|(_, budget, figure)| figure <= budget)
}
