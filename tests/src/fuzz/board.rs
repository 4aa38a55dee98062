//! Descriptions of machines, and the questions that can be asked of what they describe.

use heapq_allocator::discover::{Observation, assemble, devicetree, snapshot};
use heapq_allocator::{Topology, complete};
use heapq_constraints::question::Usage;
use heapq_constraints::{Constraint, Fact, Origin, Participant, Question, solve};
use heapq_policies::PolicySet;
use std::sync::LazyLock;

/// Devices of one board that are asked about.
const ASKED: usize = 4;

pub(super) static POLICIES: LazyLock<PolicySet> = LazyLock::new(|| heapq_policies::load(&[]).set);

/// A flattened devicetree.
pub(super) fn devicetree(bytes: &[u8]) {
    if let Ok(seen) = devicetree::read(bytes, &POLICIES) {
        ask(&seen);
    }
}

pub(super) fn devicetrees() -> Vec<Vec<u8>> {
    let mut seeds = super::files("fuzz/seeds", ".dtb");
    seeds.extend(super::files("boards/dtb", ".dtb"));
    seeds
}

/// A snapshot; what is read is written so that it reads the same.
pub(super) fn snapshot(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(seen) = snapshot::read(text) else { return };
    if let Ok(written) = snapshot::write(&seen) {
        let again = snapshot::read(&written);
        assert_eq!(again.as_ref().ok(), Some(&seen), "{again:?}\n{written}");
    }
    ask(&seen);
}

pub(super) fn snapshots() -> Vec<Vec<u8>> {
    super::files("boards", ".toml")
}

/// Asks what a client of such a machine would.
pub(super) fn ask(seen: &Observation) {
    let Ok(topology) = assemble(seen, &POLICIES, 1) else { return };
    let listed = topology.shown().take(ASKED).map(|device| device.path.clone());
    let mut question = Question::default();
    for (number, path) in listed.enumerate() {
        let mut participant = Participant::new(format!("device-{number}"));
        participant.device = Some(path);
        participant.usage.insert(if number == 0 { Usage::Capture } else { Usage::Scanout });
        participant
            .facts
            .push(Fact { constraint: Constraint::MinSize(1 << 20), origin: Origin::Client });
        answer(
            &topology,
            Question { participants: vec![participant.clone()], ..Question::default() },
        );
        question.participants.push(participant);
    }
    answer(&topology, question);
}

fn answer(topology: &Topology, question: Question) {
    if let Ok(question) = complete(question, topology, &POLICIES)
        && let Ok(answer) = solve(&topology.heaps, &question)
    {
        assert!(!heapq_constraints::explain::words(&answer).is_empty());
    }
}
