//! What is owed for the buffers of one grant: the same as long as there is a lease, and after.

use super::holders::Holders;
use super::{Process, Trace};
use crate::caller::Holder;
use crate::ledger::Charge;
use heapq_constraints::Name;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// The charge for the buffers of one grant, with what is known of them.
#[derive(Debug)]
pub struct Debt {
    /// Given back with the debt.
    pub charge: Charge,
    /// Whether the buffers still exist.
    pub trace: Trace,
    /// The number of the lease.
    pub lease: u64,
    /// Who holds, or held, the lease.
    pub holder: Holder,
    /// Whose quota it counts against.
    pub uid: u32,
    /// The process that asked, where it is known.
    pub pid: Option<u32>,
    /// The same, held.
    pub process: Option<Process>,
    /// The heap of each buffer of a frame.
    pub heaps: Vec<Name>,
    /// How many buffers there were.
    pub buffers: u32,
    /// Since when.
    pub since: Instant,
}

impl Debt {
    /// What can be said of it.
    #[must_use]
    pub fn info(&self, orphaned: bool) -> LeaseInfo {
        let process = self.process.as_ref();
        LeaseInfo {
            lease: self.lease,
            orphaned,
            holder: self.holder.clone(),
            uid: self.uid,
            pid: self.pid,
            unit: process.and_then(|process| process.unit.clone()),
            session: process.and_then(|process| process.session.clone()),
            heaps: self.heaps.clone(),
            buffers: self.buffers,
            bytes: self.charge.bytes(),
            age: self.since.elapsed(),
            living: self.trace.living().unwrap_or_default(),
            known_by: self.trace.known_by(),
        }
    }

    /// Takes what is owed for `gone`, the last frames of `all`, into a debt of its own, and goes on
    /// for those that `stay`. Where that cannot be told apart, everything is owed here, until all
    /// of it has gone.
    pub(crate) fn split(
        &mut self,
        stay: &[OwnedFd],
        gone: &[OwnedFd],
        frames: (u64, u64),
    ) -> Option<Self> {
        let (trace, rest) = Trace::of(stay).ok().zip(Trace::of(gone).ok())?;
        self.trace = trace;
        self.buffers = u32::try_from(stay.len()).unwrap_or(u32::MAX);
        let (keep, all) = frames;
        Some(Self {
            charge: self.charge.split(keep, all),
            trace: rest,
            lease: self.lease,
            holder: self.holder.clone(),
            uid: self.uid,
            pid: self.pid,
            process: self.process.clone(),
            heaps: self.heaps.clone(),
            buffers: u32::try_from(gone.len()).unwrap_or(u32::MAX),
            since: self.since,
        })
    }

    /// Whether the kernel says that all its buffers are gone: cheap to ask, and true or not known.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.trace, Trace::Watched(_)) && self.is_over(&Holders::default())
    }

    /// Whether all its buffers are gone. Where that cannot be told, they are not.
    ///
    /// Of buffers that are only listed, `seen` says who has them. While the process that they were
    /// given to runs and may not be looked at, they count as there.
    pub(super) fn is_over(&self, seen: &Holders) -> bool {
        match &self.trace {
            Trace::Watched(_) => self.trace.living().is_ok_and(|living| living.is_empty()),
            Trace::Listed(inodes) => {
                let held = inodes.iter().any(|inode| seen.of.contains_key(inode));
                let hidden = self.pid.is_some_and(|pid| seen.unseen.contains(&pid));
                let runs = || self.process.as_ref().is_some_and(|process| !process.has_ended());
                !(held || hidden && runs())
            }
        }
    }

    /// The inodes that must be looked for to know whether it is over.
    pub(super) fn listed(&self) -> Option<&[u64]> {
        match &self.trace {
            Trace::Listed(inodes) => Some(inodes),
            Trace::Watched(_) => None,
        }
    }
}

/// One lease, or what is left of one, for listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Its number.
    pub lease: u64,
    /// The lease has ended; its buffers have not.
    pub orphaned: bool,
    /// Who holds it, or did.
    pub holder: Holder,
    /// Whose quota it counts against.
    pub uid: u32,
    /// The process that asked, where it is known.
    pub pid: Option<u32>,
    /// The systemd unit of that process.
    pub unit: Option<Name>,
    /// Its login session.
    pub session: Option<Name>,
    /// The heap of each buffer of a frame.
    pub heaps: Vec<Name>,
    /// How many buffers.
    pub buffers: u32,
    /// How many bytes, as allocated.
    pub bytes: u64,
    /// For how long.
    pub age: Duration,
    /// The inodes of the buffers that still exist.
    pub living: BTreeSet<u64>,
    /// Who knows that they do.
    pub known_by: &'static str,
}

impl LeaseInfo {
    /// Adds another part of the same lease.
    pub(crate) fn add(&mut self, part: &mut Self) {
        self.buffers = self.buffers.saturating_add(part.buffers);
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.age = self.age.max(part.age);
        self.living.append(&mut part.living);
    }
}
