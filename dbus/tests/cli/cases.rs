//! `heapq test`.

use crate::machine::{Machine, run};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

const CASE: &str = r#"
name = "a contiguous camera"

[[heap]]
name = "system"

[[heap]]
name = "cma"
contiguous = true

[[participant]]
name = "camera"
contiguous = true
min-size = 4096

[expect]
verdict = "ok"
"#;

#[test]
fn what_holds_passes_and_what_does_not_is_shown() {
    let machine = Machine::new();
    machine.file("cases/1.toml", &format!("{CASE}heaps = [\"cma\"]\n"));
    let directory = machine.root().join("cases");
    let directory = directory.to_str().unwrap();
    let good = run(&["test", directory]);
    assert_eq!(good.code, Some(0), "{}", good.out);
    assert!(good.out.ends_with("1 passed, 0 failed, 0 skipped\n"), "{}", good.out);

    machine.file("cases/deeper/2.toml", &format!("{CASE}heaps = [\"system\"]\ncount = 1\n"));
    let bad = run(&["test", directory]);
    assert_eq!(bad.code, Some(1));
    assert!(bad.out.contains("expected [\"system\"]"), "{}", bad.out);
    assert!(bad.out.contains("found    [\"cma\"]"), "{}", bad.out);
    assert!(bad.out.ends_with("1 passed, 1 failed, 0 skipped\n"), "{}", bad.out);
    assert!(!run(&["test", "--quiet", directory]).out.contains("1.toml"));

    let data = run(&["test", "--json", directory]).json();
    assert_eq!((&data["passed"], &data["failed"]), (&1.into(), &1.into()));
    let difference = &data["cases"][1]["differences"][0];
    assert_eq!(difference["key"], "heaps");
    assert_eq!(difference["expected"], serde_json::json!(["system"]));
    assert_eq!(difference["found"], serde_json::json!(["cma"]));
}

#[test]
fn a_file_that_is_no_case_is_told_by_line() {
    let machine = Machine::new();
    for (text, said) in [
        (format!("{CASE}contigous = true\n"), "a.toml:18: unknown key `expect.contigous`"),
        (format!("{CASE}count = \"one\"\n"), "a.toml:18: expect.count: expected an integer"),
        (format!("{CASE}verdict = \"ok\"\n"), "a.toml:18:"),
        (CASE.replace("[[heap]]", "[[heaps]]"), "did you mean `heap`?"),
        (CASE.replace("name = \"a contiguous camera\"", ""), "a case needs a `name`"),
        (CASE.replace("verdict = \"ok\"", ""), "[expect]"),
        (format!("board.dtb = \"a\"\nboard.root = \"b\"\n{CASE}"), "exactly one"),
        ("name = \"torn".to_owned(), "a.toml:1:"),
    ] {
        let file = machine.file("a.toml", &text);
        let run = run(&["test", file.to_str().unwrap()]);
        assert_eq!(run.code, Some(7), "{text}: {}", run.out);
        assert!(run.out.contains(said), "{said}: {}", run.out);
        assert!(run.out.contains("0 passed, 1 failed"), "{}", run.out);
    }
}

#[test]
fn what_is_wrong_with_the_question_is_a_verdict() {
    let machine = Machine::new();
    let question = CASE.replace("contiguous = true\nmin-size", "contigous = true\nmin-size");
    let file = machine.file("a.toml", &question);
    let run = run(&["test", file.to_str().unwrap()]);
    assert_eq!(run.code, Some(1), "{}", run.out);
    assert!(run.out.contains("found    \"invalid\""), "{}", run.out);
    assert!(run.out.contains("a.toml:13: camera.contigous"), "{}", run.out);
}

#[test]
fn boards_come_from_captures_and_snapshots_and_a_devicetree_that_is_nowhere_is_skipped() {
    let machine = Machine::new();
    let board = |key: &str, value: &str| {
        let device = "name = \"camera\"\ndevice = \"video0\"";
        let question = CASE.replace("name = \"camera\"\ncontiguous = true", device);
        let heaps = question.replace("[[heap]]\nname = \"system\"\n", "");
        let heaps = heaps.replace("[[heap]]\nname = \"cma\"\ncontiguous = true\n", "");
        format!("{heaps}heap = \"reserved\"\n\n[board]\n{key} = \"{value}\"\n")
    };
    let file = machine.file("cases/root.toml", &board("root", ".."));
    let run_one = |file: &std::path::Path| run(&["test", file.to_str().unwrap()]);
    let root = run_one(&file);
    assert_eq!(root.code, Some(0), "{}", root.out);

    let file = machine.file("cases/dtb.toml", &board("dtb", "board.dtb"));
    let dtb = run_one(&file);
    assert_eq!(dtb.code, Some(1));
    assert!(
        dtb.out.contains("board.dtb is neither beside the case, nor in a --dtb-dir"),
        "{}",
        dtb.out
    );
    assert!(dtb.out.ends_with("0 passed, 0 failed, 1 skipped\n"), "{}", dtb.out);

    let file = machine.file("cases/gone.toml", &board("root", "nowhere"));
    assert_eq!(run_one(&file).code, Some(7));
}

#[test]
fn the_parts_of_a_board_are_not_cases() {
    let machine = Machine::new();
    let board = "[board]\nroot = \"..\"\npolicies = [\"policies\"]\n";
    machine.file("cases/a.toml", &format!("{CASE}heaps = [\"cma\"]\n{board}"));
    machine.file("cases/policies/60-mine.toml", "[[heap]]\nname = \"system\"\nweight = -5\n");
    let run = run(&["test", machine.root().join("cases").to_str().unwrap()]);
    assert!(run.out.contains("1 failed") || run.out.contains("1 passed"), "{}", run.out);
    assert!(!run.out.contains("60-mine.toml: "), "{}", run.out);
}

#[test]
fn no_case_is_no_success() {
    let machine = Machine::new();
    let empty = machine.root().join("sys");
    assert_eq!(run(&["test", empty.to_str().unwrap()]).code, Some(1));
    assert_eq!(run(&["test", "/nonexistent.toml"]).code, Some(7));
}

#[test]
fn names_that_are_no_text_are_shown_as_well_as_they_can_be() {
    let name = OsStr::from_bytes(b"/nowhere/\xff.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapq"));
    let output = command.args(["test", "--json"]).arg(name).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let data: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(data["cases"][0]["file"], "/nowhere/\u{fffd}.toml");
}
