//! What broken files are told. Each file of `tests/broken` has its words in `tests/snapshots`; a
//! directory is a layer of several files, or holds such layers, lowest first.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use heapq_policies::{Diagnostic, FileState, load, render};
use std::path::{Path, PathBuf};

fn broken() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn layers(case: &Path) -> Vec<PathBuf> {
    let below = listed(case);
    let holds_layers = below.iter().all(|path| path.is_dir() && path.extension().is_none());
    if holds_layers { below } else { vec![case.to_owned()] }
}

/// All that is told of a case, with the path that the checkout has left out.
fn told(case: &Path) -> String {
    let alone = tempfile::tempdir().unwrap();
    let (top, dirs) = if case.is_dir() {
        (case.to_owned(), layers(case))
    } else {
        std::fs::copy(case, alone.path().join(case.file_name().unwrap())).unwrap();
        (alone.path().to_owned(), vec![alone.path().to_owned()])
    };
    let loaded = load(&dirs);
    let all = loaded.diagnostics.iter().chain(&loaded.review()).map(shown).collect::<Vec<_>>();
    all.join("\n\n").replace(&*top.to_string_lossy(), "policy.d")
}

fn shown(diagnostic: &Diagnostic) -> String {
    render(diagnostic, false)
}

#[test]
fn broken_files() {
    let cases = listed(&broken());
    assert!(cases.len() >= 28);
    for case in cases {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, told(&case));
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

#[test]
fn ten_megabytes_are_one_line_and_the_rest_goes_on() {
    let layer = tempfile::tempdir().unwrap();
    let rule = "[[heap]]\nname = \"a\"\n";
    std::fs::write(layer.path().join("50-large.toml"), rule.repeat(10_000_000 / rule.len()))
        .unwrap();
    std::fs::write(layer.path().join("60-small.toml"), rule).unwrap();
    let loaded = load(&[layer.path().to_owned()]);
    let [one] = &*loaded.diagnostics else { panic!("{:?}", loaded.diagnostics) };
    assert!(shown(one).contains("error[too-large]: 10000000 bytes") || shown(one).len() < 400);
    let states: Vec<FileState> = loaded.files.iter().rev().take(2).map(|file| file.state).collect();
    assert_eq!(states, [FileState::Used, FileState::LeftOut]);
}

#[test]
fn a_warning_does_not_cost_the_file() {
    let layer = tempfile::tempdir().unwrap();
    std::fs::copy(broken().join("20-redundant.toml"), layer.path().join("50-a.toml")).unwrap();
    let loaded = load(&[layer.path().to_owned()]);
    assert_eq!(loaded.diagnostics.len(), 2);
    assert_eq!(loaded.files.last().unwrap().state, FileState::Used);
}

#[test]
fn nothing_is_said_of_the_shipped_files() {
    assert_eq!(load(&[]).review(), []);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("shipped");
    assert_eq!(load(&[installed]).review(), [], "an identical copy hides nothing");
}
