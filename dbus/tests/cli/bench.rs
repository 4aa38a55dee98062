//! `bench` and `probe`, as far as they go without heaps and devices.

use crate::machine::{Machine, run};
use heapq_allocator::bench::{Measured, policy};

#[test]
fn stand_ins_are_measured_and_every_line_says_what_they_are() {
    let machine = Machine::new();
    let (code, data) = machine.json(&["bench", "--stand-in"]);
    assert_eq!(code, Some(0));
    assert_eq!(data["stand-in"], true);
    let [heap] = data["heaps"].as_array().unwrap().as_slice() else { panic!("{data}") };
    assert_eq!(heap["stand-in"], true);
    let times = heap["allocate"].as_array().unwrap();
    assert!(times.len() == 5 && times.iter().all(|time| time.as_u64() > Some(0)), "{data}");
    assert!(heap["sync"].is_null(), "a memfd is no dma-buf: {data}");
    let human = machine.heapq(&["bench", "--stand-in", "--no-legend"]).out;
    assert!(human.lines().all(|line| line.starts_with("stand-in")), "{human}");
}

#[test]
fn memory_and_devices_of_a_capture_are_not_there_to_be_tried() {
    let machine = Machine::new();
    for arguments in
        [&["bench"][..], &["bench", "--stand-in", "--write", "-"], &["probe", "video0"]]
    {
        let run = machine.heapq(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_device_that_is_none_is_unknown_whatever_heaps_there_are() {
    let run = run(&["--offline", "probe", "NONSENSE"]);
    assert_eq!((run.code, run.out.as_str()), (Some(7), ""), "{}", run.err);
    assert!(run.err.contains("no device is named \"NONSENSE\""), "{}", run.err);
}

#[test]
fn what_a_bench_writes_orders_the_candidates() {
    let machine = Machine::new();
    let candidates = || {
        let (_, data) = machine.json(&["plan", "cpu", "--size", "4096"]);
        let candidates = data["plan"]["candidates"].as_array().unwrap().clone();
        candidates
            .into_iter()
            .map(|one| one["heaps"][0].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(candidates(), ["system", "default_cma_region"]);
    // As if neither were scarce: what bench makes of such figures is then a matter of speed alone.
    let one = |heap: &str, cost| Measured { heap: heap.into(), cost, scarce: false };
    let text =
        policy(&[one("system", 9000), one("default_cma_region", 3000)], "6.18.0", "2026-11-21");
    machine.file("etc/heapq/policy.d/70-bench.toml", &text);
    assert_eq!(candidates(), ["default_cma_region", "system"]);
    assert_eq!(machine.heapq(&["policy", "check"]).code, Some(0));
}
