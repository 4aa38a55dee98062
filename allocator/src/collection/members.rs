//! One participant of a collection.

use super::{Failure, MemberId, Phase, Refused, Scope, Why};
use heapq_constraints::terms::Member;
use heapq_constraints::{Name, Participant};
use std::sync::Arc;
use std::time::Duration;

/// Where a participant is in the course of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may still say what it needs.
    Stating,
    /// It has said all.
    Ready,
    /// It has buffers; this is the newest lease to which it has moved.
    In(u64),
    /// Nothing becomes of it any more.
    Failed,
}

/// What a participant waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Buffers, having come late.
    Join,
    /// So many frames more.
    Grow(u32),
    /// So many frames less.
    Shrink(u32),
}

#[derive(Debug)]
pub(super) struct Party {
    pub(super) name: Name,
    /// What it needs, as it said so; `None` when it states nothing.
    pub(super) stated: Option<Participant>,
    pub(super) optional: bool,
    pub(super) dispensable: bool,
    /// It came when the first allocation had begun.
    pub(super) late: bool,
    pub(super) since: Duration,
    pub(super) standing: Standing,
    pub(super) wish: Option<Wish>,
    /// Frames that it has grown.
    pub(super) extra: u32,
    pub(super) failure: Option<(u32, Arc<Failure>)>,
}

impl Party {
    pub(super) fn new(member: Member, late: bool, now: Duration) -> Self {
        Self {
            name: member.participant.name.clone(),
            optional: member.participant.optional,
            dispensable: member.dispensable,
            stated: member.states.then_some(member.participant),
            late,
            since: now,
            standing: Standing::Stating,
            wish: None,
            extra: 0,
            failure: None,
        }
    }

    pub(super) fn states(&mut self, member: Member) {
        self.optional = member.participant.optional;
        self.stated = member.states.then_some(member.participant);
        self.standing = Standing::Stating;
    }

    pub(super) fn phase(&self) -> Phase {
        match self.standing {
            Standing::Stating => Phase::Gathering,
            Standing::Ready => Phase::Allocating,
            Standing::In(_) => Phase::Allocated,
            Standing::Failed => Phase::Failed,
        }
    }

    pub(super) fn refuse(&self, what: &'static str) -> Refused {
        Refused::Phase { what, phase: self.phase() }
    }

    /// Notes that something failed; what fails the participant ends what it waits for.
    pub(super) fn fail(&mut self, of: Scope, why: Arc<Why>) {
        let before = self.failure.as_ref().map_or(0, |(count, _)| *count);
        self.failure = Some((before.wrapping_add(1), Arc::new(Failure { of, why })));
        self.wish = None;
        if matches!(of, Scope::Collection | Scope::Participant) {
            self.standing = Standing::Failed;
        }
    }

    pub(super) fn is_in(&self) -> bool {
        matches!(self.standing, Standing::In(_))
    }

    pub(super) fn lives(&self) -> bool {
        self.standing != Standing::Failed
    }

    /// Whether the first allocation waits for it.
    pub(super) fn holds_up(&self) -> bool {
        !self.late && self.standing == Standing::Stating
    }
}

/// One participant's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// All who were there when the first allocation began.
    All,
    /// A wish.
    Of(MemberId, Wish),
    /// The newcomer for whom everybody moves.
    Migration(MemberId),
}
