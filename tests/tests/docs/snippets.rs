//! Every piece of TOML in the documents is read by what it is meant for.
//!
//! A snippet whose first line is `# DIR/NAME.toml` is that file of its document, and those of one
//! document can name each other: `policy.d/` holds policies, `cases/` cases, `boards/` snapshots.
//! Of the others, one with `[expect]` is a case, one with a `name` of its own the beginning of a
//! case, and anything else a policy.

use super::{blocks, documents, read};
use heapq_allocator::case::{self, Case, Outcome};
use heapq_allocator::discover::snapshot;
use heapq_policies::{FileState, load_files, render};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Default)]
struct Seen {
    policies: usize,
    cases: usize,
    boards: usize,
}

#[test]
fn every_snippet_is_what_it_says() {
    let mut seen = Seen::default();
    for document in documents() {
        let dir = tempfile::tempdir().unwrap();
        let snippets = blocks(&read(&document), "toml");
        let files: Vec<PathBuf> = snippets
            .iter()
            .enumerate()
            .map(|(index, text)| written(dir.path(), index, text))
            .collect();
        for (file, text) in files.iter().zip(&snippets) {
            check(&document, file, text, &mut seen);
        }
    }
    assert!(seen.policies >= 3 && seen.cases >= 2 && seen.boards >= 1, "the guide has them");
}

fn written(dir: &Path, index: usize, text: &str) -> PathBuf {
    let first = text.lines().next().unwrap_or_default();
    let named = first.strip_prefix("# ").filter(|path| path.ends_with(".toml"));
    let file = dir.join(named.unwrap_or(&format!("snippet-{index}.toml")));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file
}

fn check(document: &str, file: &Path, text: &str, seen: &mut Seen) {
    let kind = file.parent().unwrap().file_name().unwrap_or_default();
    if kind == "boards" {
        snapshot::read(text).unwrap_or_else(|error| panic!("{document}: {error}"));
        seen.boards += 1;
    } else if text.contains("\n[expect]") {
        passes(document, file);
        seen.cases += 1;
    } else if text.starts_with("name =") {
        let whole = format!("{text}\n[expect]\nverdict = \"ok\"\n");
        Case::parse(file, &whole).unwrap_or_else(|error| panic!("{document}: {error}"));
    } else {
        loads(document, file);
        seen.policies += 1;
    }
}

fn passes(document: &str, file: &Path) {
    let results = case::run_all(&[file.to_owned()], &[], &[]);
    assert!(!results.is_empty(), "{document}: {}", file.display());
    for result in results {
        assert!(matches!(result.outcome, Outcome::Passed), "{document}: {result:?}");
    }
}

/// Reads a policy by itself, and expects that nothing is wrong with it.
pub(crate) fn loads(document: &str, file: &Path) {
    let loaded = load_files(&[file.to_owned()]);
    let complaints: Vec<String> = loaded.diagnostics.iter().map(|one| render(one, false)).collect();
    assert!(complaints.is_empty(), "{document}:\n{}", complaints.join("\n"));
    assert_eq!(loaded.files[0].state, FileState::Used, "{document}");
}
