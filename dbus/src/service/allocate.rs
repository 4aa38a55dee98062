//! How one `Allocate` goes: from the question or from an answer that was found before, and at once
//! where that takes no time, else on a thread.

use super::Allocator1;
use crate::error::Error;
use crate::gate::Call;
use crate::recall::Known;
use crate::refusals;
use crate::wire::answer;
use crate::wire::{Asked, Reply};
use heapq_allocator::{Broker, Outcome};
use std::sync::Arc;

/// Participants, and keys of them all, of a question that is solved at once.
const FEW: (usize, usize) = (4, 32);

/// How far a request has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// It was read.
    Asked(Asked),
    /// It is solved, or was asked before.
    Known(Arc<Known>),
}

/// What a request came to, and what was found for it.
pub(super) type Provided = (Reply, Outcome, Arc<Known>);

impl Allocator1 {
    /// Goes on from `stage`; `explain`: whether an answer with buffers is explained.
    pub(super) async fn provide(
        &self,
        call: &Arc<Call>,
        stage: Stage,
        explain: bool,
    ) -> Result<Provided, Error> {
        let stage = match self.at_once(call, stage, explain)? {
            Ok(provided) => return Ok(provided),
            Err(stage) => stage,
        };
        let turns = self.service().allocations();
        let asked = self.ask(call, turns, move |broker, call| {
            let known = match stage {
                Stage::Asked(asked) => solve(broker, call, &asked)?,
                Stage::Known(known) => known,
            };
            provide(broker, call, known, explain)
        });
        asked.await
    }

    /// The same, if it takes no time; else how far it came.
    fn at_once(
        &self,
        call: &Call,
        stage: Stage,
        explain: bool,
    ) -> Result<Result<Provided, Stage>, Error> {
        let broker = self.service().broker();
        let known = match stage {
            Stage::Known(known) => known,
            Stage::Asked(asked) => match self.service().moments().begin(call.caller.uid) {
                Some(_ends_here) if is_short(&asked) => solve(broker, call, &asked)?,
                _ => return Ok(Err(Stage::Asked(asked))),
            },
        };
        match broker.is_quick(&known.solved) && !explain && !call.session.is_gone() {
            true => provide(broker, call, known, explain).map(Ok),
            false => Ok(Err(Stage::Known(known))),
        }
    }
}

fn is_short(asked: &Asked) -> bool {
    let keys = asked.participants.iter().map(|one| one.entries.len()).sum::<usize>();
    asked.participants.len() <= FEW.0 && keys <= FEW.1
}

fn solve(broker: &Broker, call: &Call, asked: &Asked) -> Result<Arc<Known>, Error> {
    let question = asked.question().map_err(|complaints| Error::invalid(&complaints))?;
    let solved = broker.solve(&call.caller, question).map_err(Error::from);
    Ok(Arc::new(Known::of(solved.inspect_err(|why| refusals::refused(call, why))?)))
}

fn provide(
    broker: &Broker,
    call: &Call,
    known: Arc<Known>,
    explain: bool,
) -> Result<Provided, Error> {
    let outcome = broker.provide(&call.caller, call.session.holder(), &known.solved);
    let outcome = outcome.map_err(Error::from);
    refusals::tell(call, &outcome);
    let outcome = outcome?;
    Ok((answer::provided(&outcome, &known.said, explain), outcome, known))
}
