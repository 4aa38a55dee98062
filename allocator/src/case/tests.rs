//! Every key of `[expect]` in both directions: one value that holds, and one that must not.

use super::{Case, CaseResult, Difference, Outcome, Runner, Shown};
use std::path::Path;

/// Two heaps, one of which fails; a contiguous camera that a CPU reads.
const PLAIN: &str = r#"
[[heap]]
name = "system"

[[heap]]
name = "cma"
aliases = ["linux,cma"]
contiguous = true

[[heap]]
name = "fast"
contiguous = true
weight = 3
fails = "no-memory"

[[participant]]
name = "camera"
contiguous = true
held = 2
[[participant.format]]
fourcc = "NV12"
min-extent = [640, 480]

[[participant]]
name = "app"
usage = ["cpu-read"]
alternatives = [{ heaps = ["nowhere"] }, { held = 1 }]
"#;

/// Two who cannot agree, and a third who is not to blame.
const CONFLICT: &str = r#"
[[heap]]
name = "system"

[[heap]]
name = "cma"
aliases = ["linux,cma"]
contiguous = true
present = false

[[participant]]
name = "camera"
contiguous = true
min-size = 4096

[[participant]]
name = "app"
heaps = ["system"]
"#;

/// One that cannot be served and need not be.
const OPTIONAL: &str = r#"
[[heap]]
name = "system"

[[participant]]
name = "camera"
min-size = 10000

[[participant]]
name = "recorder"
heaps = ["nowhere"]
optional = true
"#;

/// Planes that must not share a heap.
const PLANES: &str = r#"
[[heap]]
name = "bank0"
aliases = ["first"]

[[heap]]
name = "bank1"

[[participant]]
name = "codec"
[[participant.format]]
fourcc = "NV12"
min-extent = [640, 480]
planes = "separate"
plane = { 0 = { heaps = ["bank1"] } }
apart = [[0, 1]]
"#;

/// A device of which nothing is known.
const UNKNOWN: &str = r#"
[[heap]]
name = "system"

[[participant]]
name = "mystery"
unknown = true
[[participant.format]]
fourcc = "XR24"
modifiers = ["VENDOR_TILED"]
min-extent = [64, 64]
"#;

/// A question that contradicts the vocabulary.
const MALFORMED: &str = r#"
[[heap]]
name = "system"

[[participant]]
name = "a"
max-count = 0
contigous = true
min-size = 1
"#;

/// Each heap that would serve fails.
const NO_MEMORY: &str = r#"
[[heap]]
name = "system"
fails = "no-memory"

[[participant]]
name = "a"
min-size = 4096
"#;

fn run(question: &str, expectation: &str) -> CaseResult {
    let text = format!("name = \"a case\"\n{question}\n[expect]\n{expectation}\n");
    let case = Case::parse(Path::new("a.toml"), &text).unwrap_or_else(|e| panic!("{e}"));
    Runner::new(&[]).unwrap().run(&case)
}

fn differences(result: CaseResult) -> Vec<Difference> {
    match result.outcome {
        Outcome::Passed => Vec::new(),
        Outcome::Failed { differences, .. } => differences,
        other => panic!("{other:?}"),
    }
}

/// `key = right` holds; `key = wrong` does not, and is told as the only difference.
fn both_ways(question: &str, key: &str, right: &str, wrong: &str) {
    let passed = run(question, &format!("{key} = {right}"));
    assert_eq!(passed.outcome, Outcome::Passed, "{key} = {right}");
    let differences = differences(run(question, &format!("{key} = {wrong}")));
    let keys: Vec<&str> = differences.iter().map(|difference| difference.key).collect();
    assert_eq!(keys, [key], "{key} = {wrong} must not hold");
}

#[test]
fn verdicts() {
    both_ways(PLAIN, "verdict", r#""ok""#, r#""conflict""#);
    both_ways(CONFLICT, "verdict", r#""conflict""#, r#""ok""#);
    both_ways(MALFORMED, "verdict", r#""invalid""#, r#""conflict""#);
    both_ways(NO_MEMORY, "verdict", r#""no-memory""#, r#""ok""#);
}

#[test]
fn heaps_are_known_by_any_of_their_names_and_in_their_order() {
    both_ways(PLAIN, "heap", r#""linux,cma""#, r#""fast""#);
    both_ways(PLAIN, "heaps", r#"["fast", "linux,cma"]"#, r#"["cma", "fast"]"#);
    both_ways(PLAIN, "heaps", r#"["fast", "cma"]"#, r#"["fast"]"#);
    both_ways(PLAIN, "not-heaps", r#"["system"]"#, r#"["system", "cma"]"#);
    both_ways(PLAIN, "fallback-from", r#"["fast"]"#, "[]");
    both_ways(CONFLICT, "fallback-from", "[]", r#"["system"]"#);
    both_ways(PLANES, "plane-heaps", r#"["bank1", "first"]"#, r#"["bank0", "bank1"]"#);
    both_ways(PLANES, "heaps", r#"["bank1"]"#, r#"["bank0", "bank1"]"#);
}

#[test]
fn what_rules_a_heap_out_is_compared_exactly_for_the_heaps_named() {
    both_ways(
        CONFLICT,
        "eliminated",
        r#"{ "linux,cma" = ["absent"] }"#,
        r#"{ cma = ["absent", "heaps"] }"#,
    );
    both_ways(
        CONFLICT,
        "eliminated",
        r#"{ system = ["contiguous"], cma = ["absent"] }"#,
        "{ system = [] }",
    );
    both_ways(PLAIN, "eliminated", "{}", r#"{ cma = ["contiguous"] }"#);
}

#[test]
fn figures() {
    both_ways(PLAIN, "count", "3", "4");
    both_ways(PLAIN, "size", "460800", "460801");
    both_ways(OPTIONAL, "allocation-size", "12288", "10000");
    both_ways(PLAIN, "min-size-at-least", "460800", "460801");
    both_ways(PLAIN, "size-below", "460801", "460800");
    both_ways(PLAIN, "stride", "640", "1280");
    both_ways(PLAIN, "fourcc", r#""NV12""#, r#""NV21""#);
    both_ways(PLAIN, "modifier", r#""linear""#, r#""VENDOR_TILED""#);
    both_ways(PLAIN, "contiguous", "true", "false");
    both_ways(PLAIN, "protected", "false", "true");
    both_ways(PLAIN, "access", r#""coherent""#, r#""sync""#);
    both_ways(UNKNOWN, "assumed", "true", "false");
    both_ways(UNKNOWN, "size-assumed", "true", "false");
    both_ways(PLAIN, "assumed", "false", "true");
}

#[test]
fn choices() {
    both_ways(PLAIN, "chosen-alternatives", "{ app = 1 }", "{ app = 0 }");
    both_ways(PLAIN, "chosen-alternatives", "{}", "{ camera = 0 }");
    both_ways(OPTIONAL, "left-out", r#"["recorder"]"#, "[]");
    both_ways(PLAIN, "left-out", "[]", r#"["app"]"#);
}

#[test]
fn conflicts_are_sets_of_sets() {
    let sole = r#"[["app.heaps", "camera.contiguous", "heap.linux,cma"]]"#;
    let right = run(CONFLICT, "conflicts = [[\"camera.contiguous\"]]");
    let Outcome::Failed { differences, came } = right.outcome else { panic!("{right:?}") };
    assert!(!came.is_empty(), "what came is told in words");
    // Whatever the conflicts are: the same ones in another order hold, and others do not.
    let Shown::List(found) = &differences[0].found else { panic!("{differences:?}") };
    let turned: Vec<Shown> = found
        .iter()
        .rev()
        .map(|group| Shown::List(group.members().iter().rev().cloned().collect()))
        .collect();
    both_ways(CONFLICT, "conflicts", &Shown::List(turned.clone()).to_string(), "[]");
    both_ways(CONFLICT, "conflicts-include", &Shown::List(turned).to_string(), sole);
    both_ways(CONFLICT, "conflicts-include", "[]", r#"[["app.heaps"]]"#);
}

#[test]
fn fixes() {
    both_ways(CONFLICT, "fixes-include", r#"[["camera.contiguous"]]"#, r#"[["app.contiguous"]]"#);
}

#[test]
fn the_first_complaint_in_the_file_is_the_verdict() {
    both_ways(MALFORMED, "invalid-key", r#""a.max-count""#, r#""a.contigous""#);
    let Outcome::Failed { came, .. } = run(MALFORMED, "verdict = \"ok\"").outcome else { panic!() };
    assert!(came[0].starts_with("a.toml:8: a.max-count = 0"), "{came:?}");
}

#[test]
fn what_an_answer_lacks_is_nothing_and_never_holds() {
    let differences = differences(run(CONFLICT, "heap = \"system\"\ncount = 1\nsize-below = 9"));
    assert_eq!(differences.len(), 3);
    assert!(differences.iter().all(|difference| difference.found == Shown::Nothing));
}
