//! The one use case: take a question, solve it on the current topology, allocate what the plan
//! says, and keep account of it until it is given back.

mod answer;
mod config;
mod walk;

pub use answer::{AskError, Grant, LeaseInfo, Outcome, UnknownLease};
pub use config::{Config, OpenError};

use crate::caller::{Caller, Holder};
use crate::topology::Topology;
use heapq_constraints::{Answer, Question};
use heapq_policies::{Diagnostic, PolicySet};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Most file descriptors in one message of a bus: with 17, dbus-daemon disconnects the sender.
pub const FDS_PER_MESSAGE: usize = 16;

/// Serves requests. Cheap to share: all methods take `&self` and none waits for another request.
#[derive(Debug)]
pub struct Broker {
    _private: (),
}

impl Broker {
    /// Reads policies and machine, and is ready to serve.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read at all. Errors in policy files are diagnostics:
    /// such a file is left out.
    pub fn open(_config: Config) -> Result<(Self, Vec<Diagnostic>), OpenError> {
        unimplemented!()
    }

    /// What would be allocated. Changes nothing.
    ///
    /// # Errors
    /// What was malformed, unknown or not authorised. "No heap fits" is an answer.
    pub fn plan(&self, _caller: &Caller, _question: Question) -> Result<Answer, AskError> {
        unimplemented!()
    }

    /// Solves, charges, allocates. Blocks while the kernel clears memory. Buffers beyond the first
    /// [`FDS_PER_MESSAGE`] are fetched with [`Self::more`].
    ///
    /// # Errors
    /// What was malformed, unknown, not authorised, or failed. A conflict, a lack of memory and a
    /// full quota are outcomes.
    pub fn allocate(
        &self,
        _caller: &Caller,
        _holder: &Holder,
        _question: Question,
    ) -> Result<Outcome, AskError> {
        unimplemented!()
    }

    /// The next buffers of a lease, from index `first` on, at most [`FDS_PER_MESSAGE`]; none when
    /// `first` is past the last.
    ///
    /// # Errors
    /// A lease that `holder` does not hold, or no file descriptors left.
    pub fn more(
        &self,
        _holder: &Holder,
        _lease: u64,
        _first: u32,
    ) -> Result<Vec<OwnedFd>, AskError> {
        unimplemented!()
    }

    /// Ends a lease.
    ///
    /// # Errors
    /// A lease that `holder` does not hold.
    pub fn release(&self, _holder: &Holder, _lease: u64) -> Result<(), UnknownLease> {
        unimplemented!()
    }

    /// Ends all leases of a holder that left.
    pub fn left(&self, _holder: &Holder) {
        unimplemented!()
    }

    /// The machine as the next request will see it.
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        unimplemented!()
    }

    /// The policies that apply.
    #[must_use]
    pub fn policies(&self) -> Arc<PolicySet> {
        unimplemented!()
    }

    /// Whether buffers are plain memfds and no dma-bufs.
    #[must_use]
    pub fn stand_in(&self) -> bool {
        unimplemented!()
    }

    /// Reads the machine again. The generation counts up only when something is different.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read; the topology stays.
    pub fn rescan(&self) -> Result<Arc<Topology>, OpenError> {
        unimplemented!()
    }

    /// Reads the policies again, then the machine.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read; policies and topology stay.
    pub fn reload(&self) -> Result<Vec<Diagnostic>, OpenError> {
        unimplemented!()
    }

    /// All leases, in the order of their numbers.
    #[must_use]
    pub fn usage(&self) -> Vec<LeaseInfo> {
        unimplemented!()
    }
}
