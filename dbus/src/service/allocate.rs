//! How one `Allocate` goes on a thread, from the question or from an answer that was found before.

use super::Allocator1;
use crate::error::Error;
use crate::gate::Call;
use crate::recall::Known;
use crate::refusals;
use crate::wire::{Asked, Reply, answer};
use heapq_allocator::Outcome;
use heapq_constraints::Answer;
use std::sync::Arc;

impl Allocator1 {
    /// Solves, where nothing is `known`, and allocates; `explain`: whether an answer with buffers is
    /// explained.
    pub(super) async fn provide(
        &self,
        call: &Arc<Call>,
        known: Option<Arc<Known>>,
        asked: Asked,
        explain: bool,
    ) -> Result<(Reply, Outcome), Error> {
        let turns = self.service().allocations();
        let done = self.ask(call, turns, move |broker, call| {
            let solve = || {
                let solve = |question| broker.solve(&call.caller, question);
                let found = Known::find(broker, &asked, solve);
                found.inspect_err(|why| refusals::refused(call, why))
            };
            let recalled = known.is_some();
            let known = known.map_or_else(solve, Ok)?;
            let standing = call.session.standing(broker, &call.caller);
            let outcome = broker.provide(&call.caller, &standing, &known.solved);
            let mut outcome = outcome.map_err(Error::from);
            refusals::tell(call, &outcome);
            // What was found before may say less than this outcome has to.
            if let Ok(Outcome::NoMemory { answer, .. }) = &mut outcome
                && recalled
            {
                *answer = Answer::clone(solve()?.solved.answer());
            }
            let outcome = outcome?;
            Ok((answer::allocated(&outcome, explain), outcome))
        });
        done.await
    }
}
