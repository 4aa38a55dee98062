//! The collections that there are: who is in which, by what token one gets in, and the buffers.
//!
//! A membership is known by its holder and a number of the holder's own, so that nobody can even
//! name another's. What follows from what is [`crate::collection`]'s; what it wants carried out
//! leaves as [`Work`], for a thread that may block.

mod books;
mod carry;
mod kept;
#[cfg(test)]
mod tests;
mod token;

pub use books::{COLLECTIONS_OF_HOLDER, COLLECTIONS_OF_USER};
pub use token::Token;

use super::{AskError, Broker, LeaseInfo};
use crate::caller::{Caller, Holder};
use crate::collection::{Event, Job, MemberId, Refused, View};
use books::Books;
use heapq_constraints::terms::{Member, Terms};
use heapq_policies::Right;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All collections. Locked for moments only: nothing is solved or allocated meanwhile.
#[derive(Debug, Default)]
pub(super) struct Collections(Mutex<Books>);

impl Collections {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rung whenever a participant should look at its [`View`]. Must not block.
#[derive(Clone)]
pub struct Bell(pub Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

/// Who becomes a participant.
#[derive(Clone, Debug)]
pub struct Entrant<'a> {
    /// Who it is.
    pub caller: &'a Caller,
    /// Its connection.
    pub holder: &'a Holder,
    /// How it is told of changes.
    pub bell: Bell,
}

/// What a participant does.
#[derive(Debug)]
pub enum Action {
    /// It says anew what it needs.
    State(Box<Member>),
    /// It has said all; or it has moved to the newest buffers.
    Ready,
    /// It wants so many frames more.
    Grow(u32),
    /// It can spare so many frames.
    Shrink(u32),
    /// It leaves.
    Leave,
    /// It notes that time has passed.
    Time,
}

/// Which buffers to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of which lease.
    pub lease: u64,
    /// From which index on.
    pub first: u32,
    /// How many at most.
    pub most: usize,
}

/// What has to be carried out by [`Broker::carry_out`], or everybody waits for ever.
#[derive(Debug)]
#[must_use]
pub struct Work {
    collection: u64,
    /// The creator: its rights hold, and it pays.
    caller: Caller,
    holder: Holder,
    job: Job,
}

impl Work {
    /// The creator, who pays, and its connection.
    #[must_use]
    pub fn of(&self) -> (&Caller, &Holder) {
        (&self.caller, &self.holder)
    }
}

/// Why a participant's call is refused.
#[derive(Debug, thiserror::Error)]
pub enum NegotiationError {
    /// It does not fit what has happened before.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Not authorised, a bound, or the system.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Forged, used up, expired, or its collection has ended.
    #[error("this token leads to no collection: it is unknown, used up or expired")]
    UnknownToken,
    /// The caller has no such membership.
    #[error("this client has no such participant")]
    UnknownParticipant,
}

impl Broker {
    /// Makes a collection with its creator in it: the creator's number for its membership, and the
    /// token by which others get in.
    ///
    /// # Errors
    /// Without a grant, and at the bounds of memberships.
    pub fn create_collection(
        &self,
        entrant: &Entrant<'_>,
        terms: Terms,
        now: Duration,
    ) -> Result<(u32, Token), NegotiationError> {
        self.authorise(entrant.caller, Right::Allocate)?;
        let token = Token::random()?;
        let seat = self.collections.lock().create(entrant, terms, token.clone(), now)?;
        Ok((seat, token))
    }

    /// Lets the bearer of a token in: its number for its membership.
    ///
    /// # Errors
    /// A token that leads nowhere, no grant, bounds, and names that are taken.
    pub fn join_collection(
        &self,
        entrant: &Entrant<'_>,
        token: &Token,
        member: Member,
        now: Duration,
    ) -> Result<u32, NegotiationError> {
        self.authorise(entrant.caller, Right::Allocate)?;
        self.collections.lock().join(entrant, token, member, now)
    }

    /// Does what a participant wants. The work, if there is some, must be carried out.
    ///
    /// # Errors
    /// An unknown membership, or what is not possible where it is.
    pub fn act(
        &self,
        holder: &Holder,
        seat: u32,
        action: Action,
        now: Duration,
    ) -> Result<Option<Work>, NegotiationError> {
        let event = |id: MemberId| match action {
            Action::State(member) => Event::State(id, member),
            Action::Ready => Event::Ready(id),
            Action::Grow(frames) => Event::Grow(id, frames),
            Action::Shrink(frames) => Event::Shrink(id, frames),
            Action::Leave => Event::Leave(id),
            Action::Time => Event::Time,
        };
        let (work, trash) = self.collections.lock().act(holder, seat, event, now)?;
        // Descriptors are closed without others having to wait for it.
        self.orphans.adopt(trash.drop());
        Ok(work)
    }

    /// What a participant may know; `None` when it has left.
    #[must_use]
    pub fn view(&self, holder: &Holder, seat: u32) -> Option<View> {
        self.collections.lock().view(holder, seat)
    }

    /// Some of a participant's buffers; none when the first is past the last.
    ///
    /// # Errors
    /// A lease that is not (or no longer) the participant's, or no file descriptors left.
    pub fn fetch(
        &self,
        holder: &Holder,
        seat: u32,
        window: Window,
        now: Duration,
    ) -> Result<(Vec<OwnedFd>, Option<Work>), NegotiationError> {
        let (buffers, (work, trash)) = self.collections.lock().fetch(holder, seat, window, now)?;
        self.orphans.adopt(trash.drop());
        Ok((buffers, work))
    }

    /// Ends all memberships of a holder that left.
    pub fn lost(&self, holder: &Holder, now: Duration) -> Vec<Work> {
        let (work, trash) = self.collections.lock().lost(holder, now);
        self.orphans.adopt(trash.into_iter().flat_map(books::Trash::drop));
        work
    }

    /// Lets a number of a membership that has ended be used again, when nothing more is said of it.
    pub fn vacate(&self, holder: &Holder, seat: u32) {
        self.collections.lock().vacate(holder, seat);
    }

    pub(super) fn collected(&self) -> Vec<LeaseInfo> {
        self.collections.lock().leases()
    }
}
