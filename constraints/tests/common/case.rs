//! A case file as a question, and what it expects against what came.

use super::table;
use heapq_constraints::answer::{Answer, Element, Plan};
use heapq_constraints::heap::Edge;
use heapq_constraints::value::{Node, Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use heapq_constraints::{Heap, HeapSet, Origin, Participant, Question, Refused, Request, solve};
use std::collections::BTreeSet;

fn client(_: Option<heapq_constraints::value::Place>) -> Origin {
    Origin::Client
}

/// What a case comes to.
pub(crate) struct Case {
    pub(crate) heaps: HeapSet,
    pub(crate) failing: Vec<String>,
    pub(crate) question: Question,
}

/// The outcome: an answer, or the key that is at fault.
pub(crate) type Outcome = Result<Answer, String>;

fn tables<'t>(document: &'t Table, key: &str) -> Vec<&'t Table> {
    let Some(Node { value: Value::List(list), .. }) = document.get(key) else { return vec![] };
    list.iter()
        .map(|node| match &node.value {
            Value::Table(table) => table,
            other => panic!("{key}: {other:?}"),
        })
        .collect()
}

fn key(complaints: Vec<Invalid>) -> String {
    complaints.into_iter().next().unwrap().key
}

impl Case {
    /// The question of a case, or the key of the first complaint.
    pub(crate) fn read(document: &Table) -> Result<Self, String> {
        let mut heaps: Vec<Heap> = Vec::new();
        let mut failing = Vec::new();
        for table in tables(document, "heap") {
            let heap = vocabulary::heap(table, &client).map_err(key)?;
            if table.get("fails").is_some() {
                failing.push(heap.name.to_string());
            }
            heaps.push(heap);
        }
        let edges: Result<Vec<Edge>, _> = tables(document, "compatibility")
            .into_iter()
            .map(|table| vocabulary::edge(table, &client))
            .collect();
        let participants: Result<Vec<Participant>, _> = tables(document, "participant")
            .into_iter()
            .map(|table| vocabulary::participant(table, &client))
            .collect();
        let request = match document.get("request") {
            Some(Node { value: Value::Table(table), .. }) => {
                vocabulary::request(table).map_err(key)?
            }
            _ => Request::default(),
        };
        let heaps = HeapSet::new(heaps, &edges.map_err(key)?).map_err(|invalid| invalid.key)?;
        let question = Question { participants: participants.map_err(key)?, request };
        Ok(Self { heaps, failing, question })
    }

    pub(crate) fn outcome(&self) -> Outcome {
        solve(&self.heaps, &self.question).map_err(|refused| match refused {
            Refused::Invalid(invalid) => invalid.key,
            other => panic!("{other}"),
        })
    }
}

/// Runs one case; the differences, one line each.
pub(crate) fn differences(text: &str) -> Vec<String> {
    let document = table(text);
    let case = Case::read(&document);
    let outcome = case.as_ref().map_err(Clone::clone).and_then(Case::outcome);
    let Some(Node { value: Value::Table(expect), .. }) = document.get("expect") else {
        return vec!["no [expect]".to_owned()];
    };
    let compare = |entry: &heapq_constraints::value::Entry| {
        let found = found(&entry.key, &entry.node.value, case.as_ref().ok(), &outcome);
        let expected = canonical(&entry.key, &entry.node.value);
        (found != expected).then(|| format!("{}: expected {expected}, found {found}", entry.key))
    };
    expect.entries.iter().filter_map(compare).collect()
}

fn canonical(key: &str, value: &Value) -> String {
    match (key, value) {
        ("conflicts", Value::List(list)) => sets(list.iter().map(|node| names(&node.value))),
        (
            "conflicts-include" | "fixes-include" | "not-heaps" | "min-size-at-least"
            | "size-below",
            _,
        ) => "holds".to_owned(),
        ("eliminated", Value::Table(table)) => {
            let row = |e: &heapq_constraints::value::Entry| {
                format!(
                    "{}: {:?}",
                    e.key,
                    names(&e.node.value).into_iter().collect::<BTreeSet<_>>()
                )
            };
            table.entries.iter().map(row).collect::<Vec<_>>().join("; ")
        }
        ("chosen-alternatives", Value::Table(table)) => {
            let row =
                |e: &heapq_constraints::value::Entry| format!("{} {}", e.key, plain(&e.node.value));
            table.entries.iter().map(row).collect::<Vec<_>>().join("; ")
        }
        (_, Value::List(_)) => format!("{:?}", names(value)),
        _ => plain(value),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn names(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { panic!("{value:?}") };
    list.iter().map(|node| plain(&node.value)).collect()
}

fn sets(all: impl Iterator<Item = Vec<String>>) -> String {
    let sets: BTreeSet<BTreeSet<String>> = all.map(|set| set.into_iter().collect()).collect();
    format!("{sets:?}")
}

pub(crate) fn element_names(elements: &[Element]) -> Vec<String> {
    elements.iter().map(|element| element.name.clone()).collect()
}

fn found(key: &str, expected: &Value, case: Option<&Case>, outcome: &Outcome) -> String {
    let answer = match (key, outcome) {
        ("verdict", Err(_)) => return "invalid".to_owned(),
        ("invalid-key", Err(key)) => return key.clone(),
        (_, Err(key)) => return format!("invalid {key}"),
        (_, Ok(answer)) => answer,
    };
    let case = case.unwrap();
    match (key, &answer.plan) {
        ("verdict", plan) => verdict(case, plan.as_ref()),
        ("eliminated", _) => eliminated(answer, expected),
        ("not-heaps", _) => {
            let gone = |name: &String| answer.eliminated.iter().any(|row| *row.heap == **name);
            if names(expected).iter().all(gone) { "holds".to_owned() } else { "not".to_owned() }
        }
        ("conflicts", _) => sets(answer.conflicts.iter().map(|c| element_names(&c.elements))),
        ("conflicts-include", _) => {
            includes(expected, answer.conflicts.iter().map(|c| &c.elements[..]))
        }
        ("fixes-include", _) => includes(expected, answer.fixes.iter().map(|f| &f.elements[..])),
        (_, None) => "no plan".to_owned(),
        (_, Some(plan)) => of_plan(key, expected, case, plan),
    }
}

fn verdict(case: &Case, plan: Option<&Plan>) -> String {
    match plan {
        None => "conflict",
        Some(plan) if usable(case, plan).is_none() => "no-memory",
        Some(_) => "ok",
    }
    .to_owned()
}

fn usable(case: &Case, plan: &Plan) -> Option<usize> {
    let works = |c: &heapq_constraints::answer::Candidate| {
        c.heaps.iter().all(|heap| !case.failing.iter().any(|failing| **failing == **heap))
    };
    plan.candidates.iter().position(works)
}

fn eliminated(answer: &Answer, expected: &Value) -> String {
    let Value::Table(table) = expected else { panic!("{expected:?}") };
    let row = |name: &str| {
        let row = answer.eliminated.iter().find(|row| &*row.heap == name);
        let keys = row.iter().flat_map(|row| row.reasons.iter().map(|reason| reason.key.clone()));
        format!("{name}: {:?}", keys.collect::<BTreeSet<_>>())
    };
    table.entries.iter().map(|e| row(&e.key)).collect::<Vec<_>>().join("; ")
}

fn includes<'e>(expected: &Value, found: impl Iterator<Item = &'e [Element]>) -> String {
    let Value::List(list) = expected else { panic!("{expected:?}") };
    let set = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    let found: Vec<BTreeSet<String>> = found.map(|elements| set(element_names(elements))).collect();
    let all = list.iter().all(|node| found.contains(&set(names(&node.value))));
    if all { "holds".to_owned() } else { format!("{found:?}") }
}

fn of_plan(key: &str, expected: &Value, case: &Case, plan: &Plan) -> String {
    let Some(best) = usable(case, plan) else { return "no memory".to_owned() };
    let best = &plan.candidates[best];
    let text =
        |name: &Option<heapq_constraints::Name>| name.as_deref().unwrap_or("none").to_owned();
    match key {
        "heap" => {
            let expected = plain(expected);
            let heap = case.heaps.find(&best.heaps[0]).unwrap();
            if heap.bears(&expected) { expected } else { heap.name.to_string() }
        }
        "heaps" => format!("{:?}", plan.heaps()),
        "plane-heaps" => format!("{:?}", best.heaps),
        "count" => plan.count.to_string(),
        "size" => plan.size.to_string(),
        "allocation-size" => plan.allocation_size.to_string(),
        "contiguous" => best.contiguous.to_string(),
        "protected" => best.protected.to_string(),
        "access" => best.access.word().to_owned(),
        "assumed" => plan.assumed.to_string(),
        "size-assumed" => plan.size_assumed.to_string(),
        "fourcc" => text(&plan.fourcc),
        "modifier" => text(&plan.modifier),
        "stride" => plan.planes[0].stride.to_string(),
        "left-out" => format!("{:?}", plan.left_out),
        "chosen-alternatives" => {
            let rows =
                plan.chosen_alternatives.iter().map(|(name, index)| format!("{name} {index}"));
            rows.collect::<Vec<_>>().join("; ")
        }
        "min-size-at-least" | "size-below" => {
            let Value::Integer(bound) = expected else { panic!("{expected:?}") };
            let below = i128::from(plan.size) < *bound;
            if below == (key == "size-below") { "holds".to_owned() } else { plan.size.to_string() }
        }
        "fallback-from" => {
            let first = plan.candidates.iter().position(|c| c == best).unwrap();
            format!(
                "{:?}",
                plan.candidates[..first].iter().map(|c| &*c.heaps[0]).collect::<Vec<_>>()
            )
        }
        _ => panic!("unknown expectation {key}"),
    }
}
