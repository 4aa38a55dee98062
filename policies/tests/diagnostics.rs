//! What broken files are told. Each file of `tests/broken` has its words in `tests/snapshots`.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use heapq_policies::{Diagnostic, load, render};
use std::path::Path;

/// The diagnostics of one broken file, with the path that the checkout has left out.
fn told(name: &str) -> String {
    let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let layer = tempfile::tempdir().unwrap();
    std::fs::copy(broken.join(name), layer.path().join(name)).unwrap();
    let loaded = load(&[layer.path().to_owned()]);
    let dir = layer.path().to_string_lossy();
    let shown: Vec<String> = loaded.diagnostics.iter().map(|one| render(one, false)).collect();
    shown.join("\n\n").replace(&*dir, "policy.d")
}

#[test]
fn broken_files() {
    let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut names: Vec<String> = std::fs::read_dir(broken)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 14);
    for name in names {
        insta::assert_snapshot!(name.trim_end_matches(".toml"), told(&name));
    }
}

#[test]
fn one_line_each_for_logs() {
    let layer = tempfile::tempdir().unwrap();
    let path = layer.path().join("50-a.toml");
    std::fs::write(&path, "[[heap]]\nname = \"a\"\nwieght = 1\n").unwrap();
    let lines: Vec<String> =
        load(&[layer.path().to_owned()]).diagnostics.iter().map(Diagnostic::to_string).collect();
    let line = format!("{}:3: `[[heap]]` has no key `wieght` [unknown-key]", path.display());
    assert_eq!(lines, [line]);
}
