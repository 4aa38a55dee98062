//! Options where they mean nothing, and command lines that are none.

use crate::machine::{Machine, run};

#[test]
fn options_that_a_command_cannot_heed_are_refused_by_name() {
    let (machine, dir) = (Machine::new(), tempfile::tempdir().unwrap());
    let file = machine.file("file", "");
    let [root, dir, file] = [machine.root(), dir.path(), &file].map(|path| path.to_str().unwrap());
    let daemons = [&["--daemon"][..], &["--session"], &["--bus", "/nowhere"]];
    let elsewhere = [&["--root", root][..], &["--dtb", file], &["--snapshot", file]];
    let neither = [&["--policy-dir", dir][..], &["--offline"]];
    for (command, refused) in [
        (&["policy", "check"][..], &daemons[..]),
        (&["policy", "show", "video0"], &daemons),
        (&["snapshot"], &daemons),
        (&["bench"], &[&daemons[..], &elsewhere[..]].concat()),
        (&["bench", "--stand-in"], &daemons),
        (&["probe", "video0"], &elsewhere),
        (&["test", "x"], &[&daemons[..], &elsewhere[..]].concat()),
        (&["usage"], &[&elsewhere[..], &neither[..]].concat()),
        (&["demo"], &[&daemons[..], &elsewhere[1..]].concat()),
    ] {
        for option in refused {
            let run = run(&[option, command].concat());
            assert_eq!((run.code, &*run.out), (Some(2), ""), "{option:?} {command:?}: {}", run.err);
            let said = format!("`heapq {}` does not take {}", command[0], option[0]);
            assert!(run.err.contains(&said), "{}", run.err);
        }
    }
}

#[test]
fn a_daemon_that_is_demanded_has_to_answer_a_probe_too() {
    let run = run(&["--bus", "/nowhere", "probe", "NONSENSE"]);
    assert_eq!((run.code, &*run.out), (Some(6), ""), "{}", run.err);
}

#[test]
fn a_root_that_is_named_has_to_be_there() {
    for command in [&["policy", "check"][..], &["heaps"], &["snapshot"], &["status"]] {
        let run = run(&[&["--root", "/nowhere/at/all"], command].concat());
        assert_eq!((run.code, &*run.out), (Some(1), ""), "{command:?}: {}", run.err);
        assert!(run.err.starts_with("heapq: /nowhere/at/all: No such file"), "{}", run.err);
    }
}

#[test]
fn what_is_wrong_with_the_command_line_is_told_as_data_too() {
    for (arguments, said) in [
        (&["--json", "heaps", "--frobnicate"][..], "unexpected argument '--frobnicate' found"),
        (&["plan", "cpu", "--count", "x", "--json=short"], "invalid value 'x' for '--count"),
        (&["--json", "heaps", "--daemn"], "unexpected argument '--daemn' found\n  tip: "),
        (&["--json", "policy"], "it is not complete"),
        (&["--json=gaudy", "heaps"], "invalid value 'gaudy' for '--json"),
    ] {
        let run = run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        let data = run.json();
        assert_eq!(data["exit-status"], 2);
        let error = data["error"].as_str().unwrap();
        assert!(error.starts_with(&format!("the command line: {said}")), "{error}");
        assert!(!error.contains("Usage") && !error.contains("--help"), "{error}");
        assert!(run.err.contains("--help"), "{}", run.err);
    }
    for (arguments, code) in [
        (&["heaps", "--frobnicate"][..], 2),
        (&["alloc", "--frobnicate", "--exec", "x", "--json"], 2),
        (&["plan", "--frobnicate", "--", "--json"], 2),
        (&["heaps", "--jsonish"], 2),
    ] {
        let run = run(arguments);
        assert_eq!((run.code, &*run.out), (Some(code), ""), "{arguments:?}");
    }
    let help = run(&["--json", "--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("Usage: heapq"), "{}", help.out);
}
