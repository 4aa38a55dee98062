//! Collections with real solves and memfds for heaps, in a world whose clock and whose order of
//! things the tests decide.

mod course;
mod failures;
mod late;
mod random;

use super::{Action, Bell, Entrant, NegotiationError, Token, Window, Work};
use crate::account::LeaseInfo;
use crate::broker::tests::broker;
use crate::broker::{Broker, Outcome};
use crate::caller::{Caller, Holder};
use crate::collection::{Failure, Phase, View, Why};
use crate::heaps::fake::Fake;
use heapq_constraints::terms::{Member, Terms};
use heapq_constraints::{Constraint, Origin, Participant};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

const PAGE: u64 = 4096;

/// A participant: whose connection, and which number there.
#[derive(Clone, Debug)]
struct Seat(Holder, u32);

struct World {
    broker: Broker,
    now: Duration,
    works: VecDeque<Work>,
}

impl World {
    fn new() -> Self {
        Self::with(Fake::default())
    }

    fn with(fake: Fake) -> Self {
        Self::of(broker(fake, true))
    }

    fn of(broker: Broker) -> Self {
        Self { broker, now: Duration::ZERO, works: VecDeque::new() }
    }

    fn create(&mut self, holder: &str, terms: Terms) -> (Seat, Token) {
        let holder = Holder::new(holder);
        let entrant = entrant(&holder);
        let (seat, token) = self.broker.create_collection(&entrant.of(), terms, self.now).unwrap();
        (Seat(holder, seat), token)
    }

    fn join(
        &mut self,
        holder: &str,
        token: &Token,
        member: Member,
    ) -> Result<Seat, NegotiationError> {
        let holder = Holder::new(holder);
        let entrant = entrant(&holder);
        let seat = self.broker.join_collection(&entrant.of(), token, member, self.now)?;
        Ok(Seat(holder, seat))
    }

    /// Joins and is ready at once.
    fn enter(&mut self, holder: &str, token: &Token, member: Member) -> Seat {
        let seat = self.join(holder, token, member).unwrap();
        self.act(&seat, Action::Ready).unwrap();
        seat
    }

    fn act(&mut self, seat: &Seat, action: Action) -> Result<(), NegotiationError> {
        let work = self.broker.act(&seat.0, seat.1, action, self.now)?;
        self.works.extend(work);
        Ok(())
    }

    fn leave(&mut self, seat: &Seat) {
        self.act(seat, Action::Leave).unwrap();
        self.broker.vacate(&seat.0, seat.1);
    }

    fn lose(&mut self, seat: &Seat) {
        self.works.extend(self.broker.lost(&seat.0, self.now));
        self.broker.vacate(&seat.0, seat.1);
    }

    fn pass(&mut self, seat: &Seat, time: Duration) {
        self.now += time;
        self.act(seat, Action::Time).unwrap();
    }

    /// Carries out all that there is to do.
    fn settle(&mut self) {
        while let Some(work) = self.works.pop_front() {
            let now = self.now;
            self.works.extend(self.broker.carry_out(work, || now));
        }
    }

    fn view(&self, seat: &Seat) -> View {
        self.broker.view(&seat.0, seat.1).unwrap()
    }

    fn phase(&self, seat: &Seat) -> Phase {
        self.view(seat).phase
    }

    fn fails(&self, seat: &Seat) -> Arc<Failure> {
        self.view(seat).failure.expect("nothing failed").1
    }

    /// The inodes of all buffers of a lease, fetched.
    fn fetch(&mut self, seat: &Seat, lease: u64) -> Result<Vec<u64>, NegotiationError> {
        let mut inodes = Vec::new();
        loop {
            let first = u32::try_from(inodes.len()).unwrap();
            let window = Window { lease, first, most: 16 };
            let (some, work) = self.broker.fetch(&seat.0, seat.1, window, self.now)?;
            self.works.extend(work);
            if some.is_empty() {
                return Ok(inodes);
            }
            inodes.extend(some.iter().map(inode));
        }
    }

    /// The inodes of the newest buffers.
    fn buffers(&mut self, seat: &Seat) -> Vec<u64> {
        let lease = self.lease(seat);
        self.fetch(seat, lease).unwrap()
    }

    fn lease(&self, seat: &Seat) -> u64 {
        self.view(seat).buffers.expect("it has no buffers").lease
    }

    /// What is owed, after a look at what is gone.
    fn usage(&self) -> Vec<LeaseInfo> {
        self.broker.orphans.look();
        self.broker.usage()
    }

    /// That nothing is left of anybody.
    fn is_clean(&self) -> bool {
        self.broker.collections.lock().is_empty()
            && self.usage().is_empty()
            && self.broker.ledger.is_empty()
            && self.broker.admission.in_flight() == 0
    }
}

struct Someone<'a>(Caller, &'a Holder);

impl Someone<'_> {
    fn of(&self) -> Entrant<'_> {
        Entrant { caller: &self.0, holder: self.1, bell: Bell(Arc::new(|| ())) }
    }
}

fn entrant(holder: &Holder) -> Someone<'_> {
    Someone(Caller::myself(), holder)
}

fn inode(buffer: &OwnedFd) -> u64 {
    rustix::fs::fstat(buffer.as_fd()).unwrap().st_ino
}

fn member(name: &str, needs: &[Constraint]) -> Member {
    let mut participant = Participant::new(name);
    for need in needs {
        participant = participant.with(need.clone(), Origin::Client);
    }
    Member { participant, states: !needs.is_empty(), dispensable: false }
}

fn holding(name: &str, held: u32) -> Member {
    member(name, &[Constraint::MinSize(PAGE), Constraint::Held(held)])
}

fn conflicts(failure: &Failure) -> Vec<Vec<String>> {
    let Why::Answer(answer) = &*failure.why else { panic!("no answer: {failure:?}") };
    let Outcome::Conflict(answer) = &**answer else { panic!("no conflict: {failure:?}") };
    let names = |elements: &[heapq_constraints::answer::Element]| {
        elements.iter().map(|element| element.name.clone()).collect()
    };
    answer.conflicts.iter().map(|conflict| names(&conflict.elements)).collect()
}
