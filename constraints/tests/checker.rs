//! Answers that were made false are found out, whatever was changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod common;

use common::case::Case;
use heapq_constraints::Origin;
use heapq_constraints::answer::{Answer, CopyPlan, Elimination, Plan, SyncPoint, Verdict};
use heapq_constraints::checker::check;
use heapq_constraints::fact::{Access, Planes};

/// Three heaps that serve, in an order that every step of the ranking has a part in, and three that
/// do not; one participant has alternatives, one is optional and cannot be served.
const BUFFER: &str = r#"
    heap = [
        { name = "system" }, { name = "cma", contiguous = true, address-bits = 32 },
        { name = "fast", weight = 1, cached = false }, { name = "secure", protected = true },
        { name = "gone", present = false }, { name = "small", max-size = 4096 },
    ]
    [[participant]]
    name = "camera"
    usage = ["capture"]
    held = 3
    min-size = 100000
    padding = 4096
    attribute."color" = ["a", "b"]
    prefer = ["nowhere"]
    alternatives = [{ avoid = ["system", "cma", "fast"] }, { max-count = 9 }]
    [[participant]]
    name = "app"
    usage = ["cpu-read"]
    dedicated = 1
    attribute."color" = ["b", "c"]
    [[participant]]
    name = "greedy"
    optional = true
    heaps = ["gone"]
"#;

/// An image in three buffers of which two must lie apart.
const IMAGE: &str = r#"
    heap = [{ name = "a" }, { name = "b", weight = 1 }, { name = "c", contiguous = true }]
    [[participant]]
    name = "camera"
    dma-coherent = false
    [[participant.format]]
    fourcc = "YU12"
    modifiers = ["linear", "TILED"]
    must-fit = [[640, 480]]
    stride-alignment = 256
    planes = "separate"
    apart = [[0, 1]]
    plane = { 1 = { avoid = ["c"] } }
    [[participant.format]]
    fourcc = "XR24"
    modifiers = ["linear"]
    must-fit = [[640, 480]]
"#;

const CONFLICT: &str = r#"
    heap = [{ name = "system" }, { name = "cma", contiguous = true, permitted = false }]
    [[participant]]
    name = "camera"
    contiguous = true
    min-size = 4096
    [[participant]]
    name = "display"
    avoid = ["cma"]
    [request]
    limit-total = 1048576
"#;

const TIGHT: &str = r#"
    heap = [{ name = "system" }]
    participant = [{ name = "camera", min-size = 1 }]
    request = { limit-total = 4095 }
"#;

const SMALL: &str = r#"
    heap = [
        { name = "pool", capacity = 8192, max-size = 4096 }, { name = "other", capacity = 4096 },
        { name = "system" },
    ]
    participant = [{ name = "camera", avoid = ["system", "other"], min-size = 5000, held = 2 }]
"#;

const COPIES: &str = r#"
    heap = [{ name = "system" }, { name = "tee", protected = true }]
    participant = [
        { name = "app", usage = ["cpu-read"], format = [{ fourcc = "R8" }] },
        { name = "decoder", protected = "required", min-size = 1, format = [{ fourcc = "R8" }] },
    ]
"#;

fn answered(text: &str) -> (Case, Answer) {
    let case = Case::read(&common::table(text)).unwrap();
    let answer = case.outcome().unwrap();
    assert_eq!(check(&case.heaps, &case.question, &answer), Ok(()));
    (case, answer)
}

type Falsify<T> = (&'static str, fn(&mut T));

fn found_out(text: &str, falsified: &[Falsify<Answer>]) {
    let (case, answer) = answered(text);
    for (what, falsify) in falsified {
        let mut changed = answer.clone();
        falsify(&mut changed);
        assert_ne!(changed, answer, "{what} changes nothing");
        let found = check(&case.heaps, &case.question, &changed);
        assert!(found.is_err(), "{what} is not found");
    }
}

fn plans_found_out(text: &str, falsified: &[Falsify<Plan>]) {
    let (case, answer) = answered(text);
    for (what, falsify) in falsified {
        let mut changed = answer.clone();
        falsify(changed.plan.as_mut().unwrap());
        assert_ne!(changed, answer, "{what} changes nothing");
        let found = check(&case.heaps, &case.question, &changed);
        assert!(found.is_err(), "{what} is not found");
    }
}

fn moved(plan: &mut Plan, heap: &str) {
    plan.candidates[0].heaps[0] = heap.into();
}

#[test]
fn a_false_plan_is_found() {
    plans_found_out(
        BUFFER,
        &[
            ("a heap that nobody has", |plan| moved(plan, "nobody")),
            ("an absent heap", |plan| moved(plan, "gone")),
            ("a protected heap", |plan| moved(plan, "secure")),
            ("a heap that is too small", |plan| moved(plan, "small")),
            ("swapped candidates", |plan| plan.candidates.swap(1, 2)),
            ("a candidate twice", |plan| plan.candidates.push(plan.candidates[2].clone())),
            ("a missing candidate", |plan| drop(plan.candidates.pop())),
            ("no candidate", |plan| plan.candidates.clear()),
            ("a false access", |plan| plan.candidates[0].access = Access::None),
            ("a false contiguous", |plan| plan.candidates[2].contiguous = false),
            ("a false protected", |plan| plan.candidates[0].protected = true),
            ("one buffer more", |plan| plan.count += 1),
            ("one buffer less", |plan| plan.count -= 1),
            ("a smaller size", |plan| plan.size -= 1),
            ("a smaller allocation", |plan| plan.allocation_size -= 4096),
            ("a smaller buffer", |plan| plan.buffers[0].size -= 1),
            ("padding forgotten", |plan| plan.buffers[0].allocation_size = 102_400),
            ("somebody required left out", |plan| plan.left_out.push("app".into())),
            ("nobody left out", |plan| plan.left_out.clear()),
            ("another alternative", |plan| {
                plan.chosen_alternatives.insert("camera".into(), 0);
            }),
            ("no alternative", |plan| plan.chosen_alternatives.clear()),
            ("an alternative of nobody", |plan| {
                plan.chosen_alternatives.insert("app".into(), 0);
            }),
            ("an attribute's value more", |plan| {
                plan.attributes.values_mut().for_each(|values| values.push("c".into()));
            }),
            ("no attribute", |plan| plan.attributes.clear()),
            ("assumed", |plan| plan.assumed = true),
            ("assumed of somebody", |plan| plan.assumed_of.push("app".into())),
            ("size-assumed", |plan| plan.size_assumed = true),
            ("a format", |plan| plan.fourcc = Some("NV12".into())),
        ],
    );
}

#[test]
fn a_false_sync_point_is_found() {
    plans_found_out(
        BUFFER,
        &[
            ("a sync point of nobody", |plan| {
                let points = &mut plan.candidates[1].sync_points;
                points.push(SyncPoint {
                    participant: "greedy".into(),
                    read: true,
                    write: false,
                    because: "cpu".into(),
                });
            }),
            ("a sync point without a cause", |plan| {
                plan.candidates[1].sync_points.push(SyncPoint {
                    participant: "camera".into(),
                    read: false,
                    write: true,
                    because: "device".into(),
                });
            }),
            ("sync points of another candidate", |plan| {
                plan.sync_points.push(SyncPoint {
                    participant: "app".into(),
                    read: true,
                    write: false,
                    because: "cpu".into(),
                });
            }),
        ],
    );
}

#[test]
fn a_false_image_is_found() {
    plans_found_out(
        IMAGE,
        &[
            ("a plane where it may not be", |plan| plan.candidates[0].heaps[1] = "c".into()),
            ("planes together", |plan| {
                let first = plan.candidates[0].heaps[0].clone();
                plan.candidates[0].heaps[1] = first;
            }),
            ("a buffer missing", |plan| drop(plan.candidates[0].heaps.pop())),
            ("a better format", |plan| plan.fourcc = Some("XR24".into())),
            ("another modifier", |plan| plan.modifier = Some("TILED".into())),
            ("a modifier that nobody names", |plan| plan.modifier = Some("X".into())),
            ("a narrower stride", |plan| plan.planes[0].stride = 640),
            ("a plane outside its buffer", |plan| plan.planes[2].size *= 2),
            ("a plane in another's buffer", |plan| plan.planes[2].buffer_index = 0),
            ("a plane less", |plan| plan.planes.truncate(2)),
            ("joint planes", |plan| plan.layout = Planes::Joint),
            ("swapped candidates", |plan| plan.candidates.swap(0, 1)),
            ("a missing candidate", |plan| drop(plan.candidates.remove(1))),
        ],
    );
}

fn row<'a>(answer: &'a mut Answer, heap: &str) -> &'a mut Elimination {
    answer.eliminated.iter_mut().find(|row| &*row.heap == heap).unwrap()
}

#[test]
fn a_false_table_is_found() {
    found_out(
        BUFFER,
        &[
            ("a missing row", |answer| drop(answer.eliminated.remove(0))),
            ("a missing name", |answer| answer.eliminated.retain(|row| &*row.heap != "nowhere")),
            ("another reason", |answer| row(answer, "secure").reasons[0].key = "link".into()),
            ("no reason", |answer| row(answer, "small").reasons.clear()),
            ("a reason twice", |answer| {
                let reason = row(answer, "small").reasons[0].clone();
                row(answer, "small").reasons.push(reason);
            }),
            ("a row of a candidate", |answer| row(answer, "small").heap = "system".into()),
            ("rows in another order", |answer| answer.eliminated.reverse()),
            ("a need of one who is out", |answer| {
                let reason = &mut row(answer, "secure").reasons[0];
                let mut needs = reason.needs.to_vec();
                needs[0].participant = "greedy".into();
                reason.needs = needs.into();
            }),
            ("a plan without a verdict", |answer| answer.plan = None),
        ],
    );
}

#[test]
fn a_false_conflict_is_found() {
    found_out(
        CONFLICT,
        &[
            ("no conflict", |answer| answer.conflicts.clear()),
            ("an element of nobody", |answer| {
                answer.conflicts[0].elements[0].name = "camera.link".to_owned();
            }),
            ("a participant's that has another's name", |answer| {
                answer.conflicts[0].elements[0].participant = Some("display".into());
            }),
            ("a request's that is not made", |answer| {
                let element = &mut answer.conflicts[0].elements[0];
                (element.name, element.participant) = ("request.strict".to_owned(), None);
            }),
            ("a heap that is there", |answer| {
                let element = &mut answer.conflicts[0].elements[0];
                (element.name, element.participant) = ("heap.system".to_owned(), None);
            }),
            ("a conflict twice", |answer| answer.conflicts.push(answer.conflicts[0].clone())),
            ("a conflict with an element to spare", |answer| {
                let mut more = answer.conflicts[0].clone();
                more.elements.extend(answer.conflicts[1].elements.clone());
                answer.conflicts.push(more);
            }),
            ("a fix that hits one conflict", |answer| {
                let fix = answer.fixes.iter_mut().find(|fix| fix.elements.len() > 1).unwrap();
                fix.elements.truncate(1);
            }),
            ("a fix with an element to spare", |answer| {
                let more = answer.conflicts[0].elements.clone();
                let fix = answer.fixes.iter_mut().find(|fix| fix.elements.len() > 1).unwrap();
                fix.elements = [more, fix.elements.split_off(1)].concat();
            }),
            ("a fix to a heap that nobody has", |answer| {
                answer.fixes[0].heap = Some("nobody".into());
            }),
            ("a missing row", |answer| drop(answer.eliminated.pop())),
            ("a plan that would not do", |answer| {
                answer.verdict = Verdict::Ok;
            }),
        ],
    );
}

#[test]
fn a_false_bound_of_a_heap_is_found() {
    found_out(
        SMALL,
        &[
            ("no heap that is too small", |answer| answer.too_small.clear()),
            ("one of two bounds", |answer| drop(answer.too_small.pop())),
            ("the two the other way round", |answer| answer.too_small.reverse()),
            ("another bound", |answer| answer.too_small[0].bound += 1),
            ("more bytes", |answer| answer.too_small[0].bytes += 4096),
            ("more frames", |answer| answer.too_small[1].count += 1),
            ("another origin", |answer| answer.too_small[0].origin = Origin::Default),
            ("a heap without bounds", |answer| answer.too_small[0].heap = "system".into()),
            ("a heap that is ruled out", |answer| answer.too_small[0].heap = "other".into()),
            ("a heap that nobody has", |answer| answer.too_small[0].heap = "nobody".into()),
        ],
    );
}

#[test]
fn a_false_copy_is_found() {
    found_out(
        COPIES,
        &[
            ("a copy out of protected memory", |answer| {
                copied(answer).groups[0].heap = Some("tee".into());
                copied(answer).groups[1].heap = Some("system".into());
            }),
            ("a conversion between equals", |answer| copied(answer).copies[0].converts = true),
            ("a conversion that is not said", |answer| {
                copied(answer).groups[0].fourcc = Some("NV12".into());
            }),
        ],
    );
}

fn copied(answer: &mut Answer) -> &mut CopyPlan {
    answer.copy_plan.as_mut().unwrap()
}

#[test]
fn what_would_be_better_is_found() {
    let without = |text: &str, from: &str, to: &str| {
        let (_, answer) = answered(text);
        let (case, _) = answered(&text.replace(from, to));
        check(&case.heaps, &case.question, &answer).unwrap_err().to_string()
    };
    // Figures of the answer to the stricter question hold for the weaker one, but not its choices.
    let found = without(BUFFER, "heaps = [\"gone\"]", "held = 0");
    assert!(found.contains("`greedy`, which is left out, would work"), "{found}");
    let found = without(BUFFER, "\"system\", \"cma\", \"fast\"", "\"gone\"");
    assert!(found.contains("an earlier alternative of `camera` would work"), "{found}");
    let found = without(TIGHT, "limit-total = 4095", "limit-total = 4096");
    assert!(found.contains("what is said to conflict"), "{found}");
}

#[test]
fn every_candidate_of_an_image_has_a_heap_for_each_plane() {
    let (_, answer) = answered(IMAGE);
    let candidates = answer.plan.unwrap().candidates;
    assert!(candidates.len() > 1 && candidates.iter().all(|one| one.heaps.len() == 3));
}
