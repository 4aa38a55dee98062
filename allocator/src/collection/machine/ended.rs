//! What follows from a job's end.

use super::{Collection, Stage};
use crate::broker::Outcome;
use crate::collection::members::{Standing, Turn, Wish};
use crate::collection::{Allocation, Done, Effect, Generation, Made, MemberId, Scope, Why};
use heapq_constraints::Participant;
use std::sync::Arc;
use std::time::Duration;

impl Collection {
    pub(super) fn done(&mut self, done: Done, now: Duration) {
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
