//! One set of buffers: what was solved, where it came from, and who is satisfied with it.

use super::{Made, MemberId, Pinned};
use heapq_constraints::answer::{Candidate, Plan};
use heapq_constraints::{Answer, HeapSet, Participant, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was allocated, without the buffers.
#[derive(Clone, Debug)]
pub struct Allocation {
    /// The answer as it was carried out.
    pub answer: Answer,
    /// Its plan.
    pub plan: Plan,
    /// Which of the plan's candidates the buffers came from.
    pub candidate: usize,
    /// The buffers as a participant: what newcomers have to agree with.
    pub shape: Participant,
    /// What those needed for whom they were made, as it was granted.
    pub made_for: Vec<Participant>,
    /// The heaps as the creator could use them.
    pub heaps: HeapSet,
}

impl Allocation {
    /// Where the buffers of a frame came from.
    #[must_use]
    pub fn chosen(&self) -> Option<&Candidate> {
        self.plan.candidates.get(self.candidate)
    }
}

/// One set of buffers that is served.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Counts the sets of its collection, from 1.
    pub number: u64,
    /// The number under which the buffers are fetched.
    pub lease: u64,
    /// Their shape.
    pub allocation: Arc<Allocation>,
    /// How many frames there are.
    pub frames: u32,
    /// Counts what owners have to be told of.
    pub(super) changes: u32,
    /// What those need who are in, as it was granted.
    pub(super) cast: BTreeMap<MemberId, Participant>,
}

impl Generation {
    pub(super) fn new(number: u64, made: Made) -> Self {
        let Made { lease, allocation, frames, cast } = made;
        Self { number, lease, allocation, frames, changes: 0, cast }
    }

    pub(super) fn pinned(&self, request: &Request) -> Pinned {
        Pinned {
            allocation: self.allocation.clone(),
            cast: self.cast.values().cloned().collect(),
            request: request.clone(),
            frames: self.frames,
        }
    }
}
