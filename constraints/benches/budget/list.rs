//! bench.json in cargo's target directory: one list of what each benchmark measured last.

use serde_json::Value;
use std::path::Path;

/// Puts what was measured in place of what is there by the same names.
pub(crate) fn keep(file: &Path, measured: &[Value]) {
    let known = std::fs::read_to_string(file).unwrap_or_default();
    let mut all: Vec<Value> = serde_json::from_str(&known).unwrap_or_default();
    all.retain(|one| measured.iter().all(|new| new["name"] != one["name"]));
    all.extend_from_slice(measured);
    std::fs::write(file, format!("{:#}\n", Value::Array(all))).unwrap();
    println!("written to {}", file.display());
}
