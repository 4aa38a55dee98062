//! What follows from what: here from what participants do. What follows from a job's end, and what
//! can begin, stand below.

mod begin;
mod ended;

use super::members::{Party, Standing, Turn, Wish};
use super::view::{Buffers, View};
use super::{Effect, Event, Generation, MemberId, Refused, Scope, Why};
use heapq_constraints::Name;
use heapq_constraints::terms::{Awaited, Member, Terms};
use heapq_constraints::vocabulary::MEMBERS;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// One collection.
#[derive(Debug)]
pub struct Collection {
    terms: Terms,
    since: Duration,
    members: BTreeMap<MemberId, Party>,
    /// How many have ever joined.
    arrived: u32,
    /// Names that are awaited and have not joined.
    expected: Vec<Name>,
    stage: Stage,
    /// Whose job is under way.
    busy: Option<Turn>,
    /// Whose wishes come next.
    queue: VecDeque<MemberId>,
    effects: Vec<Effect>,
}

#[derive(Debug)]
enum Stage {
    Gathering,
    Allocated {
        current: Generation,
        /// Superseded buffers, and until when they are served.
        old: Option<(Generation, Duration)>,
    },
    Failed,
}

impl Collection {
    /// An empty one. The first who joins is its creator.
    #[must_use]
    pub fn new(terms: Terms, now: Duration) -> Self {
        let expected = match &terms.awaited {
            Awaited::Names(names) => names.clone(),
            Awaited::Creator | Awaited::Count(_) => Vec::new(),
        };
        Self {
            terms,
            since: now,
            members: BTreeMap::new(),
            arrived: 0,
            expected,
            stage: Stage::Gathering,
            busy: None,
            queue: VecDeque::new(),
            effects: Vec::new(),
        }
    }

    /// Takes note of `event` at the time `now`, which never goes back.
    ///
    /// # Errors
    /// [`Refused`], when the event is not possible; nothing has changed then.
    pub fn step(&mut self, event: Event, now: Duration) -> Result<Vec<Effect>, Refused> {
        match event {
            Event::Join(id, member) => self.join(id, *member, now)?,
            Event::State(id, member) => self.state(id, *member)?,
            Event::Ready(id) => self.ready(id)?,
            Event::Grow(id, frames) => self.wish(id, Wish::Grow(frames))?,
            Event::Shrink(id, frames) => self.wish(id, Wish::Shrink(frames))?,
            Event::Fetched(id, lease) => self.fetched(id, lease)?,
            Event::Leave(id) => self.leave(id)?,
            Event::Lost(id) => self.lost(id)?,
            Event::Done(done) => self.done(done, now),
            Event::Time => {}
        }
        self.pass(now);
        self.advance();
        Ok(std::mem::take(&mut self.effects))
    }

    /// Whether nobody is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What is served: the newest buffers, and those that they supersede.
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {
        let both = match &self.stage {
            Stage::Allocated { current, old } => [Some(current), old.as_ref().map(|(old, _)| old)],
            Stage::Gathering | Stage::Failed => [None, None],
        };
        both.into_iter().flatten()
    }

    /// What `id` may know; `None` when it is not (or no longer) in.
    #[must_use]
    pub fn view(&self, id: MemberId) -> Option<View> {
        let party = self.members.get(&id)?;
        let (waits_for, missing) = self.waits_for();
        let buffers = match &self.stage {
            Stage::Allocated { current, .. } if party.is_in() => Some(Buffers {
                generation: current.number,
                lease: current.lease,
                frames: current.frames,
                changes: current.changes,
                allocation: current.allocation.clone(),
                alternative: current.allocation.plan.chosen_alternatives.get(&party.name).copied(),
            }),
            _ => None,
        };
        Some(View {
            name: party.name.clone(),
            phase: party.phase(),
            buffers,
            waits_for,
            missing,
            failure: party.failure.clone(),
            deadline: self.deadline(),
        })
    }

    /// Whether `id` may fetch buffers of `lease`.
    #[must_use]
    pub fn may_fetch(&self, id: MemberId, lease: u64) -> bool {
        let Some(Party { standing: Standing::In(at), .. }) = self.members.get(&id) else {
            return false;
        };
        // Superseded ones are for those who have not moved.
        self.generations().next().is_some_and(|current| current.lease == lease)
            || (*at == lease && self.generations().any(|one| one.lease == lease))
    }

    fn join(&mut self, id: MemberId, member: Member, now: Duration) -> Result<(), Refused> {
        let name = member.participant.name.clone();
        if self.members.len() >= MEMBERS {
            let found = self.members.len() + 1;
            return Err(Refused::TooMany { what: "participants", found, bound: MEMBERS });
        }
        if self.members.values().any(|party| party.name == name) {
            return Err(Refused::Name(name, "another participant bears it"));
        }
        self.expected.retain(|expected| *expected != name);
        self.arrived = self.arrived.saturating_add(1);
        let late = !matches!(self.stage, Stage::Gathering) || self.busy.is_some();
        self.members.insert(id, Party::new(member, late, now));
        self.effects.push(Effect::Tell);
        Ok(())
    }

    fn party(&mut self, id: MemberId) -> Result<&mut Party, Refused> {
        self.members.get_mut(&id).ok_or(Refused::Unknown)
    }

    fn state(&mut self, id: MemberId, member: Member) -> Result<(), Refused> {
        let begun = self.busy.is_some();
        let party = self.party(id)?;
        let open = match party.standing {
            Standing::Stating => true,
            Standing::Ready => !party.late && !begun,
            Standing::In(_) | Standing::Failed => false,
        };
        if !open {
            return Err(party.refuse("SetConstraints"));
        }
        if party.name != member.participant.name {
            return Err(Refused::Name(party.name.clone(), "a participant keeps its name"));
        }
        party.states(member);
        self.effects.push(Effect::Tell);
        Ok(())
    }

    fn ready(&mut self, id: MemberId) -> Result<(), Refused> {
        let newest = self.generations().next().map(|current| current.lease);
        let party = self.party(id)?;
        match party.standing {
            Standing::Stating => {
                party.standing = Standing::Ready;
                if party.late {
                    party.wish = Some(Wish::Join);
                    self.queue.push_back(id);
                }
            }
            Standing::In(_) => party.standing = Standing::In(newest.unwrap_or_default()),
            Standing::Ready => {}
            Standing::Failed => return Err(party.refuse("Ready")),
        }
        self.effects.push(Effect::Tell);
        Ok(())
    }

    fn wish(&mut self, id: MemberId, wish: Wish) -> Result<(), Refused> {
        if matches!(wish, Wish::Grow(0) | Wish::Shrink(0)) {
            return Err(Refused::NoFrames);
        }
        let party = self.party(id)?;
        if !party.is_in() {
            let what = if matches!(wish, Wish::Grow(_)) { "Grow" } else { "Shrink" };
            return Err(party.refuse(what));
        }
        if party.wish.is_some() {
            return Err(Refused::TooMany { what: "wishes of one participant", found: 2, bound: 1 });
        }
        party.wish = Some(wish);
        self.queue.push_back(id);
        Ok(())
    }

    fn fetched(&mut self, id: MemberId, lease: u64) -> Result<(), Refused> {
        let newest = self.generations().next().is_some_and(|current| current.lease == lease);
        let party = self.party(id)?;
        if newest && party.is_in() {
            party.standing = Standing::In(lease);
        }
        Ok(())
    }

    fn leave(&mut self, id: MemberId) -> Result<(), Refused> {
        self.members.remove(&id).ok_or(Refused::Unknown)?;
        self.forget(id);
        self.effects.push(Effect::Tell);
        Ok(())
    }

    fn lost(&mut self, id: MemberId) -> Result<(), Refused> {
        let party = self.party(id)?;
        let essential = party.lives() && !party.late && !party.dispensable;
        let name = party.name.clone();
        self.leave(id)?;
        if essential && self.terms.shared_fate {
            self.fail_all(Why::Lost(name));
        }
        Ok(())
    }

    /// What a participant needed, and waited for, counts no more.
    fn forget(&mut self, id: MemberId) {
        self.queue.retain(|waiting| *waiting != id);
        if let Stage::Allocated { current, .. } = &mut self.stage {
            current.cast.remove(&id);
        }
    }

    fn fail(&mut self, id: MemberId, of: Scope, why: Why) {
        if let Some(party) = self.members.get_mut(&id) {
            party.fail(of, Arc::new(why));
            if !party.lives() {
                self.forget(id);
            }
            self.effects.push(Effect::Tell);
        }
    }

    fn fail_all(&mut self, why: Why) {
        let why = Arc::new(why);
        for party in self.members.values_mut().filter(|party| party.lives()) {
            party.fail(Scope::Collection, why.clone());
        }
        self.queue.clear();
        self.effects.push(Effect::Tell);
        self.end();
    }

    /// Ends what is served.
    fn end(&mut self) {
        let leases: Vec<u64> = self.generations().map(|one| one.lease).collect();
        self.effects.extend(leases.into_iter().map(Effect::Retire));
        self.effects.push(Effect::Close);
        self.stage = Stage::Failed;
    }
}
