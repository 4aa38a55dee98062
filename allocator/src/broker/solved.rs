//! A question's answer with all that it follows from: it can be given again for as long as it holds,
//! and nothing is solved twice.

use super::machine::Machine;
use super::obtain::{For, Obtained, as_carried_out};
use super::payer::Accounts;
use super::rights::Rights;
use super::size::Size;
use super::{Arrival, AskError, Broker, Debt, Grant, Lease, Outcome, Standing, walk};
use crate::caller::Caller;
use heapq_constraints::answer::Plan;
use heapq_constraints::{
    Answer, HeapSet, Name, Origin, Question, Refused, solve, solve_unexplained,
};
use heapq_policies::Right;
use std::sync::Arc;

/// Most bytes and buffers of what is allocated in no time: clearing them takes some 50 µs.
const LITTLE: Size = Size { buffers: 16, bytes: 256 << 10 };

/// An answer, and for which machine and whose rights it was found. The same question has the same
/// answer while these are the same: solving is deterministic, and nothing that depends on the moment
/// (what is charged, what memory there is) has a part in it.
#[derive(Debug)]
pub struct Solved {
    machine: Arc<Machine>,
    /// Who keeps scarce heaps from the caller.
    withheld: Option<Origin>,
    heaps: HeapSet,
    answer: Arc<Answer>,
    /// What the buffers are called.
    name: Name,
}

impl Solved {
    /// The answer.
    #[must_use]
    pub fn answer(&self) -> &Arc<Answer> {
        &self.answer
    }

    /// Of how many parts a plan is made: a measure of the memory that it takes. `None`: no plan.
    #[must_use]
    pub fn parts(&self) -> Option<usize> {
        let Answer { eliminated, .. } = &*self.answer;
        let plan = self.plan()?;
        let reasons: usize = eliminated.iter().map(|one| one.reasons.len()).sum();
        let points: usize = plan.candidates.iter().map(|one| one.sync_points.len()).sum();
        Some(plan.candidates.len() + plan.planes.len() + eliminated.len() + reasons + points)
    }

    fn plan(&self) -> Option<&Plan> {
        self.answer.plan.as_ref()
    }
}

impl Broker {
    /// Answers a question for somebody who may allocate.
    ///
    /// # Errors
    /// What was malformed, unknown or not authorised. "No heap fits" is an answer.
    pub fn solve(&self, caller: &Caller, question: Question) -> Result<Solved, AskError> {
        let machine = self.machine();
        let rights = self.rights(&machine, caller);
        self.solved(machine, &rights, question, solve)
    }

    /// As [`Self::solve`], for somebody who has this standing and does not ask why: beside a plan the
    /// answer does not say why other heaps do not serve.
    ///
    /// # Errors
    /// As [`Self::solve`].
    pub fn solve_unexplained(
        &self,
        caller: &Caller,
        standing: &Standing,
        question: Question,
    ) -> Result<Solved, AskError> {
        let machine = self.machine();
        let rights = match standing.is_on(&machine) {
            true => standing.of(caller),
            false => self.rights(&machine, caller),
        };
        self.solved(machine, &rights, question, solve_unexplained)
    }

    fn solved(
        &self,
        machine: Arc<Machine>,
        rights: &Rights<'_>,
        question: Question,
        solve: impl Fn(&HeapSet, &Question) -> Result<Answer, Refused>,
    ) -> Result<Solved, AskError> {
        rights.demand(Right::Allocate)?;
        let name = question.participants.first().map(|one| one.name.clone()).unwrap_or_default();
        let question = machine.complete(question)?;
        let heaps = self.permitted(&machine, rights);
        let answer = Arc::new(solve(&heaps, &question)?);
        let withheld = rights.refused(Right::Scarce);
        Ok(Solved { machine, withheld, heaps, answer, name })
    }

    /// Whether `solved` is what [`Self::solve`] would find now for `caller`, who has this standing,
    /// if it was asked the question again that `solved` answers.
    #[must_use]
    pub fn holds(&self, solved: &Solved, caller: &Caller, standing: &Standing) -> bool {
        let machine = self.machine();
        // In a process of the caller's own the nodes themselves say who may open them.
        if self.config.privileged || !Arc::ptr_eq(&machine, &solved.machine) {
            return false;
        }
        let rights = standing.of(caller);
        standing.is_on(&machine)
            && rights.refused(Right::Allocate).is_none()
            && rights.refused(Right::Scarce) == solved.withheld
    }

    /// How many buffers `solved` gives in no time: they are little, and from a heap that gives single
    /// pages. What lies in one piece may have to be freed of what is there first. `None`: it takes
    /// time, or there is nothing to give.
    #[must_use]
    pub fn quick(&self, solved: &Solved) -> Option<usize> {
        let plan = solved.plan()?;
        let scattered = |name: &Name| solved.heaps.find(name).is_some_and(|heap| !heap.contiguous);
        let first = plan.candidates.first().is_some_and(|one| one.heaps.iter().all(scattered));
        let size = Size::of(plan).ok().filter(|size| size.within(LITTLE))?;
        if !first && !self.stand_in() {
            return None;
        }
        usize::try_from(size.buffers).ok()
    }

    /// Charges and allocates what was found, for `caller`, who has this standing. Blocks while the kernel
    /// clears memory. Buffers that cannot be handed on at once go back with [`Self::keep`].
    ///
    /// # Errors
    /// What failed. A conflict, a lack of memory and a full quota are outcomes.
    pub fn provide(
        &self,
        caller: &Caller,
        standing: &Standing,
        solved: &Solved,
    ) -> Result<Outcome, AskError> {
        let holder = standing.holder();
        let arrival = self.leases.arrive(holder);
        let others = Accounts::default();
        let accounts = standing.accounts_on(&solved.machine).unwrap_or(&others);
        self.provided(arrival, For { caller, holder, accounts }, solved)
    }

    pub(super) fn provided(
        &self,
        arrival: Arrival<'_>,
        whom: For<'_>,
        solved: &Solved,
    ) -> Result<Outcome, AskError> {
        let Solved { machine, heaps, answer, name, .. } = solved;
        let Some(plan) = solved.plan() else {
            return Ok(Outcome::Conflict(Answer::clone(answer)));
        };
        match self.obtain(whom, machine, heaps, answer, plan, name)? {
            Ok(Obtained { debt, buffers }) => self.hand_over(arrival, debt, answer, buffers),
            Err(outcome) => Ok(outcome),
        }
    }

    /// Makes a lease of what was allocated.
    fn hand_over(
        &self,
        arrival: Arrival<'_>,
        debt: Debt,
        answer: &Arc<Answer>,
        found: walk::Buffers,
    ) -> Result<Outcome, AskError> {
        let mut answer = answer.clone();
        // The plan speaks of its first candidate.
        if found.candidate > 0 {
            let plan = Arc::make_mut(&mut answer).plan.as_mut();
            plan.map(|plan| as_carried_out(plan, found.candidate));
        }
        let total_buffers = debt.buffers;
        let lease = Lease { debt, _ticket: found.ticket, kept: Vec::new() };
        let lease = self.leases.enter(arrival, lease)?;
        Ok(Outcome::Granted(Grant {
            lease,
            answer,
            candidate: found.candidate,
            buffers: found.buffers,
            total_buffers,
            fallback_from: found.tried,
            stand_in: self.stand_in(),
        }))
    }
}

#[cfg(test)]
mod tests;
