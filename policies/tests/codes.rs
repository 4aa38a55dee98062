//! docs/policy-codes.md has every code, and each of its examples yields it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests too")]

use heapq_policies::{Code, dirs_below, load};
use std::collections::BTreeSet;
use std::process::Command;

/// One section: a code with its examples.
struct Section<'a> {
    code: &'a str,
    /// Files that yield it.
    broken: Vec<String>,
    /// Files that are as they should be.
    right: Vec<String>,
    /// What makes files that yield it.
    shell: Vec<String>,
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy-codes.md"))
        .unwrap()
}

/// The blocks behind fences with this word on them.
fn blocks(text: &str, fence: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    while lines.by_ref().any(|line| line.strip_prefix("```") == Some(fence)) {
        let block = lines.by_ref().take_while(|line| *line != "```");
        blocks.push(block.map(|line| format!("{line}\n")).collect());
    }
    blocks
}

fn sections(page: &str) -> Vec<Section<'_>> {
    page.split("\n### `")
        .skip(1)
        .map(|text| Section {
            code: text.split_once('`').unwrap().0,
            broken: blocks(text, "toml broken"),
            right: blocks(text, "toml"),
            shell: blocks(text, "sh"),
        })
        .collect()
}

/// The codes that are told of a system with these files.
fn told(files: &[String], shell: &[String]) -> BTreeSet<&'static str> {
    let root = tempfile::tempdir().unwrap();
    let dirs = dirs_below(root.path());
    dirs.iter().for_each(|dir| std::fs::create_dir_all(dir).unwrap());
    for text in files {
        let first = text.lines().next().unwrap_or_default();
        let path = first.strip_prefix("# /").filter(|path| path.ends_with(".toml"));
        let path = path.unwrap_or("etc/heapq/policy.d/50-example.toml");
        std::fs::write(root.path().join(path), text).unwrap();
    }
    for script in shell {
        let run = Command::new("sh").args(["-euc", script]).current_dir(root.path()).status();
        assert!(run.unwrap().success(), "{script}");
    }
    let loaded = load(&dirs);
    let review = loaded.review();
    loaded.diagnostics.iter().chain(&review).map(|one| one.code.as_str()).collect()
}

#[test]
fn every_code_is_on_the_page_under_its_severity() {
    let page = page();
    let documented: Vec<&str> = sections(&page).iter().map(|section| section.code).collect();
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented.iter().copied().collect::<BTreeSet<_>>(), all);
    assert_eq!(documented.len(), all.len(), "none twice");
    let below = |code: &Code| {
        let at = page.find(&format!("\n### `{code}`")).unwrap();
        let title = page[..at].rfind("\n## ").map(|title| &page[title + 4..]).unwrap();
        title.lines().next().unwrap().trim_end_matches('s').to_lowercase()
    };
    for code in Code::ALL {
        assert_eq!(below(code), code.severity().as_str(), "{code}");
    }
}

#[test]
fn every_example_yields_its_code_and_no_other() {
    let page = page();
    for Section { code, broken, shell, .. } in sections(&page) {
        assert!(!broken.is_empty() || !shell.is_empty(), "{code} has no example");
        let mut told = told(&broken, &shell);
        assert!(told.remove(code), "{code} is not told, but {told:?}");
        // Thousands of empty files mask nothing; many errors are errors of something.
        if !matches!(code, "too-many-files" | "too-many-complaints") {
            assert!(told.is_empty(), "{code}: also {told:?}");
        }
    }
}

#[test]
fn what_to_write_instead_is_fine() {
    let page = page();
    let mut seen = 0;
    for Section { code, right, .. } in sections(&page) {
        for text in right {
            let told = told(&[text], &[]);
            assert!(told.is_empty(), "{code}: {told:?}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}
