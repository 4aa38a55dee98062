//! What comes back from the broker.

use super::adopt::NoBuffer;
use crate::memfd::Unfit;
use crate::topology::UnknownDevice;
use heapq_constraints::solve::Refused;
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{Answer, Name};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What an allocation came to. All of these are answers.
#[derive(Debug)]
pub enum Outcome {
    /// Buffers.
    Granted(Grant),
    /// Nothing can satisfy all; the answer says why.
    Conflict(Answer),
    /// Each heap that would serve has failed.
    NoMemory {
        /// The plan that could not be carried out.
        answer: Answer,
        /// The heaps in the order they were tried (planes joined by `+`), each with its failure.
        tried: Vec<(Name, String)>,
    },
    /// The caller, or a group or unit of theirs, holds too much already.
    OverQuota {
        /// Whose bound it is: `user ada`, `group video in default_cma_region`, `this client`.
        account: Name,
        /// `leases`, `buffers` or `bytes`.
        what: &'static str,
        /// How much may be held there.
        bound: u64,
        /// How much is.
        in_use: u64,
        /// How much this request asks for.
        asked: u64,
        /// Who set the bound, as explanations print it.
        origin: Name,
    },
}

/// Buffers that were allocated.
#[derive(Debug)]
pub struct Grant {
    /// By this number the holder gives it back.
    pub lease: u64,
    /// The plan, as it was carried out.
    pub answer: Arc<Answer>,
    /// Which of the plan's candidates it came from.
    pub candidate: usize,
    /// Frame by frame, and in a frame plane by plane: all of them, or those that came so far.
    pub buffers: Vec<OwnedFd>,
    /// How many there are in all.
    pub total_buffers: u32,
    /// Heaps that were tried before and failed, each with its failure.
    pub fallback_from: Vec<(Name, String)>,
    /// The buffers are plain memfds and no dma-bufs.
    pub stand_in: bool,
}

/// A request that was malformed, not authorised, or failed.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Malformed, or larger than the solver's bounds.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It names a device that is not here.
    #[error(transparent)]
    UnknownDevice(#[from] UnknownDevice),
    /// It names a lease that the holder does not hold.
    #[error(transparent)]
    UnknownLease(#[from] UnknownLease),
    /// No grant covers the caller, or the system does not let this process open the heaps.
    #[error("{who} may not {deed}: {why}")]
    NotAuthorized {
        /// The user, by name or number.
        who: String,
        /// What they may not do.
        deed: &'static str,
        /// Which rule or file says so.
        why: String,
    },
    /// A descriptor that it gives is not the memory that it should be.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A descriptor that it gives is no buffer of a heap.
    #[error(transparent)]
    NoBuffer(#[from] NoBuffer),
    /// It asks for more buffers than one request may.
    #[error("{what}: {found} exceeds the bound of {bound}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: u64,
        /// How many there may be.
        bound: u64,
    },
    /// Every heap that would serve has vanished.
    #[error("no heap is left: {} vanished", heaps.join(", "))]
    HeapGone {
        /// Their names.
        heaps: Vec<String>,
    },
    /// The system failed us.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// How it failed.
        source: std::io::Error,
    },
}

impl From<Invalid> for AskError {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(Refused::Invalid(invalid))
    }
}

/// A lease that this holder does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lease {0} is not held by this client")]
pub struct UnknownLease(pub u64);
