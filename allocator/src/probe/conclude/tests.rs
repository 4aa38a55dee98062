use super::{Agreement, Need, agreement, conclude};
use crate::probe::tried::{Answer, Rules, Tried, Way};
use crate::probe::{LARGE, REPEATS};
use heapq_constraints::fact::Windows;
use heapq_constraints::{Heap, HeapSet};

const SMALL: u64 = 4096;
const HUGE: u64 = 2 << 20;

fn row(heap: &str, bytes: u64, accepted: u32, refused: u32) -> Tried {
    let mut row = Tried::new(Way::Capture, heap.into(), bytes);
    (0..accepted).for_each(|_| row.add(Answer::Accepted { bounced: Some(false) }));
    (0..refused).for_each(|_| row.add(Answer::Refused("QBUF: EFAULT".to_owned())));
    row
}

fn bounced(heap: &str, bounced: Option<bool>) -> Tried {
    let mut row = Tried::new(Way::Capture, heap.into(), LARGE);
    (0..REPEATS).for_each(|_| row.add(Answer::Accepted { bounced }));
    row
}

/// `cma` and `low` lie below 4 GiB, `high` and `system` may lie anywhere.
fn heaps() -> HeapSet {
    let low = Windows::new(vec![(1 << 30, 2 << 30)]);
    let contiguous = |name: &str| Heap { contiguous: true, ..Heap::new(name) };
    let cma = Heap { address_window: low, ..contiguous("cma") };
    let near = Heap { address_bits: 32, ..Heap::new("low") };
    let all = vec![Heap::new("system"), near, cma, contiguous("high"), contiguous("udmabuf-2M")];
    HeapSet::new(all, &[]).unwrap()
}

fn need(rows: &[Tried]) -> Need {
    let [one] = conclude(rows, &heaps()).try_into().unwrap();
    assert!(!one.because.is_empty());
    one.need
}

#[test]
fn what_follows_from_what_was_taken_and_refused() {
    let avoid = Need::Avoid(vec!["system".into()]);
    for (what, rows, expected) in [
        (
            "scattered refused, contiguous taken",
            vec![row("system", LARGE, 0, 4), row("cma", LARGE, 2, 0)],
            Need::Contiguous,
        ),
        (
            "three by luck are no less a need",
            vec![row("system", LARGE, 3, 1), row("cma", LARGE, 2, 0)],
            Need::Contiguous,
        ),
        (
            "small ones taken prove nothing",
            vec![row("system", SMALL, 4, 0), row("system", LARGE, 0, 4), row("cma", LARGE, 1, 0)],
            Need::Contiguous,
        ),
        (
            "refused and taken are of one size",
            vec![row("system", LARGE, 0, 4), row("udmabuf-2M", HUGE, 2, 0)],
            Need::Unproven,
        ),
        (
            "a huge page compares at its size",
            vec![row("system", HUGE, 1, 3), row("udmabuf-2M", HUGE, 2, 0)],
            Need::Contiguous,
        ),
        (
            "all scattered taken",
            vec![row("system", LARGE, 4, 0), row("cma", LARGE, 2, 0)],
            Need::Scattered,
        ),
        ("without a contiguous heap too", vec![row("system", LARGE, 4, 0)], Need::Scattered),
        ("too few", vec![row("system", LARGE, REPEATS - 1, 0)], Need::Unproven),
        ("too small", vec![row("system", HUGE, 20, 0)], Need::Unproven),
        ("copied", vec![bounced("system", Some(true))], Need::Unproven),
        ("perhaps copied", vec![bounced("system", None)], Need::Unproven),
        (
            "nothing to compare with",
            vec![row("system", LARGE, 0, 4), row("system", SMALL, 4, 0)],
            avoid,
        ),
        (
            "all refused",
            vec![row("system", LARGE, 0, 4), row("cma", LARGE, 0, 2), row("cma", SMALL, 0, 1)],
            Need::Nothing,
        ),
        (
            "all refused, perhaps for where it lies",
            vec![row("system", LARGE, 0, 4), row("high", LARGE, 0, 2)],
            Need::Unproven,
        ),
        (
            "large ones refused wherever they lie, small ones taken",
            vec![row("system", LARGE, 0, 4), row("cma", LARGE, 0, 2), row("cma", SMALL, 1, 0)],
            Need::Unproven,
        ),
        ("only contiguous memory", vec![row("cma", LARGE, 2, 0)], Need::Unproven),
        ("nothing was tried", vec![row("system", LARGE, 0, 0)], Need::Unproven),
    ] {
        assert_eq!(need(&rows), expected, "{what}");
        // The order in which they were tried is no evidence.
        let reversed: Vec<Tried> = rows.into_iter().rev().collect();
        assert_eq!(need(&reversed), expected, "{what}, reversed");
    }
}

#[test]
fn drm_drivers_that_take_everything_prove_nothing() {
    let rows = [Tried { way: Way::Import, ..row("system", LARGE, 4, 0) }];
    assert_eq!(need(&rows), Need::Unproven);
}

#[test]
fn memory_out_of_reach_is_not_taken_for_scattered() {
    let refused = |heap: &str| {
        let mut row = Tried::new(Way::Framebuffer, heap.into(), LARGE);
        (0..4).for_each(|_| row.add(Answer::Refused("PRIME_FD_TO_HANDLE: EINVAL".to_owned())));
        row
    };
    let taken = || Tried { way: Way::Framebuffer, ..row("cma", LARGE, 2, 0) };
    assert_eq!(need(&[refused("low"), taken()]), Need::Contiguous);
    assert_eq!(need(&[refused("system"), taken()]), Need::Unproven);
    let copied = [row("system", LARGE, 0, 4), bounced("cma", Some(true))];
    assert_eq!(need(&copied), Need::Unproven);
}

#[test]
fn what_was_in_the_way_is_said() {
    let mut row = Tried::new(Way::Output, "system".into(), LARGE);
    row.add(Answer::Unasked("QBUF: EBADR".to_owned()));
    let concluded = conclude(&[row], &heaps());
    assert!(concluded[0].because.contains("EBADR"), "{concluded:?}");
    assert_eq!(concluded[0].need, Need::Unproven);
}

#[test]
fn ways_are_judged_apart() {
    let output = Tried { way: Way::Output, ..row("system", LARGE, 4, 0) };
    let rows = [output, row("system", LARGE, 0, 4), row("cma", LARGE, 2, 0)];
    let needs: Vec<Need> = conclude(&rows, &heaps()).into_iter().map(|one| one.need).collect();
    assert_eq!(needs, [Need::Contiguous, Need::Scattered]);
}

#[test]
fn the_rules_are_held_against_what_happened() {
    let out = || Rules::RuledOut(vec!["contiguous".to_owned()]);
    let (contiguous, scattered) = (Need::Contiguous, Need::Scattered);
    for (row, is_scattered, need, rules, expected) in [
        (row("system", LARGE, 0, 4), true, &contiguous, out(), Agreement::Agree),
        (row("system", LARGE, 1, 3), true, &contiguous, out(), Agreement::Accident),
        (row("system", SMALL, 4, 0), true, &contiguous, out(), Agreement::Accident),
        (row("system", LARGE, 4, 0), true, &scattered, out(), Agreement::RulesStricter),
        (row("system", LARGE, 4, 0), true, &scattered, Rules::Serves, Agreement::Agree),
        (row("system", LARGE, 0, 4), true, &contiguous, Rules::Serves, Agreement::RulesWrong),
        (row("system", LARGE, 3, 1), true, &contiguous, Rules::Serves, Agreement::RulesWrong),
        (row("cma", LARGE, 2, 0), false, &contiguous, Rules::Serves, Agreement::Agree),
        (row("cma", LARGE, 2, 0), false, &contiguous, out(), Agreement::RulesStricter),
        (bounced("cma", Some(true)), false, &contiguous, out(), Agreement::Accident),
        (row("cma", LARGE, 2, 0), false, &contiguous, Rules::Silent, Agreement::Open),
        (row("cma", LARGE, 0, 0), false, &contiguous, Rules::Serves, Agreement::Open),
    ] {
        assert_eq!(agreement(&row, is_scattered, need, &rules), expected, "{row:?} {rules:?}");
    }
}
