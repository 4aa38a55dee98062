//! docs/explanations.md is what the program says, and what it says is complete: every need has its
//! origin, every conflict a fix that was solved again.
//!
//! `HEAPQ_BLESS=1` writes the page anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "# Six conflicts, explained

This page is written by the program: each section is a case file below `tests/explanations/` and
what `heapq explain` says of it (`HEAPQ_BLESS=1 cargo test -p heapq-dbus --test explanations`).
A conflict ends in what would help: constraints whose removal was tried, and copies.
";

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn cases() -> Vec<String> {
    let files = std::fs::read_dir(top().join("tests/explanations")).unwrap();
    let mut names: Vec<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.iter().map(|name| format!("tests/explanations/{name}")).collect()
}

/// Explains a case; a conflict ends with exit status 3.
fn explain(case: &str, options: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_heapq"))
        .args(["explain", "--case", case])
        .args(options)
        .current_dir(top())
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(3),
        "{case}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for case in cases() {
        let text = std::fs::read_to_string(top().join(&case)).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
        let comment = text.lines().map_while(|line| line.strip_prefix("# ")).collect::<Vec<_>>();
        let said = explain(&case, &[]);
        let (name, comment) = (name.trim_matches('"'), comment.join("\n"));
        write!(
            page,
            "\n## {name}\n\n{comment}\n\n```console\n$ heapq explain --case {case}\n{said}```\n"
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_is_what_the_program_says() {
    let path = top().join("docs/explanations.md");
    let page = page();
    if std::env::var_os("HEAPQ_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let shown = std::fs::read_to_string(&path).unwrap();
    assert!(shown == page, "docs/explanations.md is out of date; HEAPQ_BLESS=1 writes it");
    assert_eq!(cases().len(), 6);
}

#[test]
fn every_line_about_a_need_ends_in_its_origin() {
    for case in cases() {
        let said = explain(&case, &[]);
        let needs = said.lines().filter(|line| line.contains(" needs ") || line.contains(" has "));
        let mut count = 0;
        for line in needs {
            assert!(line.ends_with(')'), "{case}: no origin: {line}");
            count += 1;
        }
        assert!(count > 1, "{case}: nobody needs anything\n{said}");
    }
}

/// The names of elements in a list of objects that hold `elements`.
fn sets(answer: &Value, key: &str) -> Vec<Vec<String>> {
    let names = |set: &Value| {
        let elements = set["elements"].as_array().unwrap();
        elements.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    answer[key].as_array().unwrap().iter().map(names).collect()
}

#[test]
fn every_conflict_has_a_fix_that_was_solved_again() {
    for case in cases() {
        let answer: Value = serde_json::from_str(&explain(&case, &["--json"])).unwrap();
        let (conflicts, fixes) = (sets(&answer, "conflicts"), sets(&answer, "fixes"));
        assert!(!conflicts.is_empty() && !fixes.is_empty(), "{case}");
        for conflict in &conflicts {
            let ended = |fix: &Vec<String>| fix.iter().any(|element| conflict.contains(element));
            assert!(fixes.iter().all(ended), "{case}: a fix leaves {conflict:?}");
        }
        let (mut lead, fixes) = (0, answer["fixes"].as_array().unwrap());
        for fix in fixes {
            let (heap, unsaid) = (fix["heap"].is_string(), fix["unsaid"].is_string());
            assert!(heap != unsaid, "{case}: a fix that leads nowhere: {fix}");
            lead += usize::from(heap);
        }
        assert!(lead > 0, "{case}: {fixes:?}");
        for element in answer["conflicts"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|conflict| conflict["elements"].as_array().unwrap().clone())
        {
            assert!(!element["origins"].as_array().unwrap().is_empty(), "{case}: {element}");
        }
    }
}

#[test]
fn a_driver_that_could_allocate_is_named_where_no_heap_serves() {
    let case = "tests/explanations/4-foreign-scanout.toml";
    let answer: Value = serde_json::from_str(&explain(case, &["--json"])).unwrap();
    let exporter = &answer["exporters"][0];
    assert_eq!(
        (&exporter["participant"], &exporter["driver"]),
        (&"compositor".into(), &"amdgpu".into())
    );
    assert_eq!(exporter["how"], "GBM");
    assert_eq!(answer["unserved"], serde_json::json!(["screen"]));
    let said = explain(case, &[]);
    let line = "compositor's own driver (amdgpu) can allocate it (GBM) and would serve everybody: ask it, not heapq (builtin:30-exports.toml:";
    assert!(said.lines().any(|one| one.starts_with(line)), "{said}");
}
