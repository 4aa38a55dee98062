//! Questions that are large or extreme: an answer, or a stated bound; never a panic or a hang.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod common;

use common::of;
use heapq_constraints::answer::Verdict;
use heapq_constraints::fact::{FormatEntry, Pick};
use heapq_constraints::{Constraint, Heap, HeapSet, Participant, Question, Refused, solve};

fn heaps(count: usize) -> HeapSet {
    let heap = |n: usize| {
        let mut heap = Heap::new(format!("h{n:02}"));
        heap.contiguous = n.is_multiple_of(2);
        heap
    };
    HeapSet::new((0..count).map(heap).collect(), &[]).unwrap()
}

fn names(names: &[&str]) -> Vec<heapq_constraints::Name> {
    names.iter().map(|name| (*name).into()).collect()
}

fn part(name: impl Into<heapq_constraints::Name>, facts: Vec<Constraint>) -> Participant {
    of(name, facts, vec![])
}

fn question(participants: Vec<Participant>) -> Question {
    Question { participants, ..Question::default() }
}

/// 64 participants with the same two alternatives, and what else binds.
fn crowd(first: &[Constraint], second: &[Constraint], further: Vec<Constraint>) -> Question {
    let mut participants: Vec<_> = (0..64)
        .map(|n| of(format!("p{n:02}"), vec![], vec![first.to_vec(), second.to_vec()]))
        .collect();
    participants.push(part("all", [further, vec![Constraint::MinSize(1)]].concat()));
    question(participants)
}

#[test]
fn sixty_four_with_two_alternatives_each_share_a_maximum() {
    let held = |count| vec![Constraint::Held(count)];
    let answer = solve(&heaps(4), &crowd(&held(3), &held(1), vec![Constraint::MaxCount(100)]));
    let plan = answer.unwrap().plan.unwrap();
    let firsts = plan.chosen_alternatives.values().filter(|index| **index == 0).count();
    assert_eq!((plan.count, firsts), (100, 18), "the first ones keep their first table");
    assert_eq!(plan.chosen_alternatives["p17"], 0);
    assert_eq!(plan.chosen_alternatives["p18"], 1);
}

#[test]
fn sixty_four_groups_that_cannot_be_satisfied_are_one_conflict() {
    let held = |count| vec![Constraint::Held(count)];
    let answer = solve(&heaps(4), &crowd(&held(3), &held(1), vec![Constraint::MaxCount(60)]));
    let answer = answer.unwrap();
    assert_eq!(answer.verdict, Verdict::Conflict);
    let sizes: Vec<_> = answer.conflicts.iter().map(|conflict| conflict.elements.len()).collect();
    assert!(sizes.iter().all(|size| *size == 62), "61 of the groups, and the maximum: {sizes:?}");
    assert!(!sizes.is_empty() && !answer.conflicts_complete);
    assert!(answer.fixes.iter().any(|fix| fix.elements[0].name == "all.max-count"));
}

#[test]
fn sixty_four_groups_over_different_heaps() {
    let heap = |name: &str| vec![Constraint::Heaps(names(&[name]))];
    let further = vec![Constraint::Contiguous(true)];
    let answer = solve(&heaps(4), &crowd(&heap("h01"), &heap("h02"), further)).unwrap();
    assert_eq!(&*answer.plan.unwrap().candidates[0].heaps[0], "h02");
}

#[test]
fn groups_without_an_answer_in_many_dimensions_end() {
    // Each group helps with one attribute and hurts with the next: a puzzle, not a request.
    let attribute =
        |n: usize, value: &str| Constraint::Attribute(format!("a{n}").into(), names(&[value]));
    let table =
        |n: usize, value: &str| vec![attribute(n, value), attribute((n * 7 + 3) % 64, value)];
    let participants = (0..64).map(|n| {
        let tables = vec![table(n, "x"), vec![attribute(n, "y"), attribute((n * 5 + 1) % 64, "x")]];
        of(format!("p{n:02}"), vec![Constraint::MinSize(1)], tables)
    });
    match solve(&heaps(2), &question(participants.collect())) {
        Ok(_) | Err(Refused::TooMany { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn many_optional_participants() {
    let optional = |n: usize, facts: Vec<Constraint>| {
        let mut participant = part(format!("o{n:02}"), facts);
        participant.optional = true;
        participant
    };
    let base = || part("base", vec![Constraint::MinSize(1), Constraint::Contiguous(true)]);
    let unfit = (0..64).map(|n| optional(n, vec![Constraint::Heaps(names(&["h01"]))]));
    let all: Vec<_> = unfit.chain([base()]).collect();
    let plan = solve(&heaps(4), &question(all)).unwrap().plan.unwrap();
    assert_eq!(plan.left_out.len(), 64);

    let holding = (0..64).map(|n| optional(n, vec![Constraint::Held(4)]));
    let bound = part("bound", vec![Constraint::MaxCount(10)]);
    let all: Vec<_> = holding.chain([base(), bound]).collect();
    let plan = solve(&heaps(4), &question(all)).unwrap().plan.unwrap();
    assert_eq!(plan.left_out.len(), 62);
    assert!(!plan.left_out.contains(&"o00".into()) && !plan.left_out.contains(&"o01".into()));
}

#[test]
fn ten_thousand_participants_are_refused_by_a_bound() {
    let all = (0..10_000).map(|n| part(format!("p{n}"), vec![])).collect();
    let refused = solve(&heaps(1), &question(all)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "participants: 10000 exceeds the bound of 256",
        "the figures are named"
    );
}

#[test]
fn pairwise_conflicts_of_many_are_listed_up_to_a_bound() {
    let own =
        |n: usize| vec![Constraint::Heaps(names(&[&format!("h{n:02}")])), Constraint::MinSize(1)];
    let all = (0..64).map(|n| part(format!("p{n:02}"), own(n))).collect();
    let answer = solve(&heaps(64), &question(all)).unwrap();
    assert!(!answer.conflicts_complete);
    assert_eq!(answer.conflicts.len(), 64);
    assert!(answer.conflicts.iter().all(|conflict| conflict.elements.len() == 2));
    assert_eq!(answer.copy_plan.unwrap().groups.len(), 64);
}

fn entry(fourcc: Pick, modifiers: Vec<Pick>) -> FormatEntry {
    FormatEntry { fourcc, modifiers, ..common::any_entry() }
}

#[test]
fn more_pairs_than_anybody_has_are_refused() {
    let named = |prefix: &str, count: usize| {
        (0..count).map(|n| Pick::One(format!("{prefix}{n}").into())).collect::<Vec<_>>()
    };
    let lists = |n: usize| {
        let mut entries: Vec<_> = (0..8)
            .map(|code| {
                entry(Pick::One(format!("{n:02}{code}").into()), named(&format!("m{n}"), 256))
            })
            .collect();
        entries.push(entry(Pick::Any, named(&format!("w{n}_"), 256)));
        part(format!("p{n}"), vec![Constraint::Format(entries), Constraint::MinSize(1)])
    };
    let refused = solve(&heaps(1), &question((0..64).map(lists).collect())).unwrap_err();
    assert!(refused.to_string().starts_with("pairs of fourcc and modifier"), "{refused}");
}

#[test]
fn extremes_of_all_figures_never_panic() {
    let extremes = [0, 1, 4095, 4096, u64::from(u32::MAX), u64::MAX - 4095, u64::MAX];
    let small = [0, 1, u32::MAX / 2, u32::MAX];
    for large in extremes {
        for count in small {
            let pair = Some([count, count]);
            let extreme = FormatEntry {
                fourcc: Pick::One("NV12".into()),
                min_extent: pair,
                max_extent: Some([u32::MAX, count]),
                must_fit: vec![[count, 1]],
                extent_alignment: pair,
                min_stride: Some(count),
                max_stride: Some(u32::MAX),
                stride_alignment: Some(count),
                whole_pixel_rows: true,
                block: pair,
                offset_alignment: Some(count),
                ..common::any_entry()
            };
            let facts = vec![
                Constraint::MinSize(large),
                Constraint::Padding(large),
                Constraint::Held(count),
                Constraint::Dedicated(count),
                Constraint::MaxCount(count),
                Constraint::BaseAlignment(large),
                Constraint::Format(vec![extreme]),
            ];
            for skip in 0..=facts.len() {
                let mut facts = facts.clone();
                facts.truncate(skip);
                let all = vec![part("a", facts.clone()), part("b", facts)];
                let mut question = question(all);
                question.request.limit_total = Some(large);
                question.request.seed_count = (large % 2 == 0).then_some(count);
                // Whatever comes of it, it comes.
                let _ = solve(&heaps(2), &question);
            }
        }
    }
}

#[test]
fn as_many_heaps_as_there_may_be_are_each_said_to_be_too_small() {
    let small = |n: usize| {
        let mut heap = Heap::new(format!("h{n:03}"));
        heap.capacity = Some(4096);
        heap
    };
    let set = HeapSet::new((0..128).map(small).collect(), &[]).unwrap();
    let all = (0..64).map(|n| part(format!("p{n:02}"), vec![Constraint::MinSize(4097 + n)]));
    let answer = solve(&set, &question(all.collect())).unwrap();
    assert_eq!(answer.too_small.len(), 128);
    assert!(answer.too_small.iter().all(|one| (one.count, one.bytes) == (1, 8192)));
}
