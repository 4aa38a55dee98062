//! How one `Allocate` goes on a thread, from the question or from an answer that was found before.

use super::Allocator1;
use crate::error::Error;
use crate::gate::Call;
use crate::recall::Known;
use crate::refusals;
use crate::wire::{Asked, Reply, answer};
use heapq_allocator::Outcome;
use std::sync::Arc;

impl Allocator1 {
    /// Solves, where nothing is known, and allocates; `explain`: whether an answer with buffers is
    /// explained.
    pub(super) async fn provide(
        &self,
        call: &Arc<Call>,
        known: Result<Arc<Known>, Asked>,
        explain: bool,
    ) -> Result<(Reply, Outcome), Error> {
        let turns = self.service().allocations();
        let asked = self.ask(call, turns, move |broker, call| {
            let known = known.or_else(|asked| {
                let known = Known::find(broker, &call.caller, &asked);
                known.inspect_err(|why| refusals::refused(call, why))
            })?;
            let outcome = broker.provide(&call.caller, call.session.holder(), &known.solved);
            let outcome = outcome.map_err(Error::from);
            refusals::tell(call, &outcome);
            let outcome = outcome?;
            Ok((answer::allocated(&outcome, explain), outcome))
        });
        asked.await
    }
}
