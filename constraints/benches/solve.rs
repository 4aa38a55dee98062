//! How long the solver takes, beside what it may take (docs/architecture.md).
//!
//! Budget and figure stand side by side at the end; with `BENCH_STRICT=1` a miss is a failure.
//!
//! The shapes: a small pipeline on a machine with many heaps, with the topology built before or
//! within; a large one where everybody states formats; one that cannot be satisfied, with all its
//! explanations.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

mod budget;

use budget::Budget;
use criterion::Criterion;
use heapq_constraints::fact::{AccessSet, FormatEntry, Pick, Protection};
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::{Constraint, Heap, HeapSet, Name, Origin, Participant, Question, solve};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;

/// Heaps of all kinds: scattered, contiguous, narrow, uncached, protected.
fn heaps(count: usize) -> Vec<Heap> {
    let heap = |n: usize| {
        let mut heap = Heap::new(format!("heap-{n:02}"));
        heap.contiguous = n.is_multiple_of(3);
        heap.address_bits = if n.is_multiple_of(4) { 32 } else { 64 };
        heap.cached = !n.is_multiple_of(5);
        heap.protected = n % 8 == 7;
        heap.alignment = if n.is_multiple_of(6) { 65536 } else { 4096 };
        heap
    };
    (0..count).map(heap).collect()
}

fn participant(n: usize, usage: Usage, needs: Vec<Constraint>) -> Participant {
    let mut participant = Participant::new(format!("device-{n:02}"));
    participant.usage = Usages::from_iter([usage]);
    needs.into_iter().fold(participant, |participant, need| participant.with(need, Origin::Client))
}

fn question(participants: Vec<Participant>) -> Question {
    Question { participants, ..Question::default() }
}

/// Camera, scaler, encoder and a program that looks on.
fn pipeline() -> Question {
    question(vec![
        participant(
            0,
            Usage::Capture,
            vec![
                Constraint::Contiguous(true),
                Constraint::AddressBits(32),
                Constraint::MinSize(3_110_400),
                Constraint::Held(4),
            ],
        ),
        participant(1, Usage::Process, vec![Constraint::Held(1), Constraint::BaseAlignment(4096)]),
        participant(
            2,
            Usage::Encode,
            vec![Constraint::Held(2), Constraint::DmaCoherent(false), Constraint::AddressBits(36)],
        ),
        participant(3, Usage::CpuRead, vec![Constraint::Held(1)]),
    ])
}

fn entry(fourcc: &str, modifiers: &[&str]) -> FormatEntry {
    FormatEntry {
        fourcc: Pick::One(fourcc.into()),
        modifiers: modifiers.iter().map(|name| Pick::One((*name).into())).collect(),
        min_extent: Some([1920, 1080]),
        max_extent: Some([8192, 8192]),
        must_fit: vec![],
        extent_alignment: Some([16, 16]),
        min_stride: None,
        max_stride: None,
        stride_alignment: Some(64),
        whole_pixel_rows: false,
        block: None,
        offset_alignment: None,
        planes: None,
        plane: BTreeMap::new(),
        apart: vec![],
    }
}

/// 16 devices that each take eight formats with four modifiers, in different orders of preference.
fn formats(clash: bool) -> Question {
    const CODES: [&str; 8] = ["NV12", "XR24", "AR24", "YUYV", "P010", "XB24", "YU12", "NV16"];
    const MODIFIERS: [&str; 4] = ["VENDOR_A", "VENDOR_B", "linear", "VENDOR_C"];
    let device = |n: usize| {
        let mut codes = CODES;
        codes.rotate_left(n % 8);
        let mut modifiers = MODIFIERS;
        modifiers.rotate_left(n % 4);
        let entries = codes.iter().map(|code| entry(code, &modifiers)).collect();
        let mut needs = vec![
            Constraint::Format(entries),
            Constraint::Held(1 + u32::try_from(n % 3).unwrap()),
            Constraint::AddressBits(if n == 3 { 32 } else { 40 }),
            Constraint::DmaCoherent(n != 5),
        ];
        if clash {
            needs.extend(clashing(n));
        }
        participant(n, [Usage::Render, Usage::Scanout][n % 2], needs)
    };
    question((0..16).map(device).collect())
}

/// Needs of several kinds that contradict each other among the devices.
fn clashing(n: usize) -> Vec<Constraint> {
    let list = |from: usize| -> Vec<Name> {
        (from..from + 8).map(|heap| format!("heap-{heap:02}").as_str().into()).collect()
    };
    match n {
        2 => vec![Constraint::Heaps(list(0))],
        6 => vec![Constraint::Heaps(list(8)), Constraint::MaxCount(20)],
        9 => vec![Constraint::Protected(Protection::Required)],
        11 => vec![Constraint::Access(AccessSet { coherent: true, sync: false, none: false })],
        13 => vec![Constraint::MaxSize(1 << 20)],
        _ => vec![],
    }
}

const BUDGETS: [Budget; 4] = [
    ("4 devices, 16 heaps, warm", 5e3),
    ("4 devices, 16 heaps, topology included", 50e3),
    ("16 devices, 64 heaps, formats", 1e6),
    ("conflict with all explanations", 10e6),
];

fn bench(criterion: &mut Criterion) {
    let [warm, cold, many, conflict] = BUDGETS.map(|(name, _)| name);
    let small = HeapSet::new(heaps(16), &[]).unwrap();
    let large = HeapSet::new(heaps(64), &[]).unwrap();
    let four = pipeline();
    criterion.bench_function(warm, |b| {
        b.iter(|| solve(black_box(&small), black_box(&four)));
    });
    criterion.bench_function(cold, |b| {
        b.iter_with_setup(
            || heaps(16),
            |heaps| {
                let set = HeapSet::new(heaps, &[]).unwrap();
                solve(black_box(&set), black_box(&four))
            },
        );
    });
    let sixteen = formats(false);
    criterion.bench_function(many, |b| {
        b.iter(|| solve(black_box(&large), black_box(&sixteen)));
    });
    let clashing = formats(true);
    criterion.bench_function(conflict, |b| {
        b.iter(|| solve(black_box(&large), black_box(&clashing)));
    });
}

fn main() -> ExitCode {
    budget::run(&BUDGETS, bench)
}
