//! `heapq policy`.

use crate::machine::{Machine, run};
use std::path::Path;

#[test]
fn policy_files_are_checked_with_file_line_and_nearest_word() {
    let machine = Machine::new();
    let good = machine.file("policies/40-good.toml", "[[heap]]\nname = \"mine\"\n");
    let bad = machine.file("policies/41-bad.toml", "[[heap]]\nname = \"a\"\ncontigous = true\n");
    let (code, data) = machine.json(&["policy", "check", good.to_str().unwrap()]);
    assert_eq!((code, &data["errors"]), (Some(0), &0.into()));
    let (code, data) = machine.json(&["policy", "check", bad.to_str().unwrap()]);
    assert_eq!((code, &data["errors"]), (Some(7), &1.into()));
    assert_eq!(data["diagnostics"][0]["line"], 3);
    let directory = machine.root().join("policies");
    let run = machine.heapq(&["policy", "check", directory.to_str().unwrap()]);
    assert_eq!(run.code, Some(7));
    assert!(run.out.contains("contigous") && run.out.contains("contiguous"), "{}", run.out);
    assert!(run.out.ends_with("1 error, 0 warnings\n"), "{}", run.out);
    assert_eq!(machine.heapq(&["policy", "check", "/nonexistent"]).code, Some(1));
}

#[test]
fn rules_of_several_files_are_held_against_each_other() {
    let machine = Machine::new();
    machine.file("policies/50-a.toml", "[[heap]]\nname = \"pool\"\nweight = 1\n");
    machine.file("policies/50-b.toml", "[[heap]]\nname = \"pool\"\nweight = 2\n");
    machine.file("policies/10-generic.toml", "");
    let policies = policy_dir(&machine);
    let (code, data) = machine.json(&["policy", "check", &policies]);
    assert_eq!(code, Some(0), "warnings leave files in force");
    assert_eq!((&data["errors"], &data["warnings"]), (&0.into(), &1.into()));
    let told = data["diagnostics"].as_array().unwrap();
    let codes: Vec<&str> = told.iter().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(codes, ["contradiction", "masked"]);
    let related = &told[0]["related"][0];
    assert!(related["file"].as_str().unwrap().ends_with("50-a.toml"), "{related}");
    assert_eq!(related["line"], 3);
    let shown = machine.heapq(&["policy", "check", &policies]).out;
    assert!(shown.contains("50-a.toml:3") && shown.contains("50-b.toml:3"), "{shown}");
}

/// A machine whose display may not have what its policy says, since another takes it back.
fn with_policies() -> Machine {
    let machine = Machine::new();
    machine.file(
        "policies/50-acme.toml",
        "[[device]]\nmatch = { driver = \"vc4-drm\" }\ncontiguous = true\nheld = 2\n\n\
         [[device]]\nmatch = { driver = \"vc4-drm\" }\nwhen = { usage = \"scanout\" }\npadding = 64\n\n\
         [[device]]\nmatch = { driver = \"vc4-drm\", kernel = \">=7.0\" }\nshared = 1\n",
    );
    machine.file(
        "policies/90-local.toml",
        "[[device]]\nmatch = { driver = \"vc4-drm\" }\n\
         override = [\"contiguous\", \"dma-coherent\"]\n",
    );
    machine
}

fn policy_dir(machine: &Machine) -> String {
    machine.root().join("policies").to_str().unwrap().to_owned()
}

fn ends_with(origin: &serde_json::Value, file: &str) -> bool {
    origin["policy"]["file"].as_str().is_some_and(|path| path.ends_with(file))
}

#[test]
fn show_says_what_rules_say_in_each_use_and_what_was_overridden() {
    let machine = with_policies();
    let dir = policy_dir(&machine);
    let (code, data) = machine.json(&["--policy-dir", &dir, "policy", "show", "/dev/dri/card0"]);
    assert_eq!(code, Some(0));
    let uses = data["nodes"][0]["uses"].as_array().unwrap();
    assert_eq!(data["nodes"][0]["nodes"][0], "/dev/dri/card0");
    assert_eq!(uses.len(), 2, "{uses:?}");
    assert_eq!(uses[1]["usage"], serde_json::json!(["scanout"]));
    let stated = |list: &serde_json::Value| -> Vec<String> {
        let needs = list.as_array().unwrap().iter();
        needs.map(|need| need["stated"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(stated(&uses[0]["needs"]), ["held = 2"]);
    assert_eq!(stated(&uses[1]["needs"]), ["held = 2", "padding = 64"]);
    assert_eq!(stated(&uses[0]["overridden"]), ["dma-coherent = false", "contiguous = true"]);
    let taken = &uses[0]["overridden"][1];
    assert!(ends_with(&taken["origin"], "50-acme.toml"), "{taken}");
    assert!(ends_with(&taken["by"], "90-local.toml"), "{taken}");
    assert_eq!(
        (&taken["origin"]["policy"]["line"], &taken["by"]["policy"]["line"]),
        (&3.into(), &3.into())
    );

    let human = machine.heapq(&["--policy-dir", &dir, "policy", "show", "card0"]).out;
    assert!(human.contains("/dev/dri/card0: scanout\n"), "{human}");
    assert!(human.contains("overridden contiguous = true"), "{human}");
    let unknown = machine.heapq(&["policy", "show", "/dev/vide0"]);
    assert_eq!(unknown.code, Some(7));
    assert!(unknown.err.contains("did you mean \"/dev/video0\"?"), "{}", unknown.err);
}

#[test]
fn explain_match_tells_the_condition_that_fails() {
    let machine = with_policies();
    let dir = policy_dir(&machine);
    let ask = ["--policy-dir", &dir, "policy", "explain-match", "/dev/dri/card0"];
    let states = |more: &[&str]| -> Vec<(u64, String)> {
        let (code, data) = machine.json(&[&ask, more].concat());
        assert_eq!(code, Some(0));
        let rules = data["nodes"][0]["rules"].as_array().unwrap().iter();
        let ours = rules.filter(|one| ends_with(&one["origin"], "50-acme.toml"));
        ours.map(|one| {
            let line = one["origin"]["policy"]["line"].as_u64().unwrap();
            (line, one["state"].as_str().unwrap().to_owned())
        })
        .collect()
    };
    let state = |line: u64, state: &str| (line, state.to_owned());
    let expected = [state(1, "applies"), state(6, "not-in-this-use"), state(11, "does-not-match")];
    assert_eq!(states(&[]), expected);
    assert_eq!(states(&["--usage", "scanout"])[1], state(6, "applies"));
    let human = machine.heapq(&ask).out;
    assert!(human.contains("kernel = \">=7.0\"; here it is \"6.18\""), "{human}");

    let named = machine.heapq(&[&ask[..], &["30-virtual.toml"]].concat()).out;
    assert!(named.contains("builtin:30-virtual.toml:"), "{named}");
    assert!(!human.contains("30-virtual.toml"), "{human}");
    for absent in ["50-acne.toml", "50-acme.toml:3", "10-generic.toml"] {
        let wrong = machine.heapq(&[&ask[..], &["50-acme.toml", absent]].concat());
        assert_eq!((wrong.code, &*wrong.out), (Some(7), ""), "{absent}");
        assert!(wrong.err.contains(&format!("rule = {absent:?}")), "{}", wrong.err);
    }
    let wrong = machine.heapq(&[&ask[..], &["--usage", "scan-out"]].concat());
    assert_eq!(wrong.code, Some(7));
    assert!(wrong.err.contains("did you mean `scanout`?"), "{}", wrong.err);
}

#[test]
fn a_directory_of_policies_that_is_named_has_to_be_there() {
    let machine = with_policies();
    let file = machine.file("file", "");
    let absent = machine.root().join("polices");
    for (path, why) in [(absent, "No such file"), (file, "Not a directory")] {
        let path = path.to_str().unwrap();
        for command in [&["policy", "cat"][..], &["devices"], &["test", "x"], &["policy", "check"]]
        {
            let wrong = machine.heapq(&[&["--policy-dir", path], command].concat());
            assert_eq!((wrong.code, &*wrong.out), (Some(1), ""), "{command:?}");
            assert!(wrong.err.starts_with(&format!("heapq: {path}: {why}")), "{}", wrong.err);
        }
    }
}

#[test]
fn cat_prints_the_files_in_the_order_of_their_effect() {
    let machine = with_policies();
    machine.file("policies/30-virtual.toml", "");
    machine.file("policies/60-wrong.toml", "[[heap]\n\u{1b}[2J");
    let odd = "[[heap]]\nname\t= \"pool\" # \u{202e}";
    machine.file("policies/61-odd.toml", odd);
    let dir = policy_dir(&machine);
    let out = machine.heapq(&["--policy-dir", &dir, "policy", "cat"]).out;
    let place = |header: &str| out.find(header).unwrap_or_else(|| panic!("no {header} in {out}"));
    let order = [
        "# builtin:10-generic.toml\n",
        "/30-virtual.toml (masked) in place of builtin:30-virtual.toml\n",
        "/50-acme.toml\n",
        "/60-wrong.toml (left out: see `heapq policy check`)\n",
        "/90-local.toml\n",
    ];
    assert!(order.map(place).is_sorted(), "{out}");
    assert!(out.contains("shared = 1") && !out.contains('\u{1b}'), "{out}");
    assert!(out.contains(&format!("{odd}\n")), "what is no terminal gets it as it is: {out}");
    let (_, data) = machine.json(&["--policy-dir", &dir, "policy", "cat"]);
    let last = data["files"].as_array().unwrap().last().unwrap().clone();
    assert!(last["text"].as_str().unwrap().starts_with("[[device]]"), "{last}");
}

#[test]
fn the_schema_is_printed_as_it_is() {
    let schema = run(&["policy", "schema"]).out;
    assert!(schema.lines().count() > 100);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["schema"], serde_json::Value::Null);
    assert_eq!(run(&["--json=short", "policy", "schema"]).out.lines().count(), 1);
}

#[test]
fn boards_that_are_only_described_have_rules_too() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/boards/dtb/rk3588-rock-5b.dtb");
    let tree = tree.to_str().unwrap();
    let shown = run(&["--dtb", tree, "policy", "show", "/video-capture@fdce0000"]);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(shown.out.starts_with("/video-capture@fdce0000\n  needs"), "{}", shown.out);
    assert!(shown.out.contains("contiguous = true  builtin:"), "{}", shown.out);
    let why = run(&["--dtb", tree, "policy", "explain-match", "/video-capture@fdce0000"]);
    assert!(why.out.contains("applies"), "{}", why.out);
}
