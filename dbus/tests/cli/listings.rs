//! `status`, `heaps`, `devices`, and the options of all commands.

use crate::machine::{Machine, run};
use std::process::Command;

#[test]
fn two_names_of_one_pool_are_one_heap() {
    let machine = Machine::new();
    let (code, data) = machine.json(&["heaps"]);
    assert_eq!(code, Some(0));
    let heaps = data["heaps"].as_array().unwrap();
    let names: Vec<&str> = heaps.iter().map(|heap| heap["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default_cma_region", "system"]);
    assert!(heaps[0]["aliases"].as_array().unwrap().contains(&"reserved".into()));
    assert_eq!(heaps[0]["contiguous"], true);
    assert_eq!(heaps[1]["contiguous"], false);

    let human = machine.heapq(&["heaps"]).out;
    let lines: Vec<&str> = human.lines().collect();
    assert_eq!(lines.len(), 3, "{human}");
    assert!(lines[0].starts_with("HEAP"), "{human}");
    assert!(lines[1].contains("contiguous") && lines[1].contains("reserved"), "{human}");
    assert!(!machine.heapq(&["heaps", "--no-legend"]).out.contains("ALIASES"));

    let one = machine.heapq(&["heaps", "reserved"]).out;
    assert!(one.starts_with("default_cma_region\n"), "by its alias: {one}");
    assert!(one.contains("contiguous     true  builtin:10-generic.toml:"), "its origin: {one}");
    let none = machine.heapq(&["heaps", "sistem"]);
    assert_eq!(none.code, Some(7));
    assert!(none.err.contains("did you mean \"system\"?"), "{}", none.err);
    assert!(none.err.contains("`heapq heaps` lists the heaps"), "{}", none.err);
    assert!(machine.heapq(&["devices", "xyz"]).err.contains("`heapq devices` lists"));
}

#[test]
fn devices_are_listed_with_their_iommu_and_needs() {
    let machine = Machine::new();
    let (_, data) = machine.json(&["devices"]);
    let devices = data["devices"].as_array().unwrap();
    let device = |driver: &str| devices.iter().find(|one| one["driver"] == driver).unwrap();
    assert_eq!(device("vc4-drm")["iommu"]["group-type"], "DMA");
    assert_eq!(device("vc4-drm")["iommu"]["translates"], true);
    assert_eq!(device("unicam")["iommu"]["translates"], false);
    let needs = device("unicam")["needs"].as_array().unwrap();
    assert!(needs.iter().any(|need| need["stated"] == "contiguous = true"), "{needs:?}");

    let exports = &device("unicam")["exports"];
    assert!(exports["stated"].as_str().unwrap().starts_with("how = \"EXPBUF\", "), "{exports}");

    let human = machine.heapq(&["devices", "/dev/video0"]).out;
    assert!(human.contains("exports     how = \"EXPBUF\", "), "{human}");
    assert!(human.contains("needs       contiguous = true"), "{human}");
    assert!(!human.contains("card0"), "only the one that was named: {human}");
    assert!(human.contains("20-kernel-media.toml:"), "its origin: {human}");
}

#[test]
fn a_device_that_is_not_there_is_told_with_the_one_that_may_be_meant() {
    let run = Machine::new().heapq(&["devices", "/dev/vide0"]);
    assert_eq!(run.code, Some(7));
    assert!(run.err.contains("\"/dev/vide0\"") && run.err.contains("/dev/video0"), "{}", run.err);
}

#[test]
fn status_is_what_there_is_without_a_command() {
    let machine = Machine::new();
    let (code, data) = machine.json(&[]);
    assert_eq!(code, Some(0));
    assert_eq!(data["daemon"], serde_json::Value::Null);
    assert_eq!(data["devices"], 2);
    let human = machine.heapq(&[]).out;
    assert_eq!(human, machine.heapq(&["status"]).out);
    assert!(human.contains("default_cma_region, system"), "{human}");
}

#[test]
fn a_machine_without_heaps_says_what_it_lacks() {
    let bare = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(bare.path().join("sys/class")).unwrap();
    let root = bare.path().to_str().unwrap();
    let say = |words: &[&str]| run(&[&["--root", root], words].concat());
    let ask = ["cpu", "--size", "4096"];
    for (words, code) in [
        (&["status"][..], 0),
        (&["heaps"], 0),
        (&[&["plan"], &ask[..]].concat(), 3),
        (&[&["explain"], &ask[..]].concat(), 3),
        (&[&["alloc"], &ask[..]].concat(), 3),
    ] {
        let told = say(words);
        assert_eq!(told.code, Some(code), "{words:?}: {}", told.err);
        let text = told.out + &told.err;
        assert!(text.contains("CONFIG_DMABUF_HEAPS_CMA"), "{words:?}: {text}");
        assert!(text.contains("--stand-in"), "{words:?}: {text}");
    }
    // The framework without a heap is another matter.
    std::fs::create_dir_all(bare.path().join("sys/class/dma_heap")).unwrap();
    let advice = say(&["heaps", "--json"]).json()["advice"][0].clone();
    assert!(advice.as_str().unwrap().contains("has CONFIG_DMABUF_HEAPS and"), "{advice}");
}

#[test]
fn a_capture_has_no_memory_to_give_and_says_so() {
    let machine = Machine::new();
    let ask = ["alloc", "cpu", "--size", "4096"];
    let refused = machine.heapq(&ask);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("is a capture"), "{}", refused.err);
    assert!(refused.err.contains("--stand-in"), "{}", refused.err);
    let given = machine.heapq(&[&ask[..], &["--stand-in"]].concat());
    assert_eq!(given.code, Some(0), "{}", given.err);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let machine = Machine::new();
    assert!(!machine.heapq(&["heaps"]).out.contains('\x1b'), "no terminal, no colour");
    assert!(machine.heapq(&["heaps", "--color=always"]).out.contains('\x1b'));
    let forced = |no_color: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heapq"));
        command.arg("--root").arg(machine.root()).arg("heaps").env("CLICOLOR_FORCE", "1");
        command.env_remove("NO_COLOR").envs(no_color.map(|value| ("NO_COLOR", value)));
        command.output().unwrap().stdout.contains(&0x1b)
    };
    assert!(forced(None) && !forced(Some("1")), "NO_COLOR is obeyed");
    assert!(!machine.heapq(&["--json", "heaps", "--color=always"]).out.contains('\x1b'));
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    for arguments in [
        &["--root", "/", "--daemon"][..],
        &["--offline", "--daemon"],
        &["plan"],
        &["plan", "video0", "--width", "640"],
        &["plan", "video0", "--size", "-1"],
        &["plan", "video0", "--size", "0"],
        &["plan", "video0", "--size", "1Q"],
        &["test"],
        &["test", "tests", "--root", "/"],
        &["test", "tests", "--bus", "/nonexistent/socket"],
        &["explain", "--case", "case.toml", "--root", "/"],
        &["nonsense"],
        &["--json=yaml"],
    ] {
        let run = run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.err);
        assert!(!run.err.is_empty());
    }
}

#[test]
fn a_daemon_that_was_demanded_has_to_answer() {
    for demand in [&["--bus", "unix:path=/nonexistent/bus"][..], &["--bus", "/nonexistent/socket"]]
    {
        for command in
            [&["status"][..], &["heaps"], &["devices"], &["plan", "video0", "--size", "4096"]]
        {
            let run = run(&[demand, command].concat());
            assert_eq!(run.code, Some(6), "{demand:?} {command:?}: {}", run.err);
            assert!(run.err.contains("/nonexistent/"), "{}", run.err);
        }
    }
}
