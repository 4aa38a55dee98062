//! Where the buffers come from: the heaps that this process may open, else the daemon.

use crate::cli::Global;
use crate::problem::Problem;
use crate::session::{daemon_at_hand, demanded_daemon};
use heapq_allocator::Outcome;
use heapq_allocator::heaps::{Bounded, Drawn, Nodes};
use heapq_allocator::probe::{REPEATS, Trial};
use heapq_constraints::value::{Node, Table, Value};
use heapq_constraints::{Heap, HeapSet};
use heapq_dbus::client::Client;
use heapq_dbus::wire::Asked;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use tokio::runtime::Runtime;

/// Bytes of the largest piece of which scattered memory is made.
const PIECE: u64 = 1 << 20;

/// Whoever gives buffers.
pub(super) struct Supply {
    own: Bounded,
    daemon: Option<(Client, Runtime)>,
}

/// A buffer.
#[derive(Debug)]
pub(super) enum Buffer {
    /// Taken by this process.
    Own(Drawn),
    /// The daemon's; it is charged until it is closed.
    Given(OwnedFd),
}

impl AsFd for Buffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Own(drawn) => drawn.as_fd(),
            Self::Given(fd) => fd.as_fd(),
        }
    }
}

impl Supply {
    /// For these heaps, as this process may use them. The daemon is looked for where it may not use
    /// all of them.
    ///
    /// # Errors
    /// When a daemon is demanded and does not answer.
    pub(super) fn of(heaps: &HeapSet, global: &Global) -> Result<Self, Problem> {
        let withheld = heaps.heaps().iter().any(|heap| heap.present && !heap.permitted);
        let at_hand = || (withheld && !global.offline).then(|| daemon_at_hand(global).ok());
        let daemon = demanded_daemon(global)?.or_else(|| at_hand().flatten());
        Ok(Self { own: Bounded::new(Nodes::below(Path::new("/"))), daemon })
    }

    /// Whether it can be tried: what is protected cannot be mapped, and what is reserved is kept for
    /// those that it is for.
    pub(super) fn has(&self, heap: &Heap, driver: Option<&str>) -> bool {
        let reserved = !heap.reserved_for.is_empty()
            && !heap.reserved_for.iter().any(|name| Some(&**name) == driver);
        self.may(heap) && !heap.protected && !reserved
    }

    /// Whether it gives this process anything at all.
    pub(super) fn may(&self, heap: &Heap) -> bool {
        heap.present && (heap.permitted || self.daemon.is_some())
    }

    /// The frames of a trial, all there at once; with why there are no more of them.
    pub(super) fn frames(&self, heap: &Heap, trial: &Trial) -> (Vec<Vec<Buffer>>, Option<String>) {
        let mut frames = Vec::new();
        // They stay until the frames are there.
        let wedges = match self.wedges(heap, trial) {
            Ok(wedges) => wedges,
            Err(why) => return (frames, Some(why)),
        };
        for _ in 0..trial.frames {
            match trial.bytes.iter().map(|bytes| self.take(heap, *bytes)).collect() {
                Ok(frame) => frames.push(frame),
                Err(why) => return (frames, Some(why)),
            }
        }
        drop(wedges);
        (frames, None)
    }

    /// Takes memory in pieces and gives back every other one. What a scattered heap gives next is
    /// made of these: on a machine that has just started, pieces of 1 MiB that are taken one after
    /// the other lie side by side, and 16 MiB of them were seen to be contiguous.
    fn wedges(&self, heap: &Heap, trial: &Trial) -> Result<Vec<Buffer>, String> {
        if heap.contiguous || trial.frames < REPEATS {
            return Ok(Vec::new());
        }
        let frame = trial.bytes.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        let pieces = (frame.saturating_mul(trial.frames.into()) / PIECE).saturating_mul(2);
        let pieces = (0..pieces).map(|_| self.take(heap, PIECE)).collect::<Result<Vec<_>, _>>()?;
        Ok(pieces.into_iter().step_by(2).collect())
    }

    /// A buffer, or why there is none.
    fn take(&self, heap: &Heap, bytes: u64) -> Result<Buffer, String> {
        match &self.daemon {
            Some((client, runtime)) if !heap.permitted => given(client, runtime, heap, bytes),
            _ => {
                let tap = self.own.open(heap).map_err(|error| error.to_string())?;
                let drawn = tap.draw(bytes, "heapq:probe").map_err(|error| error.to_string())?;
                Ok(Buffer::Own(drawn))
            }
        }
    }
}

fn given(client: &Client, runtime: &Runtime, heap: &Heap, bytes: u64) -> Result<Buffer, String> {
    let outcome = runtime.block_on(client.allocate(&asked(heap, bytes)));
    let grant = match outcome.map_err(|error| error.to_string())? {
        Outcome::Granted(grant) => grant,
        Outcome::Conflict(_) => return Err("the daemon does not give from it".to_owned()),
        Outcome::NoMemory { .. } => return Err("it has no memory".to_owned()),
        Outcome::OverQuota { .. } => return Err("over quota".to_owned()),
    };
    if grant.stand_in {
        return Err("the daemon's heaps are stand-ins".to_owned());
    }
    // What is still there when a lease ends stays charged until it is closed.
    runtime.block_on(client.release(grant.lease)).map_err(|error| error.to_string())?;
    let buffer = grant.buffers.into_iter().next();
    buffer.map(Buffer::Given).ok_or_else(|| "the daemon gave no buffer".to_owned())
}

fn asked(heap: &Heap, bytes: u64) -> Asked {
    let mut probe = Table::default();
    probe.push("name", Value::Text("probe".to_owned()));
    probe.push("heaps", Value::List(vec![Node::new(Value::Text(heap.name.to_string()))]));
    probe.push("min-size", Value::Integer(bytes.into()));
    Asked { participants: vec![probe], request: Table::default() }
}
