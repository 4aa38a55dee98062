//! A heap itself in a client's hands: what it then takes we neither see nor bound, so the kernel has
//! to, by the client's own control group.

use super::{AskError, Broker};
use crate::account::LeaseInfo;
use crate::caller::{Caller, Holder};
use crate::cgroup::{self, Bound};
use heapq_policies::Right;
use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The one heap whose memory the kernel can charge to whoever asks it.
const HEAP: &str = "system";
/// Whether it does.
const ACCOUNTING: &str = "sys/module/dma_heap/parameters/mem_accounting";
/// Heaps that one client may have opened: it can copy the descriptor.
const OF_HOLDER: u64 = 8;

/// An open heap.
#[derive(Debug)]
pub struct OpenHeap {
    /// Open for reading, which suffices to allocate.
    pub node: OwnedFd,
    /// The control group that pays for what is taken, with its bound.
    pub payer: Bound,
}

impl Broker {
    /// Opens a heap for the caller. As long as `holder` stays, [`Self::usage`] lists it as
    /// unmetered.
    ///
    /// # Errors
    /// [`AskError::NotAuthorized`] without the right to open heaps, and where the kernel would not
    /// bound what the caller takes, with what is missing; [`AskError::TooMany`]; [`AskError::Io`]
    /// when the node cannot be opened.
    pub fn open_heap(
        &self,
        caller: &Caller,
        holder: &Holder,
        name: &str,
    ) -> Result<OpenHeap, AskError> {
        self.authorise(caller, Right::OpenHeap)?;
        let machine = self.machine();
        let missing = |why: String| AskError::NotAuthorized {
            who: format!("uid {}", caller.uid),
            deed: Right::OpenHeap.deed(),
            why,
        };
        let heap = machine.topology.heaps.find(name).filter(|heap| &*heap.name == HEAP);
        let heap = heap.ok_or_else(|| missing(format!("{name:?} is not {HEAP}")))?;
        let accounting = fs::read_to_string(self.config.root.join(ACCOUNTING)).unwrap_or_default();
        if accounting.trim() != "Y" {
            return Err(missing(format!("/{ACCOUNTING} is not Y: nobody would pay")));
        }
        let payer = cgroup::bound(&self.config.root, caller, self.bounds.bytes).map_err(missing)?;
        let node = self.heaps.node(heap);
        let node = node.map_err(|source| AskError::Io { what: format!("heap {HEAP}"), source })?;
        self.opened.enter(holder, caller)?;
        Ok(OpenHeap { node, payer })
    }
}

/// Who has heaps open.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<Vec<(LeaseInfo, Instant)>>);

impl Opened {
    fn enter(&self, holder: &Holder, caller: &Caller) -> Result<(), AskError> {
        let mut opened = self.lock();
        let found = opened.iter().filter(|(info, _)| info.holder == *holder).count() as u64;
        if found >= OF_HOLDER {
            let what = "heaps opened for this client";
            return Err(AskError::TooMany { what, found: found + 1, bound: OF_HOLDER });
        }
        opened.push((unmetered(holder, caller), Instant::now()));
        Ok(())
    }

    /// Forgets what a client had open; what it gave away is nobody's to know.
    pub(super) fn left(&self, holder: &Holder) {
        self.lock().retain(|(info, _)| info.holder != *holder);
    }

    /// Entries without buffers and bytes, for listings.
    pub(super) fn list(&self) -> Vec<LeaseInfo> {
        let aged = |(info, since): &(LeaseInfo, Instant)| LeaseInfo {
            age: since.elapsed(),
            ..info.clone()
        };
        self.lock().iter().map(aged).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(LeaseInfo, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unmetered(holder: &Holder, caller: &Caller) -> LeaseInfo {
    let process = caller.process.as_ref();
    LeaseInfo {
        lease: 0,
        orphaned: false,
        holder: holder.clone(),
        uid: caller.uid,
        pid: caller.pid,
        unit: process.and_then(|process| process.unit.clone()),
        session: process.and_then(|process| process.session.clone()),
        heaps: vec![HEAP.into()],
        buffers: 0,
        bytes: 0,
        age: std::time::Duration::ZERO,
        living: BTreeSet::new(),
        known_by: "nobody: the heap itself is open, unmetered",
    }
}
