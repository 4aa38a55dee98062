//! What is given again is what would be found anew, whatever happened meanwhile.

use super::Solved;
use crate::broker::Broker;
use crate::broker::tests::{caller, governed};
use crate::caller::{Caller, Verdict};
use heapq_constraints::{Constraint, Origin, Participant, Question};
use heapq_policies::Right;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// What may happen between two questions.
#[derive(Clone, Debug)]
enum Event {
    Nothing,
    /// Who may have scarce heaps: 7, 8, both or neither.
    Scarce(bool, bool),
    Allocate(bool),
    Weight(i64),
    /// The heap is there or not.
    Cma(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Nothing),
        any::<(bool, bool)>().prop_map(|(seven, eight)| Event::Scarce(seven, eight)),
        any::<bool>().prop_map(Event::Allocate),
        (0..3_i64).prop_map(Event::Weight),
        any::<bool>().prop_map(Event::Cma),
    ]
}

impl Event {
    fn happens(&self, root: &Path, broker: &Broker) {
        let policy = |name: &str, text: String| std::fs::write(root.join(name), text).unwrap();
        let heap = root.join("sys/class/dma_heap/default_cma_region");
        match self {
            Self::Nothing => {}
            Self::Scarce(seven, eight) => policy(
                "60-scarce.toml",
                format!(
                    "[[grant]]\nusers = 7\nscarce = {seven}\n[[grant]]\nusers = 8\nscarce = {eight}\n"
                ),
            ),
            Self::Allocate(may) => {
                policy("50-grant.toml", format!("[[grant]]\nusers = \"*\"\nallocate = {may}\n"));
            }
            Self::Weight(weight) => {
                policy(
                    "70-weight.toml",
                    format!("[[heap]]\nname = \"system\"\nweight = {weight}\n"),
                );
            }
            Self::Cma(true) => std::fs::create_dir_all(heap).unwrap(),
            Self::Cma(false) => drop(std::fs::remove_dir(heap)),
        }
        match self {
            Self::Nothing => {}
            Self::Cma(_) => drop(broker.rescan().unwrap()),
            _ => assert!(broker.reload().unwrap().applies),
        }
    }
}

fn questions() -> [Question; 2] {
    [Constraint::MinSize(4096), Constraint::Contiguous(true)].map(|needed| {
        let camera = Participant::new("camera").with(Constraint::MinSize(4096), Origin::Client);
        Question { participants: vec![camera.with(needed, Origin::Client)], ..Question::default() }
    })
}

fn callers() -> [Caller; 3] {
    let asked = |uid, verdict| Caller {
        verdicts: BTreeMap::from([(Right::Scarce, verdict)]),
        ..caller(uid, &[], None)
    };
    [caller(7, &[], None), asked(8, Verdict::Yes), asked(9, Verdict::No("polkit".into()))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_holds_is_what_would_be_found(events in prop::collection::vec(event(), 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let broker = governed(dir.path());
        let before = [Event::Allocate(true), Event::Cma(true)];
        let mut known: Vec<(usize, Solved)> = Vec::new();
        for event in before.into_iter().chain(events) {
            event.happens(dir.path(), &broker);
            for caller in callers() {
                let standing = broker.standing(&caller, &crate::Holder::new(":1.1"), None);
                for (index, question) in questions().into_iter().enumerate() {
                    let anew = broker.solve(&caller, question);
                    let same = known.iter().filter(|(asked, _)| *asked == index);
                    for (_, old) in same.filter(|(_, old)| broker.holds(old, &caller, &standing)) {
                        let anew = anew.as_ref().unwrap();
                        prop_assert_eq!(&old.answer, &anew.answer);
                        prop_assert_eq!(old.heaps.heaps(), anew.heaps.heaps());
                        prop_assert_eq!(&old.name, &anew.name);
                    }
                    if let Ok(anew) = anew {
                        prop_assert!(broker.holds(&anew, &caller, &standing));
                        known.push((index, anew));
                    }
                }
            }
        }
    }
}
