//! Who is in which collection.

use super::kept::{Chunk, Kept};
use super::{Entrant, NegotiationError, Token, Window, Work};
use crate::account::{Debt, LeaseInfo};
use crate::broker::{AskError, UnknownLease};
use crate::caller::{Caller, Holder};
use crate::collection::{Collection, Effect, Event, MemberId, View};
use heapq_constraints::Participant;
use heapq_constraints::terms::{Member, Terms};
use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Memberships that one connection may have.
pub const COLLECTIONS_OF_HOLDER: usize = 256;
/// Memberships that one user may have.
pub const COLLECTIONS_OF_USER: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Books {
    last: u64,
    all: HashMap<u64, Entry>,
    tokens: HashMap<Token, u64>,
    seats: HashMap<Holder, BTreeMap<u32, Seat>>,
    /// Memberships by user.
    users: HashMap<u32, usize>,
}

/// One collection with all that its state machine does not know.
#[derive(Debug)]
struct Entry {
    machine: Collection,
    caller: Caller,
    holder: Holder,
    token: Token,
    expires: Duration,
    joins: u32,
    last: u32,
    bells: BTreeMap<MemberId, super::Bell>,
    kept: BTreeMap<u64, Kept>,
}

#[derive(Debug)]
struct Seat {
    uid: u32,
    /// `None`: the membership has ended, and its last signals are still to come.
    place: Option<(u64, MemberId)>,
}

/// What is to be dropped when the books are closed again: it takes time.
#[derive(Debug, Default)]
pub(super) struct Trash(Vec<Kept>);

impl Trash {
    /// Closes what is in it; what is owed for that goes on.
    pub(super) fn drop(self) -> impl Iterator<Item = Debt> {
        self.0.into_iter().flat_map(Kept::close)
    }
}

type Followed = (Option<Work>, Trash);

impl Books {
    pub(super) fn create(
        &mut self,
        entrant: &Entrant<'_>,
        terms: Terms,
        token: Token,
        now: Duration,
    ) -> Result<u32, NegotiationError> {
        let seat = self.room(entrant)?;
        let participant = Participant::new(terms.name.clone());
        let creator = Member { participant, states: false, dispensable: false };
        self.last += 1;
        let entry = Entry {
            caller: entrant.caller.clone(),
            holder: entrant.holder.clone(),
            token: token.clone(),
            expires: now.saturating_add(terms.token_lifetime),
            joins: terms.joins,
            last: 0,
            bells: BTreeMap::new(),
            kept: BTreeMap::new(),
            machine: Collection::new(terms, now),
        };
        let collection = self.last;
        self.all.insert(collection, entry);
        self.tokens.insert(token, collection);
        self.enter(entrant, collection, seat, creator, now)?;
        Ok(seat)
    }

    pub(super) fn join(
        &mut self,
        entrant: &Entrant<'_>,
        token: &Token,
        member: Member,
        now: Duration,
    ) -> Result<u32, NegotiationError> {
        let unknown = || NegotiationError::UnknownToken;
        let collection = *self.tokens.get(token).ok_or_else(unknown)?;
        let entry = self.all.get(&collection).ok_or_else(unknown)?;
        if entry.joins == 0 || now >= entry.expires {
            self.tokens.remove(token);
            return Err(unknown());
        }
        let seat = self.room(entrant)?;
        self.enter(entrant, collection, seat, member, now)?;
        if let Some(entry) = self.all.get_mut(&collection) {
            entry.joins -= 1;
        }
        Ok(seat)
    }

    /// The number that a further membership would get.
    fn room(&self, entrant: &Entrant<'_>) -> Result<u32, NegotiationError> {
        let bounded = |what, found: usize, bound: usize| {
            let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
            let (found, bound) = (number(found), number(bound));
            if found < bound {
                Ok(())
            } else {
                Err(AskError::TooMany { what, found: found + 1, bound })
            }
        };
        let seats = self.seats.get(entrant.holder);
        let own = seats.map_or(0, BTreeMap::len);
        bounded("memberships of one client", own, COLLECTIONS_OF_HOLDER)?;
        let users = self.users.get(&entrant.caller.uid).copied().unwrap_or_default();
        bounded("memberships of one user", users, COLLECTIONS_OF_USER)?;
        let taken = |number: &u32| seats.is_some_and(|seats| seats.contains_key(number));
        Ok((0..u32::MAX).find(|number| !taken(number)).unwrap_or_default())
    }

    fn enter(
        &mut self,
        entrant: &Entrant<'_>,
        collection: u64,
        seat: u32,
        member: Member,
        now: Duration,
    ) -> Result<(), NegotiationError> {
        let entry = self.all.get_mut(&collection).ok_or(NegotiationError::UnknownToken)?;
        let id = MemberId(entry.last);
        entry.machine.step(Event::Join(id, Box::new(member)), now)?;
        entry.last += 1;
        // The others see another name that they wait for.
        entry.bells.values().for_each(|bell| (bell.0)());
        entry.bells.insert(id, entrant.bell.clone());
        let uid = entrant.caller.uid;
        let seats = self.seats.entry(entrant.holder.clone()).or_default();
        seats.insert(seat, Seat { uid, place: Some((collection, id)) });
        *self.users.entry(uid).or_default() += 1;
        Ok(())
    }

    fn place(&self, holder: &Holder, seat: u32) -> Option<(u64, MemberId)> {
        self.seats.get(holder)?.get(&seat)?.place
    }

    pub(super) fn view(&self, holder: &Holder, seat: u32) -> Option<View> {
        let (collection, id) = self.place(holder, seat)?;
        self.all.get(&collection)?.machine.view(id)
    }

    pub(super) fn act(
        &mut self,
        holder: &Holder,
        seat: u32,
        event: impl FnOnce(MemberId) -> Event,
        now: Duration,
    ) -> Result<Followed, NegotiationError> {
        let place = self.place(holder, seat).ok_or(NegotiationError::UnknownParticipant)?;
        let event = event(place.1);
        if matches!(event, Event::Leave(_)) {
            self.unseat(holder, seat);
        }
        self.step(place.0, event, None, now)
    }

    pub(super) fn fetch(
        &mut self,
        holder: &Holder,
        seat: u32,
        Window { lease, first, most }: Window,
        now: Duration,
    ) -> Result<(Vec<OwnedFd>, Followed), NegotiationError> {
        let unknown = || NegotiationError::UnknownParticipant;
        let (collection, id) = self.place(holder, seat).ok_or_else(unknown)?;
        let entry = self.all.get(&collection).ok_or_else(unknown)?;
        let kept = entry.kept.get(&lease).filter(|_| entry.machine.may_fetch(id, lease));
        let kept = kept.ok_or_else(|| AskError::from(UnknownLease(lease)))?;
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let buffers = kept
            .fetch(first, most)
            .map_err(|source| AskError::Io { what: format!("buffers of lease {lease}"), source })?;
        let followed = if first.saturating_add(buffers.len()) >= kept.count() {
            self.step(collection, Event::Fetched(id, lease), None, now)?
        } else {
            (None, Trash::default())
        };
        Ok((buffers, followed))
    }

    pub(super) fn lost(&mut self, holder: &Holder, now: Duration) -> (Vec<Work>, Vec<Trash>) {
        let seats: Vec<u32> =
            self.seats.get(holder).into_iter().flatten().map(|(n, _)| *n).collect();
        let mut followed = Vec::new();
        for seat in seats {
            if let Some((collection, id)) = self.unseat(holder, seat) {
                followed.extend(self.step(collection, Event::Lost(id), None, now));
            }
        }
        let (work, trash): (Vec<_>, Vec<_>) = followed.into_iter().unzip();
        (work.into_iter().flatten().collect(), trash)
    }

    /// Ends a membership for its owner; its number stays taken until it is vacated.
    fn unseat(&mut self, holder: &Holder, seat: u32) -> Option<(u64, MemberId)> {
        self.seats.get_mut(holder)?.get_mut(&seat)?.place.take()
    }

    pub(super) fn vacate(&mut self, holder: &Holder, seat: u32) {
        let Some(seats) = self.seats.get_mut(holder) else { return };
        if seats.get(&seat).is_none_or(|seat| seat.place.is_some()) {
            return;
        }
        if let Some(gone) = seats.remove(&seat)
            && let Some(count) = self.users.get_mut(&gone.uid)
        {
            *count -= 1;
            if *count == 0 {
                self.users.remove(&gone.uid);
            }
        }
        if seats.is_empty() {
            self.seats.remove(holder);
        }
    }

    /// Whether anybody is there to whom work would matter.
    pub(super) fn lives(&self, collection: u64) -> bool {
        self.all.contains_key(&collection)
    }

    /// Lets something happen to a collection, with the buffers that a job made for it.
    pub(super) fn step(
        &mut self,
        collection: u64,
        event: Event,
        mut made: Option<Chunk>,
        now: Duration,
    ) -> Result<Followed, NegotiationError> {
        let unknown = NegotiationError::UnknownParticipant;
        let Some(entry) = self.all.get_mut(&collection) else { return Err(unknown) };
        let gone = match &event {
            Event::Leave(id) | Event::Lost(id) => Some(*id),
            _ => None,
        };
        let effects = entry.machine.step(event, now)?;
        let (mut work, mut trash) = (None, Trash::default());
        for effect in effects {
            match effect {
                Effect::Start(job) => {
                    let (caller, holder) = (entry.caller.clone(), entry.holder.clone());
                    work = Some(Work { collection, caller, holder, job });
                }
                Effect::Keep(lease) => {
                    made.take().into_iter().for_each(|mut chunk| {
                        chunk.debt.lease = lease;
                        entry.kept.entry(lease).or_default().push(chunk);
                    });
                }
                Effect::Cut(lease, frames) => {
                    trash.0.extend(entry.kept.get_mut(&lease).map(|kept| kept.cut(frames)));
                }
                Effect::Retire(lease) => trash.0.extend(entry.kept.remove(&lease)),
                Effect::Tell => entry.bells.values().for_each(|bell| (bell.0)()),
                Effect::Close => {
                    self.tokens.remove(&entry.token);
                }
            }
        }
        if let Some(bell) = gone.and_then(|id| entry.bells.remove(&id)) {
            (bell.0)();
        }
        if entry.machine.is_empty() {
            let gone = self.all.remove(&collection);
            trash.0.extend(gone.into_iter().flat_map(|entry| entry.kept.into_values()));
        }
        let spare = made.into_iter().map(|chunk| {
            let mut unwanted = Kept::default();
            unwanted.push(chunk);
            unwanted
        });
        trash.0.extend(spare);
        Ok((work, trash))
    }

    pub(super) fn leases(&self) -> Vec<LeaseInfo> {
        let kept = self.all.values().flat_map(|entry| entry.kept.values());
        kept.flat_map(Kept::debts).map(|debt| debt.info(false)).collect()
    }

    /// All buffers of a lease.
    #[cfg(test)]
    pub(super) fn peek(&self, lease: u64) -> Vec<OwnedFd> {
        let kept = self.all.values().find_map(|entry| entry.kept.get(&lease));
        kept.map(|kept| kept.fetch(0, usize::MAX).unwrap()).unwrap_or_default()
    }

    /// How many memberships there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.users.values().sum()
    }

    /// Whether nothing is left of anybody.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
            && self.tokens.is_empty()
            && self.seats.is_empty()
            && self.users.is_empty()
    }
}
