//! What time brings, and what can begin.

use super::{Collection, Stage};
use crate::collection::members::{Party, Standing, Turn, Wish};
use crate::collection::{Effect, Job, MemberId, Scope, Why};
use heapq_constraints::terms::Awaited;
use heapq_constraints::{Name, Participant};
use std::time::Duration;

impl Collection {
    pub(super) fn pass(&mut self, now: Duration) {
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
    pub(super) fn deadline(&self) -> Option<Duration> {
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

    pub(super) fn waits_for(&self) -> (Vec<Name>, u32) {
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
    pub(super) fn advance(&mut self) {
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
        let onto = current.pinned(&self.terms.request);
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

    pub(super) fn start(&mut self, turn: Turn, job: Job) {
        self.busy = Some(turn);
        self.effects.push(Effect::Start(job));
    }

    /// Everybody who has buffers and a newcomer, solved as if nothing were there. Nobody who is in
    /// may be left out.
    pub(super) fn all_anew(&self, newcomer: MemberId) -> Job {
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
