//! The walk over a plan's candidates: the broker's own, over heaps that fail as the case says.

use super::compare::Walked;
use crate::admission::{Admission, Gauge, Memory};
use crate::broker::AskError;
use crate::broker::walk::{Found, Walk};
use crate::caller::Caller;
use crate::heaps::{Heaps, Source, StandIn};
use heapq_constraints::answer::{BufferPlan, Plan};
use heapq_constraints::{Heap, HeapSet, Name};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of the one buffer a plane that the rehearsal takes, whatever the plan says: the order of
/// the candidates does not depend on it, and a case may ask for more than this machine has.
const SMALL: u64 = 4096;

/// Tries the candidates of `plan` in their order. The first allocation from each heap in `fails`
/// (by any of its names) fails for want of memory.
pub(super) fn walk(plan: &Plan, fails: &[Name], known: &HeapSet) -> Result<Walked, AskError> {
    let mut plan = plan.clone();
    plan.count = 1;
    plan.buffers.fill(BufferPlan { size: SMALL, allocation_size: SMALL });
    let bears = |heap: &Heap| fails.iter().any(|name| heap.bears(name));
    let failing = known.heaps().iter().filter(|heap| bears(heap)).map(|heap| heap.name.clone());
    let heaps = Rehearsed(Arc::new(Mutex::new(Log { failing: failing.collect(), failed: vec![] })));
    let walk = Walk {
        heaps: &heaps,
        admission: &Admission::new(Plenty),
        known,
        plan: &plan,
        name: "case",
        payer: None,
    };
    let chosen = match walk.run(&Caller::myself())? {
        Found::Buffers(buffers) => Some(buffers.candidate),
        Found::NoMemory(_) | Found::OverQuota(_) => None,
    };
    let failed = heaps.log(|log| log.failed.clone());
    Ok(Walked { chosen, failed })
}

/// As much memory as there can be.
#[derive(Debug)]
struct Plenty;

impl Gauge for Plenty {
    fn read(&self) -> io::Result<Memory> {
        Ok(Memory { total: u64::MAX, available: u64::MAX, cma_free: 0 })
    }
}

/// Heaps of which some fail once.
#[derive(Clone, Debug)]
struct Rehearsed(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    /// Those that have yet to fail.
    failing: Vec<Name>,
    /// Those that did, in the order in which they were tried.
    failed: Vec<Name>,
}

impl Rehearsed {
    fn log<T>(&self, look: impl FnOnce(&mut Log) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Heaps for Rehearsed {
    fn open(&self, heap: &Heap) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(Open { heaps: self.clone(), name: heap.name.clone() }))
    }

    fn stand_in(&self) -> bool {
        true
    }
}

struct Open {
    heaps: Rehearsed,
    name: Name,
}

impl Source for Open {
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        let fails = self.heaps.log(|log| {
            let at = log.failing.iter().position(|heap| *heap == self.name);
            at.map(|index| log.failed.push(log.failing.remove(index))).is_some()
        });
        if fails { Err(Errno::NOMEM.into()) } else { StandIn.allocate(bytes, name) }
    }
}
