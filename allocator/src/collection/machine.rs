//! What follows from what.

use super::members::{Party, Standing, Turn, Wish};
use super::view::{Buffers, View};
use super::{
    Allocation, Done, Effect, Event, Generation, Job, Made, MemberId, Pinned, Refused, Scope, Why,
};
use crate::broker::Outcome;
use heapq_constraints::terms::{Awaited, Member, Terms};
use heapq_constraints::vocabulary::MEMBERS;
use heapq_constraints::{Name, Participant};
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

/// What follows from a job's end.
impl Collection {
    fn done(&mut self, done: Done, now: Duration) {
        let Some(turn) = self.busy.take() else { return };
        if matches!(self.stage, Stage::Failed) {
            return;
        }
        match turn {
            Turn::All => self.first(done),
            Turn::Of(id, wish) => {
                let Some(party) = self.members.get_mut(&id) else { return };
                party.wish = None;
                match wish {
                    Wish::Join => self.fitted(id, done),
                    Wish::Grow(_) => self.grown(id, done),
                    Wish::Shrink(_) => self.shrunk(id, done),
                }
            }
            Turn::Migration(id) => self.migrated(id, done, now),
        }
    }

    fn first(&mut self, done: Done) {
        let made = match done {
            Done::Made(made) => made,
            Done::Failed(why) => return self.fail_all(why),
            Done::Fits { .. } | Done::Grown(_) | Done::Spared(_) => return,
        };
        let lease = made.lease;
        let there = self.members.iter().filter(|(_, party)| party.standing == Standing::Ready);
        let there: Vec<(MemberId, bool)> = there
            .filter(|(_, party)| !party.late)
            .map(|(id, party)| (*id, party.stated.is_none() || made.cast.contains_key(id)))
            .collect();
        self.adopt(made, None);
        for (id, served) in there {
            if served {
                self.moves(id, lease);
            } else {
                self.fail(id, Scope::Participant, Why::LeftOut);
            }
        }
    }

    /// Serves what was made, instead of or beside `old`.
    fn adopt(&mut self, mut made: Made, old: Option<(Generation, Duration)>) {
        made.cast.retain(|id, _| self.members.contains_key(id));
        let number = old.as_ref().map_or(1, |(old, _)| old.number + 1);
        self.effects.extend([Effect::Keep(made.lease), Effect::Tell]);
        self.stage = Stage::Allocated { current: Generation::new(number, made), old };
    }

    fn moves(&mut self, id: MemberId, lease: u64) {
        if let Some(party) = self.members.get_mut(&id) {
            party.standing = Standing::In(lease);
        }
    }

    fn fitted(&mut self, id: MemberId, done: Done) {
        let why = match done {
            Done::Fits { needs, allocation } => return self.fits(id, needs, allocation),
            Done::Failed(why) => why,
            Done::Made(_) | Done::Grown(_) | Done::Spared(_) => return,
        };
        let conflict =
            matches!(&why, Why::Answer(answer) if matches!(**answer, Outcome::Conflict(_)));
        let optional = self.members.get(&id).is_some_and(|party| party.optional);
        if conflict && self.terms.migrate && !optional {
            let job = self.all_anew(id);
            self.start(Turn::Migration(id), job);
        } else {
            self.fail(id, Scope::Participant, why);
        }
    }

    fn fits(&mut self, id: MemberId, needs: Option<Box<Participant>>, allocation: Arc<Allocation>) {
        let Stage::Allocated { current, .. } = &mut self.stage else { return };
        current.cast.extend(needs.map(|needs| (id, *needs)));
        if current.allocation.plan.sync_points != allocation.plan.sync_points {
            current.changes = current.changes.wrapping_add(1);
        }
        current.allocation = allocation;
        let lease = current.lease;
        self.moves(id, lease);
        self.effects.push(Effect::Tell);
    }

    fn grown(&mut self, id: MemberId, done: Done) {
        match done {
            Done::Grown(frames) => {
                let Stage::Allocated { current, .. } = &mut self.stage else { return };
                current.frames = current.frames.saturating_add(frames);
                current.changes = current.changes.wrapping_add(1);
                self.effects.extend([Effect::Keep(current.lease), Effect::Tell]);
                if let Some(party) = self.members.get_mut(&id) {
                    party.extra = party.extra.saturating_add(frames);
                }
            }
            Done::Failed(why) => self.fail(id, Scope::Grow, why),
            Done::Made(_) | Done::Fits { .. } | Done::Spared(_) => {}
        }
    }

    fn shrunk(&mut self, id: MemberId, done: Done) {
        let to = match done {
            Done::Spared(to) => to,
            Done::Failed(why) => return self.fail(id, Scope::Shrink, why),
            Done::Made(_) | Done::Fits { .. } | Done::Grown(_) => return,
        };
        let Stage::Allocated { current, .. } = &mut self.stage else { return };
        let spared = current.frames.saturating_sub(to);
        if spared == 0 {
            return self.fail(id, Scope::Shrink, Why::NothingToSpare);
        }
        current.frames = to;
        current.changes = current.changes.wrapping_add(1);
        self.effects.extend([Effect::Cut(current.lease, to), Effect::Tell]);
        if let Some(party) = self.members.get_mut(&id) {
            party.extra = party.extra.saturating_sub(spared);
        }
    }

    fn migrated(&mut self, id: MemberId, done: Done, now: Duration) {
        if !self.members.contains_key(&id) {
            return;
        }
        let made = match done {
            Done::Made(made) => made,
            Done::Failed(why) => return self.fail(id, Scope::Participant, why),
            Done::Fits { .. } | Done::Grown(_) | Done::Spared(_) => return,
        };
        let Stage::Allocated { current, .. } = std::mem::replace(&mut self.stage, Stage::Failed)
        else {
            return;
        };
        let until = now.saturating_add(self.terms.move_within);
        let lease = made.lease;
        self.adopt(made, Some((current, until)));
        self.moves(id, lease);
    }
}

/// What follows from time, and what can begin.
impl Collection {
    fn pass(&mut self, now: Duration) {
        if matches!(self.stage, Stage::Gathering)
            && self.busy.is_none()
            && now >= self.since.saturating_add(self.terms.ready_within)
            && !self.complete()
        {
            let (waits_for, _) = self.waits_for();
            self.fail_all(Why::NotReady(waits_for));
        }
        let within = self.terms.ready_within;
        let overdue = |party: &Party| {
            party.late
                && party.standing == Standing::Stating
                && now >= party.since.saturating_add(within)
        };
        let late: Vec<(MemberId, Name)> = self
            .members
            .iter()
            .filter(|(_, party)| overdue(party))
            .map(|(id, party)| (*id, party.name.clone()))
            .collect();
        for (id, name) in late {
            self.fail(id, Scope::Participant, Why::NotReady(vec![name]));
        }
        self.retire(now);
        let alive = self.members.values().any(Party::lives);
        if !alive && !matches!(self.stage, Stage::Failed) {
            self.end();
        }
    }

    /// Ends superseded buffers when nobody is left on them, or has been for too long.
    fn retire(&mut self, now: Duration) {
        let Stage::Allocated { old, .. } = &mut self.stage else { return };
        let waited_for =
            |lease| self.members.values().any(|one| one.standing == Standing::In(lease));
        if let Some((gone, _)) = old.take_if(|(old, until)| now >= *until || !waited_for(old.lease))
        {
            self.effects.extend([Effect::Retire(gone.lease), Effect::Tell]);
        }
    }

    /// When time by itself changes something.
    fn deadline(&self) -> Option<Duration> {
        let late =
            self.members.values().filter(|one| one.late && one.standing == Standing::Stating);
        let late = late.map(|party| party.since.saturating_add(self.terms.ready_within)).min();
        let own = match &self.stage {
            Stage::Gathering if self.busy.is_none() => {
                Some(self.since.saturating_add(self.terms.ready_within))
            }
            Stage::Allocated { old: Some((_, until)), .. } => Some(*until),
            _ => None,
        };
        [late, own].into_iter().flatten().min()
    }

    fn waits_for(&self) -> (Vec<Name>, u32) {
        if !matches!(self.stage, Stage::Gathering) {
            return (Vec::new(), 0);
        }
        let here = self.members.values().filter(|party| party.holds_up());
        let mut names: Vec<Name> = here.map(|party| party.name.clone()).collect();
        names.extend(self.expected.iter().cloned());
        let missing = match self.terms.awaited {
            Awaited::Count(count) => count.saturating_sub(self.arrived),
            Awaited::Creator | Awaited::Names(_) => 0,
        };
        (names, missing)
    }

    /// Whether all are ready for the first allocation.
    fn complete(&self) -> bool {
        let (names, missing) = self.waits_for();
        names.is_empty() && missing == 0 && self.members.values().any(|party| !party.late)
    }

    /// Begins what can be begun.
    fn advance(&mut self) {
        if self.busy.is_some() {
            return;
        }
        match &self.stage {
            Stage::Gathering if self.complete() => {
                let job = Job::Make {
                    members: self.question(|_| true),
                    request: self.terms.request.clone(),
                    extra: 0,
                };
                self.start(Turn::All, job);
            }
            Stage::Allocated { old: None, .. } => self.next(),
            Stage::Gathering | Stage::Allocated { .. } | Stage::Failed => {}
        }
    }

    fn next(&mut self) {
        let Some(id) = self.queue.pop_front() else { return };
        let Stage::Allocated { current, .. } = &self.stage else { return };
        let Some(party) = self.members.get(&id) else { return };
        let Some(wish) = party.wish else { return };
        let onto: Pinned = current.pinned(&self.terms.request);
        let job = match wish {
            Wish::Join => Job::Fit { newcomer: party.stated.clone().map(Box::new), onto },
            Wish::Grow(frames) => Job::Grow { frames, onto },
            Wish::Shrink(frames) => {
                let others = self.members.iter().filter(|(other, _)| **other != id);
                let others = others.fold(0_u32, |sum, (_, one)| sum.saturating_add(one.extra));
                Job::Shrink { frames, others, onto }
            }
        };
        self.start(Turn::Of(id, wish), job);
    }

    fn start(&mut self, turn: Turn, job: Job) {
        self.busy = Some(turn);
        self.effects.push(Effect::Start(job));
    }

    /// Everybody who has buffers and a newcomer, solved as if nothing were there. Nobody who is in
    /// may be left out.
    fn all_anew(&self, newcomer: MemberId) -> Job {
        let mut members =
            self.question(|(id, party): (&MemberId, &Party)| party.is_in() || *id == newcomer);
        members.iter_mut().for_each(|(_, participant)| participant.optional = false);
        let extra = self.members.values().fold(0_u32, |sum, one| sum.saturating_add(one.extra));
        Job::Make { members, request: self.terms.request.clone(), extra }
    }

    /// What is stated, in the order of the question.
    fn question(&self, of: impl Fn((&MemberId, &Party)) -> bool) -> Vec<(MemberId, Participant)> {
        let place = |name: &Name| match &self.terms.awaited {
            Awaited::Names(names) => names.iter().position(|one| one == name),
            Awaited::Creator | Awaited::Count(_) => None,
        };
        let mut stated: Vec<(MemberId, Participant)> = self
            .members
            .iter()
            .filter(|one| of(*one))
            .filter_map(|(id, party)| Some((*id, party.stated.clone()?)))
            .collect();
        stated.sort_by_key(|(id, one)| (place(&one.name).unwrap_or(usize::MAX), *id));
        stated
    }
}
