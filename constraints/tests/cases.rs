//! The cases that ship with the project, as far as they state their heaps themselves.

mod common;

use std::fs;
use std::path::Path;

#[test]
fn all_cases_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 88, "only {} cases", files.len());
    let mut failed = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        let differences = common::case::differences(&text);
        if !differences.is_empty() {
            failed.push(format!("{}\n  {}", path.display(), differences.join("\n  ")));
        }
    }
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), files.len(), failed.join("\n"));
}
