//! The one use case: take a question, solve it on the current topology, allocate what the plan
//! says, and keep account of it until it is given back.

mod adopt;
mod answer;
mod collections;
mod config;
mod leases;
mod machine;
mod obtain;
mod open;
mod payer;
mod rights;
mod size;
mod solved;
#[cfg(test)]
mod tests;
pub(crate) mod walk;
mod wrap;

pub use adopt::NoBuffer;
pub use answer::{AskError, Grant, Outcome, UnknownLease};
pub use collections::{
    Action, Bell, COLLECTIONS_OF_HOLDER, COLLECTIONS_OF_USER, Entrant, NegotiationError, Token,
    Window, Work,
};
pub use config::{Config, OpenError, Reloaded};
pub use open::OpenHeap;
pub use rights::Standing;
pub use size::BUFFERS_MAX;
pub use solved::Solved;

use crate::account::{Debt, LeaseInfo, Orphans};
use crate::admission::{Admission, Gauge, Meminfo};
use crate::caller::{Caller, Holder};
use crate::discover::{Observation, snapshot};
use crate::heaps::{Heaps, Nodes, StandIn, Watched};
use crate::ledger::{Bounds, Ledger};
use crate::topology::Topology;
use collections::Collections;
use heapq_constraints::{Answer, Question, solve};
use heapq_policies::{Diagnostic, PolicySet};
use leases::{Arrival, Lease, Leases};
use machine::Machine;
use obtain::For;
use open::Opened;
use payer::Accounts;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use wrap::Wrapped;

/// Serves requests. Cheap to share: all methods take `&self`, and requests keep the topology that
/// they began with.
#[derive(Debug)]
pub struct Broker {
    config: Config,
    machine: RwLock<Arc<Machine>>,
    /// Held while the machine is read again: of two readings the one that began later must win, and
    /// none may bring back policies that another has replaced meanwhile.
    reading: Mutex<()>,
    heaps: Box<dyn Heaps>,
    admission: Admission,
    /// Of a user, where no policy says.
    bounds: Bounds,
    ledger: Ledger,
    leases: Leases,
    collections: Collections,
    orphans: Orphans,
    wrapped: Wrapped,
    opened: Opened,
}

impl Broker {
    /// Reads policies and machine, and is ready to serve.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read at all. Errors in policy files are diagnostics:
    /// such a file is left out.
    pub fn open(config: Config) -> Result<(Self, Vec<Diagnostic>), OpenError> {
        let nodes = Nodes::below(&config.root);
        let heaps: Box<dyn Heaps> = match (config.stand_in, &config.board) {
            (true, _) => Box::new(StandIn),
            (false, None) => Box::new(Watched::new(Box::new(nodes))),
            (false, Some(_)) => Box::new(Watched::new(Box::new(nodes.for_another_machine()))),
        };
        // Whatever machine is described: it is this one whose memory is taken.
        Self::with(config, heaps, Meminfo::default())
    }

    fn with(
        config: Config,
        heaps: Box<dyn Heaps>,
        gauge: impl Gauge + 'static,
    ) -> Result<(Self, Vec<Diagnostic>), OpenError> {
        let (machine, diagnostics) = Machine::read(&config)?;
        let memory = gauge.read().map_or(0, |memory| memory.total);
        let broker = Self {
            config,
            machine: RwLock::new(Arc::new(machine)),
            reading: Mutex::default(),
            heaps,
            admission: Admission::new(gauge),
            bounds: Bounds::user(memory),
            ledger: Ledger::default(),
            leases: Leases::default(),
            collections: Collections::default(),
            orphans: Orphans::default(),
            wrapped: Wrapped::default(),
            opened: Opened::default(),
        };
        Ok((broker, diagnostics))
    }

    /// What would be allocated. Changes nothing, and needs no grant; heaps that the caller may not
    /// have are `not-permitted`.
    ///
    /// # Errors
    /// What was malformed or unknown. "No heap fits" is an answer.
    pub fn plan(&self, caller: &Caller, question: Question) -> Result<Answer, AskError> {
        let machine = self.machine();
        let rights = self.rights(&machine, caller);
        let question = machine.complete(question)?;
        Ok(solve(&self.permitted(&machine, &rights), &question)?)
    }

    /// Solves, charges, allocates. Blocks while the kernel clears memory. Buffers that cannot be
    /// handed on at once go back with [`Self::keep`].
    ///
    /// # Errors
    /// What was malformed, unknown, not authorised, or failed. A conflict, a lack of memory and a
    /// full quota are outcomes.
    pub fn allocate(
        &self,
        caller: &Caller,
        holder: &Holder,
        question: Question,
    ) -> Result<Outcome, AskError> {
        // From here on a holder that leaves is noticed.
        let arrival = self.leases.arrive(holder);
        let solved = self.solve(caller, question)?;
        let accounts = &Accounts::default();
        self.provided(arrival, For { caller, holder, accounts }, &solved)
    }

    /// Keeps the last `buffers` of a lease, in place of those kept before.
    ///
    /// # Errors
    /// A lease that `holder` does not hold (any more): they are closed.
    pub fn keep(
        &self,
        holder: &Holder,
        lease: u64,
        buffers: Vec<OwnedFd>,
    ) -> Result<(), UnknownLease> {
        self.leases.keep(holder, lease, buffers)
    }

    /// Copies of the kept buffers of a lease from index `first` on, `most` at most; none when
    /// `first` is past the last.
    ///
    /// # Errors
    /// A lease that `holder` does not hold, a buffer that is not kept, or no file descriptors left.
    pub fn more(
        &self,
        holder: &Holder,
        lease: u64,
        first: u32,
        most: usize,
    ) -> Result<Vec<OwnedFd>, AskError> {
        self.leases.more(holder, lease, first, most)
    }

    /// Ends a lease.
    ///
    /// # Errors
    /// A lease that `holder` does not hold.
    pub fn release(&self, holder: &Holder, lease: u64) -> Result<(), UnknownLease> {
        let debt = self.leases.release(holder, lease)?;
        self.orphans.adopt(Some(debt).filter(|debt| !debt.is_gone()));
        Ok(())
    }

    /// Ends all leases of a holder that left, those that are being made for it included.
    pub fn left(&self, holder: &Holder) {
        self.orphans.adopt(self.leases.left(holder));
        self.wrapped.left(holder);
        self.opened.left(holder);
    }

    /// The machine as the next request will see it.
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.machine().topology)
    }

    /// The machine as far as others may see it, to be written down.
    #[must_use]
    pub fn snapshot(&self) -> Observation {
        let machine = self.machine();
        snapshot::share(&machine.seen, &machine.topology)
    }

    /// The policies that apply.
    #[must_use]
    pub fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.machine().policies)
    }

    /// Whether buffers are plain memfds and no dma-bufs.
    #[must_use]
    pub fn stand_in(&self) -> bool {
        self.heaps.stand_in()
    }

    /// Reads the machine again. The generation counts up only when something is different.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read; the topology stays.
    pub fn rescan(&self) -> Result<Arc<Topology>, OpenError> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.machine();
        if let Some(now) = before.rescanned(&self.config)? {
            *self.machine.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        }
        Ok(self.topology())
    }

    /// Reads the policies again, then the machine. A set in which a file has an error does not take
    /// the place of one that serves.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read; policies and topology stay.
    pub fn reload(&self) -> Result<Reloaded, OpenError> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, diagnostics) = self.machine().reloaded(&self.config)?;
        let applies = now.is_some();
        if let Some(now) = now {
            *self.machine.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        }
        Ok(Reloaded { diagnostics, applies })
    }

    /// All leases, and all that outlived theirs, in the order of their numbers; then, without a
    /// number, heaps that clients have open.
    #[must_use]
    pub fn usage(&self) -> Vec<LeaseInfo> {
        let mut all = self.leases.list();
        all.extend(self.collected());
        all.append(&mut self.orphans.list());
        all.sort_by_key(|info| (info.lease, info.orphaned));
        // A lease that grew owes in parts.
        all.dedup_by(|more, info| {
            let same = (more.lease, more.orphaned) == (info.lease, info.orphaned);
            if same {
                info.add(more);
            }
            same
        });
        all.append(&mut self.opened.list());
        all
    }

    /// Gives charges back when the memory is gone, for ever. For a thread of its own, which sleeps
    /// while every charge has its lease.
    pub fn keep_accounts(&self) -> ! {
        self.orphans.keep()
    }

    fn machine(&self) -> Arc<Machine> {
        Arc::clone(&self.machine.read().unwrap_or_else(PoisonError::into_inner))
    }
}
