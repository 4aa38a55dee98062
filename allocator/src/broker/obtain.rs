//! From a plan to buffers: charged, then allocated, or neither.

use super::machine::Machine;
use super::payer::{Accounts, Payer};
use super::size::Size;
use super::{AskError, Broker, Outcome, walk};
use crate::account::{Debt, Trace};
use crate::caller::{Caller, Holder};
use crate::ledger::Charge;
use heapq_constraints::answer::Plan;
use heapq_constraints::{Answer, HeapSet, Name};
use std::os::fd::OwnedFd;
use std::time::Instant;

/// Who is given buffers, and who owes for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct For<'a> {
    pub(super) caller: &'a Caller,
    pub(super) holder: &'a Holder,
    pub(super) accounts: &'a Accounts,
}

/// Buffers and what is owed for them.
pub(super) struct Obtained {
    pub(super) debt: Debt,
    pub(super) buffers: walk::Buffers,
}

impl Broker {
    pub(super) fn payer<'a>(
        &'a self,
        machine: &'a Machine,
        heaps: &'a HeapSet,
        whom: For<'a>,
    ) -> Payer<'a> {
        Payer {
            ledger: &self.ledger,
            policies: (!self.config.privileged).then_some(&machine.policies),
            heaps,
            whom,
            bounds: self.bounds,
            orphans: &self.orphans,
        }
    }

    /// Charges and allocates what `plan` says; the inner error is an answer.
    pub(super) fn obtain(
        &self,
        whom: For<'_>,
        machine: &Machine,
        heaps: &HeapSet,
        answer: &Answer,
        plan: &Plan,
        name: &str,
    ) -> Result<Result<Obtained, Outcome>, AskError> {
        let payer = self.payer(machine, heaps, whom);
        let mut charge = match payer.charge(Size::of(plan)?) {
            Ok(charge) => charge,
            Err(over) => return Ok(Err(payer.refusal(&over))),
        };
        let walk = walk::Walk {
            heaps: &*self.heaps,
            admission: &self.admission,
            known: heaps,
            plan,
            name,
            payer: Some(&payer),
        };
        Ok(match walk.run(whom.caller)? {
            walk::Found::Buffers(mut buffers) => {
                buffers.charge.take().into_iter().for_each(|further| charge.join(further));
                let heaps = plan.candidates.get(buffers.candidate).map(|one| one.heaps.clone());
                let heaps = heaps.unwrap_or_default();
                let debt = debt(whom, charge, heaps, &buffers.buffers, self.stand_in())?;
                Ok(Obtained { debt, buffers })
            }
            walk::Found::OverQuota(over) => Err(payer.refusal(&over)),
            walk::Found::NoMemory(tried) => {
                Err(Outcome::NoMemory { answer: answer.clone(), tried })
            }
        })
    }
}

/// What is owed for buffers, of which lease will be said later.
pub(super) fn debt(
    whom: For<'_>,
    charge: Charge,
    heaps: Vec<Name>,
    buffers: &[OwnedFd],
    stand_in: bool,
) -> Result<Debt, AskError> {
    let trace = if stand_in { Trace::listed(buffers) } else { Trace::of(buffers) };
    let trace = trace.map_err(|source| {
        let what = "watching buffers (fs.epoll.max_user_watches bounds how many)";
        AskError::Io { what: what.to_owned(), source }
    })?;
    Ok(Debt {
        charge,
        trace,
        lease: 0,
        holder: whom.holder.clone(),
        uid: whom.caller.uid,
        pid: whom.caller.pid,
        process: whom.caller.process.clone(),
        heaps,
        buffers: u32::try_from(buffers.len()).unwrap_or(u32::MAX),
        since: Instant::now(),
    })
}

/// Makes `plan` say what was carried out, and of which heaps: it speaks of its first candidate.
pub(super) fn as_carried_out(plan: &mut Plan, candidate: usize) -> Vec<Name> {
    match plan.candidates.get(candidate) {
        Some(chosen) => {
            plan.sync_points.clone_from(&chosen.sync_points);
            chosen.heaps.clone()
        }
        None => Vec::new(),
    }
}
