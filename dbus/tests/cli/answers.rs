//! `plan`, `explain`, `alloc` and `demo`.

use crate::machine::{Machine, run};

#[test]
fn a_contiguous_camera_and_a_display_share_the_contiguous_pool() {
    let machine = Machine::new();
    let ask = ["video0:capture", "card0:scanout", "--size", "600K", "--count", "4"];
    let (code, data) = machine.json(&[&["plan"], &ask[..]].concat());
    assert_eq!(code, Some(0));
    assert_eq!((&data["verdict"], &data["via"]), (&"ok".into(), &"in-process".into()));
    assert_eq!(data["plan"]["candidates"][0]["heaps"][0], "default_cma_region");
    assert_eq!(data["plan"]["count"], 4);
    assert_eq!(data["plan"]["size"], 614_400);
    assert_eq!(machine.json(&[&["solve"], &ask[..]].concat()), (code, data.clone()));
    assert_eq!(machine.json(&[&["explain"], &ask[..]].concat()), (code, data), "one data for both");

    let human = machine.heapq(&[&["plan"], &ask[..]].concat()).out;
    assert!(human.starts_with("heap         default_cma_region\n"), "{human}");
    let human = machine.heapq(&[&["explain"], &ask[..]].concat()).out;
    assert!(human.contains("system") && human.contains("contiguous"), "{human}");
    assert!(human.contains("20-kernel-media.toml:"), "an origin: {human}");
}

#[test]
fn a_heap_that_is_not_there_is_told_where_it_is_avoided() {
    let machine = Machine::new();
    for (avoid, said) in [
        ("nosuch", "heapq: no heap here is called nosuch: to avoid it changes nothing\n"),
        (
            "default-contiguous",
            "; it is a role of default_cma_region, and only `heaps` takes roles\n",
        ),
        ("reserved,system", ""),
    ] {
        let run = machine.heapq(&["plan", "cpu", "--size", "1", "--avoid", avoid]);
        assert!(run.err.ends_with(said) && said.is_empty() == run.err.is_empty(), "{}", run.err);
    }
}

#[test]
fn a_fourcc_in_small_letters_is_asked_back() {
    let machine = Machine::new();
    for (fourcc, asked_back) in [("nv12", true), ("NV12", false), ("pgAA", false)] {
        let ask = ["plan", "cpu", "--fourcc", fourcc, "--width", "64", "--height", "64"];
        let said = machine.heapq(&ask).err;
        assert_eq!(said.contains("; did you mean NV12?"), asked_back, "{fourcc}: {said}");
    }
}

#[test]
fn a_conflict_is_an_answer_with_its_own_exit_status() {
    let machine = Machine::new();
    let ask = ["video0:capture", "--heap", "system", "--size", "4096"];
    for command in ["plan", "explain", "alloc"] {
        let run = machine.heapq(&[&[command], &ask[..]].concat());
        assert_eq!(run.code, Some(3), "{command}: {}{}", run.out, run.err);
        assert!(run.out.contains("video0") && run.out.contains("contiguous"), "{}", run.out);
    }
    let (_, data) = machine.json(&[&["plan"], &ask[..]].concat());
    assert_eq!(data["verdict"], "conflict");
    assert!(!data["conflicts"].as_array().unwrap().is_empty());
    assert!(!data["fixes"].as_array().unwrap().is_empty());
}

#[test]
fn a_malformed_question_is_refused_by_key() {
    let machine = Machine::new();
    for (arguments, said) in [
        (&["plan", "video0"][..], "min-size"),
        (&["plan", "video9", "--size", "1"], "video9"),
        (&["plan", "video0:captrue", "--size", "1"], "captrue"),
        (&["plan", "video0", "--fourcc", "NV12", "--width", "0", "--height", "9"], "min-extent"),
    ] {
        let run = machine.heapq(arguments);
        assert_eq!(run.code, Some(7), "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(said), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_heap_that_nobody_bears_is_absent_and_not_an_error() {
    let run = Machine::new().heapq(&["plan", "cpu", "--size", "1", "--heap", "sistem"]);
    assert_eq!(run.code, Some(3), "{}", run.err);
    assert!(run.out.contains("sistem"), "{}", run.out);
}

#[test]
fn a_policy_file_with_an_error_is_told_and_the_others_count() {
    let machine = Machine::new();
    machine.file("policies/60-torn.toml", "[[device]\n");
    machine.file("policies/61-mine.toml", "[[heap]]\nname = \"system\"\nweight = 7\n");
    let policies = machine.root().join("policies");
    let ask = ["--json", "plan", "cpu", "--size", "4096", "--policy-dir"];
    let run = machine.heapq(&[&ask[..], &[policies.to_str().unwrap()]].concat());
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.err.contains("60-torn.toml"), "{}", run.err);
    assert_eq!(run.json()["plan"]["candidates"][0]["heaps"][0], "system");
}

#[test]
fn an_absurd_size_is_answered_and_not_tried() {
    let machine = Machine::new();
    let run = machine.heapq(&["alloc", "cpu", "--size", "16777215T", "--stand-in"]);
    assert!(matches!(run.code, Some(3 | 5 | 7)), "{:?} {}{}", run.code, run.out, run.err);
    let (code, data) = machine.json(&["alloc", "cpu", "--size", "1T", "--stand-in"]);
    assert_eq!((code, &data["verdict"]), (Some(5), &"over-quota".into()));
    assert!(data["stand-in"].is_null(), "there is nothing that could be one: {data}");
}

#[test]
fn a_question_may_come_from_a_file() {
    let machine = Machine::new();
    let question = "[[participant]]\nname = \"camera\"\ndevice = \"video0\"\nmin-size = 4096\n";
    let file = machine.file("question.toml", question);
    let (code, data) = machine.json(&["plan", "--file", file.to_str().unwrap()]);
    assert_eq!((code, &data["plan"]["size"]), (Some(0), &4096.into()));

    let wrong = format!("{question}contigous = true\n\n[[heap]]\nname = \"x\"\n");
    let file = machine.file("wrong.toml", &wrong);
    let run = machine.heapq(&["plan", "--file", file.to_str().unwrap()]);
    assert_eq!(run.code, Some(7));
    assert!(run.err.contains("wrong.toml:5:") && run.err.contains("contiguous"), "{}", run.err);
    assert!(run.err.contains("wrong.toml:7:"), "all complaints at once: {}", run.err);
    assert_eq!(machine.heapq(&["plan", "--file", "/nonexistent.toml"]).code, Some(7));
}

#[test]
fn a_command_gets_the_buffers_and_its_status_is_ours() {
    let machine = Machine::new();
    let script = "echo $HEAPQ_FDS $HEAPQ_HEAP $HEAPQ_SIZE; for fd in 3 4 5; do \
                  stat -L -c %s /proc/self/fd/$fd; done; test ! -e /proc/self/fd/6; exit 42";
    let run = machine.heapq(&[
        "alloc",
        "video0",
        "card0",
        "--size",
        "10000",
        "--count",
        "3",
        "--stand-in",
        "--exec",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(run.code, Some(42), "{}{}", run.out, run.err);
    assert_eq!(run.out, "3 default_cma_region 10000\n12288\n12288\n12288\n");
    let said = "heapq: 3 buffers from default_cma_region (memfds, no dma-bufs)\n";
    assert_eq!(run.err, said);
    let ask = ["alloc", "cpu", "--size", "1", "--stand-in", "--exec"];
    let killed = machine.heapq(&[&ask[..], &["sh", "-c", "kill -9 $$"]].concat());
    assert_eq!(killed.code, Some(128 + 9), "as a shell says it");
    let run = machine.heapq(&[&ask[..], &["/nonexistent"]].concat());
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("/nonexistent"), "{}", run.err);
}

#[test]
fn all_buffers_come_however_many_messages_it_takes() {
    let machine = Machine::new();
    let ask = ["alloc", "cpu", "--size", "1", "--count", "40", "--stand-in"];
    let (code, data) = machine.json(&ask);
    assert_eq!((code, &data["buffers"]), (Some(0), &40.into()));
    let script = "test -e /proc/self/fd/42 && test ! -e /proc/self/fd/43";
    let run = machine.heapq(&[&ask[..], &["--exec", "sh", "-c", script]].concat());
    assert_eq!(run.code, Some(0), "{}", run.err);
}

#[test]
fn without_a_command_the_grant_is_shown() {
    let machine = Machine::new();
    let (code, data) = machine.json(&["alloc", "cpu", "--size", "4096", "--stand-in"]);
    assert_eq!((code, &data["verdict"]), (Some(0), &"ok".into()));
    assert_eq!((&data["stand-in"], &data["buffers"]), (&true.into(), &1.into()));
    assert_eq!(data["heaps"][0], "system");
    let human = machine.heapq(&["alloc", "cpu", "--size", "4096", "--stand-in"]).out;
    assert!(human.contains("stand-in"), "{human}");
}

#[test]
fn the_demonstration_holds_on_any_machine() {
    let told = run(&["demo"]);
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    let first = told.out.lines().next().unwrap();
    let whose = first.contains("stand-in heaps") || first.starts_with("This machine's own heaps");
    assert!(whose, "the first line says whose heaps these are: {first}");
    let of_capture = Machine::new().heapq(&["demo"]).out;
    assert!(of_capture.contains("stand-in heaps"), "it has no heaps to open: {of_capture}");
    let data = run(&["demo", "--json"]).json();
    assert_eq!(data["seen"]["frames"], 6);
    assert_eq!(data["seen"]["frames-right"], 6);
    assert_eq!(data["impossible"]["answer"]["verdict"], "conflict");
    assert!(!data["impossible"]["answer"]["fixes"].as_array().unwrap().is_empty());
}
