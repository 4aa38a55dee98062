//! What documents point at is there, and what they show is what is printed.

use super::programs::{in_shell, printed};
use super::{blocks, documents, read, root};
use std::path::Path;

/// The texts between backticks outside of blocks.
fn quoted(text: &str) -> Vec<&str> {
    let mut quoted = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            quoted.extend(line.split('`').skip(1).step_by(2));
        }
    }
    quoted
}

fn is_path(text: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    text.contains('/') && !text.starts_with('/') && text.chars().all(fit)
}

#[test]
fn every_path_is_there() {
    for document in ["docs/architecture.md", "docs/threat-model.md"] {
        let text = read(document);
        let paths: Vec<&str> = quoted(&text).into_iter().filter(|text| is_path(text)).collect();
        assert!(paths.len() >= 10, "{document}: {paths:?}");
        for path in paths {
            assert!(root().join(path).exists(), "{document} names {path}, which is not there");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in documents() {
        let text = read(&document);
        let here = Path::new(&document).parent().unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let path = root().join(here).join(target);
            assert!(path.exists(), "{document} links to {target}, which is not there");
        }
    }
}

/// Figures that differ from run to run or with any line of a policy: process and line numbers.
fn settled(text: &str) -> String {
    let mut settled = String::new();
    let mut rest = text;
    while let Some(digit) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(digit);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        settled += before;
        let any = before.ends_with(".toml:") || before.ends_with("(process ");
        settled += if any { "N" } else { number };
        rest = after;
    }
    settled + rest
}

#[test]
fn the_demonstration_of_the_readme_is_what_is_printed() {
    // A machine without heaps, whatever this one has.
    let bare = tempfile::tempdir().unwrap();
    std::fs::create_dir(bare.path().join("sys")).unwrap();
    let now = printed("heapq", &["demo", "--root", bare.path().to_str().unwrap()]);
    let shown = blocks(&read("README.md"), "transcript").concat();
    assert!(
        settled(&now) == settled(&shown),
        "heapq demo prints something else than README.md shows; it prints now:\n{now}"
    );
}

#[test]
fn the_tour_of_the_readme_is_what_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let board = dir.path().join("board");
    std::fs::create_dir(&board).unwrap();
    let capture = root().join("tests/boards/sysfs-x86.tar.xz");
    let mut unpack = std::process::Command::new("tar");
    unpack.arg("-C").arg(board).arg("-xf").arg(capture);
    assert!(unpack.status().unwrap().success(), "tar and xz are needed");
    let tour = blocks(&read("README.md"), "console").concat();
    let mut compared = 0;
    for step in tour.split("$ heapq ").skip(1) {
        let (line, shown) = step.split_once('\n').unwrap();
        let now = in_shell(&format!("heapq {line} 2>&1"), dir.path());
        assert!(settled(&now) == settled(shown), "heapq {line} prints now:\n{now}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}
