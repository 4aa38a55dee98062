//! What one request sees: a topology, and the policies and observation that it follows from.

use super::{Config, OpenError};
use crate::complete::Descriptions;
use crate::discover::{self, Observation};
use crate::topology::{Topology, UnknownDevice};
use heapq_constraints::{Heap, HeapSet, Question};
use heapq_policies::{Diagnostic, PolicySet, Severity};
use std::sync::Arc;

/// The candidate of a machine that has no heaps, when stand-ins are asked for.
const STAND_IN: &str = "stand-in";

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) topology: Arc<Topology>,
    pub(super) policies: Arc<PolicySet>,
    pub(super) seen: Observation,
    descriptions: Descriptions,
}

impl Machine {
    pub(super) fn read(config: &Config) -> Result<(Self, Vec<Diagnostic>), OpenError> {
        let loaded = heapq_policies::load(&config.policy_dirs);
        let seen = observe(config, &loaded.set)?;
        let machine = Self::of(config, seen, Arc::new(loaded.set), 1)?;
        Ok((machine, loaded.diagnostics))
    }

    /// `None` when nothing is different.
    pub(super) fn rescanned(&self, config: &Config) -> Result<Option<Self>, OpenError> {
        let seen = observe(config, &self.policies)?;
        if seen == self.seen {
            return Ok(None);
        }
        Self::of(config, seen, Arc::clone(&self.policies), self.topology.generation + 1).map(Some)
    }

    /// With the policies as they are now; `None` when one of their files has an error.
    pub(super) fn reloaded(
        &self,
        config: &Config,
    ) -> Result<(Option<Self>, Vec<Diagnostic>), OpenError> {
        let loaded = heapq_policies::load(&config.policy_dirs);
        if loaded.diagnostics.iter().any(|one| one.severity() == Severity::Error) {
            return Ok((None, loaded.diagnostics));
        }
        let generation = self.topology.generation + 1;
        let seen = observe(config, &loaded.set)?;
        let machine = Self::of(config, seen, Arc::new(loaded.set), generation)?;
        Ok((Some(machine), loaded.diagnostics))
    }

    fn of(
        config: &Config,
        seen: Observation,
        policies: Arc<PolicySet>,
        generation: u64,
    ) -> Result<Self, OpenError> {
        let mut topology = discover::assemble(&seen, &policies, generation)?;
        if config.stand_in && topology.heaps.heaps().is_empty() {
            topology.heaps = HeapSet::new(vec![Heap::new(STAND_IN)], &policies.edges())?;
        }
        let descriptions = Descriptions::default();
        Ok(Self { topology: Arc::new(topology), policies, seen, descriptions })
    }

    /// A question with what is known of its participants here.
    pub(super) fn complete(&self, question: Question) -> Result<Question, UnknownDevice> {
        self.descriptions.complete(question, &self.topology, &self.policies)
    }
}

fn observe(config: &Config, policies: &PolicySet) -> Result<Observation, OpenError> {
    if let Some(board) = &config.board {
        return Ok(board.observe(policies)?);
    }
    discover::sysfs::read(&config.root, policies)
        .map_err(|source| OpenError::Root { path: config.root.clone(), source })
}
