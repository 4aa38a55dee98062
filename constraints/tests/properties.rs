//! What must hold of every answer, on random questions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod common;

use common::random::{Setting, element_dropped, plain_setting, setting};
use heapq_constraints::answer::{Answer, Element, Verdict};
use heapq_constraints::{
    Constraint, Heap, HeapSet, Origin, Participant, Question, Refused, solve, solve_unexplained,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn answer(setting: &Setting) -> Result<Answer, Refused> {
    let heaps = HeapSet::new(setting.heaps.clone(), &setting.edges).unwrap();
    solve(&heaps, &setting.question)
}

/// An answer without what may follow the order of the question.
fn unordered(answer: Result<Answer, Refused>) -> Result<String, String> {
    let mut answer = answer.map_err(|refused| refused.to_string())?;
    // Copies go where the pipeline says.
    answer.copy_plan = None;
    let sort = |elements: &mut Vec<Element>| {
        elements.iter_mut().for_each(|element| element.origins.sort());
        elements.sort();
    };
    answer.conflicts.iter_mut().for_each(|conflict| sort(&mut conflict.elements));
    answer.fixes.iter_mut().for_each(|fix| sort(&mut fix.elements));
    for reason in answer.eliminated.iter_mut().flat_map(|row| &mut row.reasons) {
        let mut needs = reason.needs.to_vec();
        needs.sort_by_key(|need| format!("{need:?}"));
        reason.needs = needs.into();
    }
    if let Some(plan) = &mut answer.plan {
        plan.sync_points.sort_by_key(|point| point.participant.clone());
        for candidate in &mut plan.candidates {
            candidate.sync_points.sort_by_key(|point| point.participant.clone());
        }
    }
    Ok(serde_json::to_string(&answer).unwrap())
}

/// Whether a question can be satisfied, sizes that nobody states aside.
fn satisfiable(setting: &Setting) -> bool {
    match answer(setting) {
        Ok(answer) => answer.verdict == Verdict::Ok,
        Err(Refused::Invalid(invalid)) => panic!("{invalid}"),
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_order_of_participants_heaps_and_edges_does_not_matter(
        setting in plain_setting(),
        turn in 0_usize..4,
    ) {
        let mut turned = setting.clone();
        turned.heaps.reverse();
        turned.edges.reverse();
        let all = &mut turned.question.participants;
        let turn = turn % all.len().max(1);
        all.rotate_left(turn);
        all.reverse();
        prop_assert_eq!(unordered(answer(&setting)), unordered(answer(&turned)));
    }

    #[test]
    fn without_explanation_the_plan_and_every_conflict_are_the_same(setting in setting()) {
        let heaps = HeapSet::new(setting.heaps.clone(), &setting.edges).unwrap();
        let mut explained = solve(&heaps, &setting.question);
        if let Ok(Answer { plan: Some(_), eliminated, .. }) = &mut explained {
            eliminated.clear();
        }
        prop_assert_eq!(solve_unexplained(&heaps, &setting.question), explained);
    }

    #[test]
    fn one_more_participant_never_adds_a_heap(setting in plain_setting()) {
        let mut fewer = setting.clone();
        fewer.question.participants.pop();
        if let (Ok(Answer { plan: Some(more), .. }), Ok(less)) = (answer(&setting), answer(&fewer)) {
            // Formats may lead elsewhere; without them each heap was there before.
            if more.fourcc.is_none() {
                let before: BTreeSet<_> = less.plan.unwrap().heaps().into_iter().collect();
                prop_assert!(more.heaps().iter().all(|heap| before.contains(heap)));
            }
        }
    }

    #[test]
    fn every_conflict_fails_and_is_minimal_and_every_fix_works(setting in setting()) {
        let Ok(found) = answer(&setting) else { return Ok(()) };
        prop_assert_eq!(found.verdict == Verdict::Conflict, !found.conflicts.is_empty());
        let names = |elements: &[Element]| -> BTreeSet<String> {
            elements.iter().map(|element| element.name.clone()).collect()
        };
        let all: BTreeSet<String> = setting.elements();
        for conflict in &found.conflicts {
            let conflict = names(&conflict.elements);
            let Some(alone) = dropped(&setting, all.difference(&conflict)) else { continue };
            prop_assert!(!satisfiable(&alone), "{conflict:?} alone can be satisfied");
            for element in &conflict {
                let without = dropped(&alone, [element]);
                prop_assert!(without.is_none_or(|w| satisfiable(&w)), "{element} can be spared");
            }
        }
        for fix in &found.fixes {
            let fix = names(&fix.elements);
            let fixed = dropped(&setting, &fix);
            prop_assert!(fixed.is_none_or(|fixed| satisfiable(&fixed)), "{fix:?} does not help");
            prop_assert!(found.conflicts.iter().all(|c| !names(&c.elements).is_disjoint(&fix)));
        }
    }

    #[test]
    fn answers_survive_json(setting in setting()) {
        if let Ok(answer) = answer(&setting) {
            let text = serde_json::to_string(&answer).unwrap();
            prop_assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
        }
    }

    #[test]
    fn words_are_never_empty_and_never_say_that_no_heap_is_suitable(setting in setting()) {
        if let Ok(answer) = answer(&setting) {
            let words = heapq_constraints::explain::words(&answer);
            prop_assert!(!words.is_empty());
            prop_assert!(words.iter().all(|line| !line.contains("suitable") && !line.is_empty()));
        }
    }
}

/// The setting without some elements; `None` where one has no counterpart in a question.
fn dropped<'n>(setting: &Setting, names: impl IntoIterator<Item = &'n String>) -> Option<Setting> {
    let mut setting = setting.clone();
    for name in names {
        setting = element_dropped(setting, name)?;
    }
    Some(setting)
}

#[test]
fn an_empty_question_on_an_empty_machine() {
    let heaps = HeapSet::new(vec![], &[]).unwrap();
    let invalid = solve(&heaps, &Question::default()).unwrap_err();
    assert_eq!(invalid.to_string().split(' ').next(), Some("min-size"));
}

/// `*` among other values takes any value, as it does alone; solver and checker agree (found by the
/// fuzzer).
#[test]
fn a_star_among_values_takes_any() {
    let values = |words: &[&str]| words.iter().map(|word| (*word).into()).collect();
    let bank = |words| Constraint::Attribute("bank".into(), values(words));
    let camera = Participant::new("camera").with(bank(&["1", "*"]), Origin::Client);
    let camera = camera.with(Constraint::MinSize(1), Origin::Client);
    let heaps = HeapSet::new(vec![Heap::new("system")], &[]).unwrap();
    let ask = |participants| {
        let question = Question { participants, ..Question::default() };
        solve(&heaps, &question).unwrap().plan.unwrap().attributes
    };
    assert!(ask(vec![camera.clone()]).is_empty());
    let display = Participant::new("display").with(bank(&["0"]), Origin::Client);
    assert_eq!(ask(vec![camera, display]), [("bank".into(), values(&["0"]))].into());
}
