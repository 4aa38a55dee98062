//! Several processes that negotiate one set of buffers: who is in, for whom they wait, which
//! buffers there are, and what becomes of all when one fails.
//!
//! Pure: events in, effects out. It reads no clock (events say what time it is), solves nothing and
//! holds no buffers: a [`Job`] says what is to be solved or allocated, [`Done`] what came of it, and
//! the broker is who carries it out. `docs/decisions/0005-collections.md` has the reasons.

mod generation;
mod machine;
mod members;
pub(crate) mod pinned;
mod view;

pub use generation::{Allocation, Generation};
pub use machine::Collection;
pub use view::{Buffers, Phase, View};

use crate::broker::{AskError, Outcome};
use heapq_constraints::terms::Member;
use heapq_constraints::{Name, Participant, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One membership; never used again in the same collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u32);

/// What happens to a collection.
#[derive(Debug)]
pub enum Event {
    /// Somebody joins.
    Join(MemberId, Box<Member>),
    /// A participant says anew what it needs.
    State(MemberId, Box<Member>),
    /// A participant has said all; or it has moved to the newest generation.
    Ready(MemberId),
    /// A participant wants so many frames more.
    Grow(MemberId, u32),
    /// A participant can spare so many frames.
    Shrink(MemberId, u32),
    /// A participant has fetched all buffers of a lease.
    Fetched(MemberId, u64),
    /// A participant leaves in good order.
    Leave(MemberId),
    /// A participant's connection is gone.
    Lost(MemberId),
    /// The job that was started has ended.
    Done(Done),
    /// Time has passed.
    Time,
}

/// What is to be done about it, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Carry this out; [`Event::Done`] says what came of it. Never two at a time.
    Start(Job),
    /// Keep the buffers that the job made, under this lease. Without it they are dropped.
    Keep(u64),
    /// Only so many frames of this lease are served from now on.
    Cut(u64, u32),
    /// The buffers of this lease are served no more.
    Retire(u64),
    /// Everybody should look at their view.
    Tell,
    /// Nobody can join any more.
    Close,
}

/// What is to be solved or allocated.
#[derive(Debug)]
pub enum Job {
    /// Solve for all, and allocate.
    Make {
        /// Who states needs, in the order of the question.
        members: Vec<(MemberId, Participant)>,
        /// What is asked as a whole.
        request: Request,
        /// Frames beyond what the needs come to.
        extra: u32,
    },
    /// See whether a newcomer can do with what is there.
    Fit {
        /// Its needs; `None` when it states none.
        newcomer: Option<Box<Participant>>,
        /// What is there.
        onto: Pinned,
    },
    /// Allocate so many frames more.
    Grow {
        /// How many.
        frames: u32,
        /// What is there.
        onto: Pinned,
    },
    /// See how few frames would do.
    Shrink {
        /// How many to spare.
        frames: u32,
        /// Frames that others have grown.
        others: u32,
        /// What is there.
        onto: Pinned,
    },
}

/// What is there, and who is satisfied with it.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The buffers' shape, and where they come from.
    pub allocation: Arc<Allocation>,
    /// What those need who are in, as it was granted.
    pub cast: Vec<Participant>,
    /// What is asked as a whole.
    pub request: Request,
    /// Frames that are there.
    pub frames: u32,
}

/// What came of a job.
#[derive(Debug)]
pub enum Done {
    /// Buffers.
    Made(Made),
    /// The newcomer can have what is there.
    Fits {
        /// What it needs, as it is granted.
        needs: Option<Box<Participant>>,
        /// The plan with it in.
        allocation: Arc<Allocation>,
    },
    /// So many more frames.
    Grown(u32),
    /// So many frames would do.
    Spared(u32),
    /// Nothing.
    Failed(Why),
}

/// A set of buffers that was made.
#[derive(Debug)]
pub struct Made {
    /// The number under which they are kept.
    pub lease: u64,
    /// Their shape, and where they come from.
    pub allocation: Arc<Allocation>,
    /// How many frames.
    pub frames: u32,
    /// What those need who could be served.
    pub cast: BTreeMap<MemberId, Participant>,
}

/// What has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The collection, for all.
    Collection,
    /// One participant's part in it.
    Participant,
    /// A wish for more frames.
    Grow,
    /// An offer to do with fewer.
    Shrink,
}

/// Why something failed.
#[derive(Debug)]
pub enum Why {
    /// A conflict, want of memory, or a quota.
    Answer(Box<Outcome>),
    /// Something malformed, not authorised, or broken.
    Error(AskError),
    /// The connection of an essential participant is gone.
    Lost(Name),
    /// These were not ready in time.
    NotReady(Vec<Name>),
    /// An optional participant cannot be served together with the others.
    LeftOut,
    /// All frames are needed.
    NothingToSpare,
}

impl From<Outcome> for Why {
    fn from(outcome: Outcome) -> Self {
        Self::Answer(Box::new(outcome))
    }
}

impl<E: Into<AskError>> From<E> for Why {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// A failure, as those are told whom it concerns.
#[derive(Debug)]
pub struct Failure {
    /// Of what.
    pub of: Scope,
    /// And why.
    pub why: Arc<Why>,
}

/// Why an event is refused; the collection is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It does not fit what has happened before.
    #[error("{what} is not possible: this participant is {phase}")]
    Phase {
        /// What was wanted.
        what: &'static str,
        /// Where the participant is.
        phase: Phase,
    },
    /// It exceeds a bound.
    #[error("{what}: {found} exceeds the bound of {bound}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        bound: usize,
    },
    /// Another participant bears the name, or this one bears another.
    #[error("{0}.name = {0:?}: {1}")]
    Name(Name, &'static str),
    /// More or fewer by nothing.
    #[error("frames = 0: at least 1")]
    NoFrames,
    /// There is no such participant (any more).
    #[error("no such participant")]
    Unknown,
}
