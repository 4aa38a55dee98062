//! Carrying out what a collection wants: solve, charge, allocate.

use super::Work;
use super::kept::Chunk;
use crate::broker::machine::Machine;
use crate::broker::obtain::{For, Obtained, as_carried_out};
use crate::broker::payer::Accounts;
use crate::broker::size::Size;
use crate::broker::{AskError, Broker, Outcome};
use crate::caller::Caller;
use crate::collection::{Allocation, Done, Event, Job, Made, MemberId, Pinned, Why, pinned};
use heapq_constraints::answer::Plan;
use heapq_constraints::vocabulary::ALLOCATION;
use heapq_constraints::{
    Answer, Constraint, HeapSet, Name, Origin, Participant, Question, Request, solve,
};
use heapq_policies::Right;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// What a job came to, with the buffers that it made.
type Ended = Result<(Done, Option<Chunk>), Why>;

impl Broker {
    /// Carries out what follows from participants' doings. Blocks while the kernel clears memory.
    /// What comes back has to be carried out in its turn.
    pub fn carry_out(&self, work: Work, clock: impl Fn() -> Duration) -> Option<Work> {
        let collection = work.collection;
        if !self.collections.lock().lives(collection) {
            return None;
        }
        // Whatever happens, it must be told, or everybody would wait for ever.
        let ended = catch_unwind(AssertUnwindSafe(|| self.job(work)));
        let ended = ended.unwrap_or_else(|_| {
            let source = std::io::Error::other("the service made a mistake");
            Err(AskError::Io { what: "a collection's job".into(), source }.into())
        });
        let (done, made) = ended.unwrap_or_else(|why| (Done::Failed(why), None));
        let followed = self.collections.lock().step(collection, Event::Done(done), made, clock());
        let (work, trash) = followed.ok()?;
        // Descriptors are closed without others having to wait for it.
        self.orphans.adopt(trash.drop());
        work
    }

    fn job(&self, work: Work) -> Ended {
        let accounts = &Accounts::default();
        let whom = For { caller: &work.caller, holder: &work.holder, accounts };
        match work.job {
            Job::Make { members, request, extra } => self.make(whom, members, request, extra),
            Job::Fit { newcomer, onto } => self.fit(newcomer, &onto),
            Job::Grow { frames, onto } => self.grow(whom, frames, &onto),
            Job::Shrink { frames, others, onto } => shrink(frames, others, &onto),
        }
    }

    fn make(
        &self,
        whom: For<'_>,
        members: Vec<(MemberId, Participant)>,
        request: Request,
        extra: u32,
    ) -> Ended {
        let machine = self.machine();
        let heaps = self.permitted_to(&machine, whom.caller)?;
        let ids: BTreeMap<Name, MemberId> =
            members.iter().map(|(id, one)| (one.name.clone(), *id)).collect();
        let participants: Vec<Participant> = members.into_iter().map(|(_, one)| one).collect();
        let name = participants.first().map(|one| one.name.clone()).unwrap_or_default();
        let question = Question { participants, request };
        let question = machine.complete(question)?;
        let answer = with_extra(solve(&heaps, &question)?, extra, |count| {
            let more =
                Participant::new(ALLOCATION).with(Constraint::MinCount(count), Origin::Allocation);
            let mut question = question.clone();
            question.participants.push(more);
            solve(&heaps, &question)
        })?;
        let Some(mut plan) = answer.plan.clone() else {
            return Err(Outcome::Conflict(answer).into());
        };
        let obtained = self.obtain(whom, &machine, &heaps, &answer, &plan, &name)??;
        let candidate = obtained.buffers.candidate;
        let chosen = as_carried_out(&mut plan, candidate);
        let cast = pinned::granted(&question, &plan);
        let allocation = Allocation {
            shape: pinned::shape(&plan, &chosen, &heaps),
            made_for: cast.clone(),
            answer: Answer { plan: Some(plan.clone()), ..answer },
            candidate,
            heaps,
            plan,
        };
        let made = Made {
            lease: self.leases.number(),
            frames: allocation.plan.count,
            cast: cast.into_iter().filter_map(|one| Some((*ids.get(&one.name)?, one))).collect(),
            allocation: Arc::new(allocation),
        };
        let chunk = chunk(obtained);
        Ok((Done::Made(made), Some(chunk)))
    }

    fn fit(&self, newcomer: Option<Box<Participant>>, onto: &Pinned) -> Ended {
        let Some(newcomer) = newcomer else {
            return Ok((Done::Fits { needs: None, allocation: onto.allocation.clone() }, None));
        };
        let machine = self.machine();
        let question = Question { participants: vec![*newcomer], request: Request::default() };
        let mut question = machine.complete(question)?;
        let mut newcomer = question.participants.pop();
        if let Some(newcomer) = &mut newcomer {
            newcomer.optional = false;
        }
        let counts = [Constraint::MinCount(onto.frames), Constraint::MaxCount(onto.frames)];
        let (question, answer) = pinned::solved(onto, newcomer.as_ref(), counts)?;
        let Some(plan) = &answer.plan else {
            return Err(Outcome::Conflict(answer).into());
        };
        let granted = pinned::granted(&question, plan);
        let needs =
            granted.into_iter().find(|one| Some(&one.name) == newcomer.as_ref().map(|n| &n.name));
        Ok((
            Done::Fits {
                needs: needs.map(Box::new),
                allocation: Arc::new(onto.allocation.with(&answer)),
            },
            None,
        ))
    }

    fn grow(&self, whom: For<'_>, frames: u32, onto: &Pinned) -> Ended {
        // The creator may have lost its grant since.
        self.authorise(whom.caller, Right::Allocate)?;
        let all = onto.frames.saturating_add(frames);
        let (_, answer) = pinned::solved(onto, None, [Constraint::MinCount(all)])?;
        let Some(plan) = &answer.plan else {
            return Err(Outcome::Conflict(answer).into());
        };
        Size::of(plan)?;
        let there = &onto.allocation;
        let more = Plan {
            candidates: there.chosen().cloned().into_iter().collect(),
            count: plan.count.saturating_sub(onto.frames),
            ..there.plan.clone()
        };
        let name = onto.cast.first().map(|one| &*one.name).unwrap_or_default();
        let obtained =
            self.obtain(whom, &self.machine(), &there.heaps, &there.answer, &more, name)??;
        Ok((Done::Grown(more.count), Some(chunk(obtained))))
    }

    /// The heaps as a caller may use them.
    fn permitted_to(&self, machine: &Machine, caller: &Caller) -> Result<HeapSet, AskError> {
        let rights = self.rights(machine, caller);
        rights.demand(Right::Allocate)?;
        Ok(self.permitted(machine, &rights))
    }
}

/// The answer for `extra` frames more than the needs come to.
fn with_extra<E>(
    answer: Answer,
    extra: u32,
    again: impl FnOnce(u32) -> Result<Answer, E>,
) -> Result<Answer, E> {
    match &answer.plan {
        Some(plan) if extra > 0 => again(plan.count.saturating_add(extra)),
        _ => Ok(answer),
    }
}

fn shrink(frames: u32, others: u32, onto: &Pinned) -> Ended {
    let (_, answer) = pinned::solved(onto, None, [Constraint::MaxCount(onto.frames)])?;
    let Some(plan) = &answer.plan else {
        return Err(Outcome::Conflict(answer).into());
    };
    let needed = plan.count.saturating_add(others);
    let to = onto.frames.saturating_sub(frames).max(needed).min(onto.frames);
    Ok((Done::Spared(to), None))
}

fn chunk(obtained: Obtained) -> Chunk {
    let Obtained { debt, buffers } = obtained;
    Chunk { debt, ticket: buffers.ticket, buffers: buffers.buffers }
}
