//! The solver against the brute-force oracle of `heapq_tests::oracle`: on the cases, where the
//! oracle must agree with what is written, and on random questions, where both must agree.
//!
//! `HEAPQ_ORACLE_COUNT` says how many random questions (2,000), `HEAPQ_ORACLE_SEED` which (1).
//! A difference is shrunk and printed as a case file.

use heapq_constraints::value::{Node, Table, Value};
use heapq_constraints::{Constraint, Origin, Participant, Question, Request, vocabulary};
use heapq_policies::document;
use heapq_tests::oracle::generate::{Instance, instance};
use heapq_tests::oracle::{
    Outcome, World, answer, mismatches, plainly, print, shrink, too_small, versus,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A case without its `[expect]`: the question, or the key of the first complaint.
struct Read {
    instance: Instance,
    failing: BTreeSet<String>,
    invalid: Option<String>,
}

fn tables<'a>(table: &'a Table, key: &str) -> Vec<&'a Table> {
    let nodes = match table.get(key).map(|node| &node.value) {
        Some(Value::List(nodes)) => &nodes[..],
        _ => &[],
    };
    let of =
        |node: &'a Node| if let Value::Table(table) = &node.value { Some(table) } else { None };
    nodes.iter().filter_map(of).collect()
}

fn sub<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    match &table.get(key)?.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn read(case: &Table) -> Read {
    let origin: vocabulary::OriginOf = &|_| Origin::Client;
    let mut wrong = Vec::new();
    let mut failing = BTreeSet::new();
    let mut heaps = Vec::new();
    for table in tables(case, "heap") {
        let mut table = table.clone();
        let name = table.get("name").map(|node| node.value.clone());
        if let (Some(_), Some(Value::Text(name))) = (table.get("fails"), name) {
            failing.insert(name);
        }
        table.entries.retain(|entry| entry.key != "fails");
        vocabulary::heap(&table, origin).map_or_else(|it| wrong.extend(it), |it| heaps.push(it));
    }
    let mut edges = Vec::new();
    for table in tables(case, "compatibility") {
        vocabulary::edge(table, origin).map_or_else(|it| wrong.extend(it), |it| edges.push(it));
    }
    let mut participants: Vec<Participant> = Vec::new();
    for table in tables(case, "participant") {
        vocabulary::participant(table, origin)
            .map_or_else(|it| wrong.extend(it), |it| participants.push(it));
    }
    let mut request = Request::default();
    if let Some(table) = sub(case, "request") {
        vocabulary::request(table).map_or_else(|it| wrong.extend(it), |it| request = it);
    }
    let question = Question { participants, request };
    let invalid = wrong.into_iter().next().map(|it| it.key);
    Read { instance: Instance { heaps, edges, page: 4096, question }, failing, invalid }
}

#[test]
fn the_oracle_agrees_with_every_case() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "toml") {
            continue;
        }
        files += 1;
        let case = document::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let read = read(&case);
        let asked = || answer(&read.instance.world(), &read.instance.question);
        let outcome =
            read.invalid.map_or_else(asked, |key| Outcome::Invalid(BTreeSet::from([key])));
        let expect = sub(&case, "expect").unwrap();
        let wrong = mismatches(expect, &outcome, &read.instance.heaps, &read.failing);
        assert!(wrong.is_empty(), "{}: {}", path.display(), wrong.join("\n"));
    }
    assert!(files >= 88, "only {files} cases");
}

fn number(name: &str, default: u64) -> Result<u64, std::num::ParseIntError> {
    std::env::var(name).map_or(Ok(default), |text| text.parse())
}

/// What is printed of a difference: the smallest question that shows it.
fn report(seed: u64, index: u64) -> Option<String> {
    let instance = instance(seed, index);
    if versus::differences(&instance).is_empty() {
        return None;
    }
    let small = shrink::shrink(instance, |it| !versus::differences(it).is_empty());
    let name = format!("oracle: seed {seed}, instance {index}");
    let outcome = answer(&small.world(), &small.question);
    let lines: Vec<String> =
        versus::differences(&small).iter().map(|line| format!("# {line}\n")).collect();
    Some(format!("{}{}", lines.concat(), print::case(&small, &name, &outcome)))
}

#[test]
fn solver_and_oracle_agree() {
    let count = number("HEAPQ_ORACLE_COUNT", 2000).unwrap();
    let seed = number("HEAPQ_ORACLE_SEED", 1).unwrap();
    let differing: Vec<String> =
        (0..count).filter_map(|index| report(seed, index)).take(20).collect();
    assert!(differing.is_empty(), "{} differ:\n\n{}", differing.len(), differing.join("\n\n"));
}

/// The generator is worth its name: all verdicts are frequent.
#[test]
fn random_questions_are_of_every_kind() {
    let mut counts = [0; 3];
    let mut rare = BTreeMap::new();
    for index in 0..1000 {
        let instance = instance(7, index);
        match answer(&instance.world(), &instance.question) {
            Outcome::Ok(plan) => {
                counts[0] += 1;
                *rare.entry("left out").or_insert(0) += usize::from(!plan.left_out.is_empty());
                let later = plan.chosen.values().any(|table| *table > 0);
                *rare.entry("a later alternative").or_insert(0) += usize::from(later);
                *rare.entry("planes").or_insert(0) += usize::from(plan.buffers.len() > 1);
                *rare.entry("several heaps").or_insert(0) += usize::from(plan.candidates.len() > 1);
                *rare.entry("stride").or_insert(0) += usize::from(plan.stride.is_some());
                *rare.entry("assumed").or_insert(0) += usize::from(plan.assumed);
            }
            Outcome::Conflict { conflicts, .. } => {
                counts[1] += 1;
                *rare.entry("all conflicts known").or_insert(0) += usize::from(conflicts.is_some());
                let many = conflicts.is_some_and(|all| all.conflicts.len() > 2);
                *rare.entry("three conflicts").or_insert(0) += usize::from(many);
                let small = !too_small(&instance).is_empty();
                *rare.entry("too small").or_insert(0) += usize::from(small);
            }
            Outcome::Invalid(_) => counts[2] += 1,
        }
    }
    println!("{counts:?} {rare:?}");
    assert!(counts[0] >= 300 && counts[1] >= 300 && counts[2] >= 50, "{counts:?}");
    assert!(rare.values().all(|count| *count >= 10), "{rare:?}");
}

/// The oracle's search for conflicts takes for granted that fewer elements are never harder to
/// meet. Here every set is looked at.
#[test]
fn every_set_of_elements_was_judged_right() {
    let mut looked = 0;
    for index in 0..1500 {
        let instance = instance(11, index);
        let world = instance.world();
        let Outcome::Conflict { conflicts: Some(found), .. } = answer(&world, &instance.question)
        else {
            continue;
        };
        let elements: BTreeSet<&String> = found.conflicts.iter().flatten().collect();
        let small = elements.len() <= 6 && looked < 100;
        if let Some(plain) = small.then(|| plainly(&world, &instance.question)).flatten() {
            assert_eq!(found, plain, "instance {index}");
            looked += 1;
        }
    }
    assert!(looked >= 50, "{looked}");
}

/// Facts in the order of their keys: it says nothing, and the reader has its own.
fn sorted(mut question: Question) -> Question {
    for one in &mut question.participants {
        let tables = one.alternatives.iter_mut().map(|table| &mut table.facts);
        for facts in tables.chain([&mut one.facts]) {
            facts.sort_by_key(|fact| fact.constraint.key());
            for fact in facts {
                if let Constraint::Format(entries) = &mut fact.constraint {
                    let planes = entries.iter_mut().flat_map(|entry| entry.plane.values_mut());
                    planes.for_each(|needs| needs.sort_by_key(Constraint::kind));
                }
            }
        }
    }
    question
}

/// What the solver would read from the printed case is the very question that was drawn.
#[test]
fn printed_cases_are_read_back() {
    let mut same = 0;
    for index in 0..300 {
        let drawn = instance(3, index);
        let outcome = Outcome::Invalid(BTreeSet::new());
        let text = print::case(&drawn, "drawn", &outcome);
        // Two facts of one key are no TOML: only a policy can add the second.
        let Ok(case) = document::parse(&text) else { continue };
        let read = read(&case);
        if read.invalid.is_some() {
            continue;
        }
        assert_eq!(
            sorted(read.instance.question.clone()),
            sorted(drawn.question.clone()),
            "{text}"
        );
        assert_eq!(read.instance.edges, drawn.edges, "{text}");
        let again = World::new(read.instance.heaps, read.instance.edges, drawn.page);
        let world = drawn.world();
        assert_eq!(
            format!("{:?}", answer(&world, &drawn.question)),
            format!("{:?}", answer(&again, &read.instance.question)),
            "{text}"
        );
        same += 1;
    }
    assert!(same >= 200, "{same}");
}
