//! The machine that a case is set on: its board as topology and policies, and the heaps that it
//! states.

use super::board::{Board, Source};
use super::dtb;
use super::file::Case;
use crate::complete;
use crate::discover::{self, Observation, SeenHeap};
use crate::topology::{Topology, UnknownDevice};
use heapq_constraints::choice::Choice;
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{HeapSet, Participant, Question};
use heapq_policies::{DeviceKnowledge, DeviceView, Loaded, PolicySet, Severity, load, render};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a case's question is asked.
pub(super) struct Machine {
    pub(super) topology: Topology,
    pub(super) policies: Arc<PolicySet>,
    /// The heaps of the board and those of the case.
    pub(super) heaps: HeapSet,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoMachine {
    /// The board's devicetree is not here.
    #[error("{0}")]
    Absent(String),
    /// The board or its policies cannot be read; all that is wrong, a line each.
    #[error("{0}")]
    Broken(String),
    /// Two heaps bear one name.
    #[error(transparent)]
    Heaps(#[from] Invalid),
}

impl Machine {
    /// The machine of `case`; `policies`, `policy_dirs` and `dtb_dirs` are what every case is given.
    pub(super) fn of(
        case: &Case,
        policies: &Arc<PolicySet>,
        policy_dirs: &[PathBuf],
        dtb_dirs: &[PathBuf],
    ) -> Result<Self, NoMachine> {
        let (observation, policies) = match &case.board {
            Some(board) => {
                let policies = board_policies(board, policies, policy_dirs)?;
                (observe(board, dtb_dirs, &policies)?, policies)
            }
            None => (Observation::default(), policies.clone()),
        };
        let topology = discover::assemble(&observation, &policies, 1)?;
        let mut heaps = topology.heaps.heaps().to_vec();
        heaps.extend(case.stated.heaps.iter().cloned());
        let mut edges = case.stated.edges.clone();
        if case.board.is_some() {
            edges.extend(policies.edges());
        }
        let heaps = HeapSet::new(heaps, &edges)?.with_page_size(topology.heaps.page_size());
        Ok(Self { topology, policies, heaps })
    }

    /// The case's question with what is known of its participants.
    pub(super) fn completed(&self, case: &Case) -> Result<Question, UnknownDevice> {
        let mut question = case.stated.question.clone();
        if case.board.is_some() {
            return complete(question, &self.topology, &self.policies);
        }
        if let Some(name) = question.participants.iter().find_map(|one| one.device.as_deref()) {
            self.topology.device(name)?;
        }
        let known = question.participants.iter().map(|one| self.of_driver(&question, one));
        let known: Vec<_> = known.collect();
        for (participant, known) in question.participants.iter_mut().zip(known) {
            let Some(mut known) = known else { continue };
            known.facts.append(&mut participant.facts);
            participant.facts = known.facts;
            participant.exports = participant.exports.take().or(known.exports);
            participant.usage = participant.usage.union(known.usage);
        }
        Ok(question)
    }

    /// What policies say of a participant's driver where no board shows its device. The case
    /// states what the machine lacks (contiguity for want of an IOMMU above all); the policies
    /// add what holds of the driver on every machine. A driver that none knows is not `unknown`:
    /// the case has said what it needs.
    fn of_driver(&self, question: &Question, participant: &Participant) -> Option<DeviceKnowledge> {
        let view = DeviceView {
            driver: Some(participant.driver.as_deref()?),
            has_iommu: Some(true),
            iommu_present: Some(true),
            ..DeviceView::new(self.topology.kernel)
        };
        Some(self.policies.device(&view, Choice::of(question, participant, None)))
    }
}

fn observe(
    board: &Board,
    dtb_dirs: &[PathBuf],
    policies: &PolicySet,
) -> Result<Observation, NoMachine> {
    let broken = |path: &Path, error: &dyn std::fmt::Display| {
        NoMachine::Broken(format!("{}: {error}", path.display()))
    };
    let mut observation = match &board.source {
        Source::Dtb { beside, name } => devicetree(board, beside, name, dtb_dirs, policies)?,
        Source::Snapshot(path) => {
            discover::snapshot::load(path).map_err(|error| NoMachine::Broken(error.to_string()))?
        }
        Source::Root(path) => {
            discover::sysfs::read(path, policies).map_err(|error| broken(path, &error))?
        }
    };
    for name in &board.heaps {
        if !observation.heaps.iter().any(|heap| heap.name == *name) {
            observation.heaps.push(SeenHeap::offered(name.clone()));
        }
    }
    Ok(observation)
}

/// The board of a devicetree. Where the case says which heaps its kernel offers, these are there and
/// the devicetree's pools; else those that a current kernel makes.
fn devicetree(
    board: &Board,
    beside: &Path,
    name: &Path,
    dtb_dirs: &[PathBuf],
    policies: &PolicySet,
) -> Result<Observation, NoMachine> {
    let Some(path) = dtb::find(beside, name, dtb_dirs) else {
        let text = format!(
            "{} is neither beside the case, nor in a --dtb-dir, nor with an installed kernel; in \
             heapq's source tree `make boards` fetches the devicetrees of Debian's arm64 kernel",
            name.display()
        );
        return Err(NoMachine::Absent(text));
    };
    let read = discover::devicetree::load(&path, policies);
    let mut observation = read.map_err(|error| NoMachine::Broken(error.to_string()))?;
    if !board.heaps.is_empty() {
        let is_pool = |heap: &SeenHeap| {
            observation.pools.iter().any(|pool| pool.name == heap.name && !pool.default)
        };
        observation.heaps.retain(is_pool);
    }
    Ok(observation)
}

/// The policies of a board: those of every case, or these with the board's own above them.
fn board_policies(
    board: &Board,
    policies: &Arc<PolicySet>,
    policy_dirs: &[PathBuf],
) -> Result<Arc<PolicySet>, NoMachine> {
    if board.policies.is_empty() {
        return Ok(policies.clone());
    }
    if let Some(missing) = board.policies.iter().find(|dir| !dir.is_dir()) {
        return Err(NoMachine::Broken(format!("{}: no such directory", missing.display())));
    }
    let dirs: Vec<PathBuf> = policy_dirs.iter().chain(&board.policies).cloned().collect();
    checked(load(&dirs)).map(Arc::new).map_err(NoMachine::Broken)
}

/// The policies of a load without errors. A case that runs without a file of its policies would
/// say something of other policies than it means.
pub(super) fn checked(loaded: Loaded) -> Result<PolicySet, String> {
    let errors: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity() == Severity::Error)
        .map(|diagnostic| render(diagnostic, false))
        .collect();
    if errors.is_empty() { Ok(loaded.set) } else { Err(errors.join("\n")) }
}
