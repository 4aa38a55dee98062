//! A collection as one participant sees it.

use super::{Allocation, Failure};
use heapq_constraints::Name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not said that it is ready.
    Gathering,
    /// It has, and waits.
    Allocating,
    /// It has buffers.
    Allocated,
    /// It is over.
    Failed,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Allocating => "allocating",
            Self::Allocated => "allocated",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// All that one participant may know.
#[derive(Clone, Debug)]
pub struct View {
    /// What it is called.
    pub name: Name,
    /// Where it is.
    pub phase: Phase,
    /// Its buffers, when it has some.
    pub buffers: Option<Buffers>,
    /// Who joined and is not ready, and who is awaited by name and has not joined.
    pub waits_for: Vec<Name>,
    /// How many have to join yet, where the creator gave a number.
    pub missing: u32,
    /// The last failure that concerns it, and how many there were.
    pub failure: Option<(u32, Arc<Failure>)>,
    /// When somebody has to look after the collection although nothing happens.
    pub deadline: Option<Duration>,
}

/// The newest buffers of a participant.
#[derive(Clone, Debug)]
pub struct Buffers {
    /// Counts the sets of its collection.
    pub generation: u64,
    /// The number under which they are fetched.
    pub lease: u64,
    /// How many frames.
    pub frames: u32,
    /// How often something has changed about them.
    pub changes: u32,
    /// Their shape.
    pub allocation: Arc<Allocation>,
    /// Which of its alternatives was chosen for it.
    pub alternative: Option<u32>,
}
