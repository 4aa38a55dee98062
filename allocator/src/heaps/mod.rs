//! Where buffers come from: the kernel's heap nodes, or stand-ins for them.
//!
//! This is the bottom edge. Tests put a fake here, and nowhere above.

mod bounded;
#[cfg(test)]
pub(crate) mod fake;
mod node;
mod stand_in;
mod udmabuf;
mod watched;

pub use bounded::{Bounded, Drawn, NotDrawn, Tap};
pub use node::Nodes;
pub use stand_in::StandIn;
pub(crate) use udmabuf::{HUGE_PAGE, Pages};
pub(crate) use watched::Watched;

use crate::sys::dma_buf;
use heapq_constraints::{Heap, Origin};
use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// All heaps of a machine.
pub trait Heaps: Debug + Send + Sync {
    /// Opens one, for the allocations of one request.
    ///
    /// # Errors
    /// `ENOENT`, `ENODEV` or `ENXIO` when it is not there (any more), `EACCES` or `EPERM` when it
    /// may not be opened.
    fn open(&self, heap: &Heap) -> io::Result<Box<dyn Source>>;

    /// What keeps this process from opening a heap that is there, as far as can be told without
    /// opening it; `None`: nothing is known to.
    fn denied(&self, _heap: &Heap) -> Option<Origin> {
        None
    }

    /// The first `bytes` of somebody's memfd as a dma-buf that goes under `name`.
    ///
    /// # Errors
    /// Those of opening `/dev/udmabuf`; `EINVAL` where it takes no memory of this kind or length;
    /// `Unsupported` where nothing gives dma-bufs.
    fn wrap(&self, _memory: &OwnedFd, _bytes: u64, _name: &str) -> io::Result<OwnedFd> {
        Err(without_nodes())
    }

    /// The node of a heap itself, open for reading, which suffices to allocate.
    ///
    /// # Errors
    /// Those of [`Self::open`]; `Unsupported` where heaps have no nodes.
    fn node(&self, _heap: &Heap) -> io::Result<OwnedFd> {
        Err(without_nodes())
    }

    /// Whether what it gives is no dma-buf.
    fn stand_in(&self) -> bool;
}

/// An open heap.
pub trait Source {
    /// A buffer of at least `bytes`, zeroed, that goes under `name` in the kernel's listings. May
    /// block while memory is cleared.
    ///
    /// # Errors
    /// `ENOMEM` when it has no room; those of [`Heaps::open`]; `EMFILE`.
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd>;
}

fn without_nodes() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the heaps are stand-ins, which have no nodes")
}

/// Names a buffer. The name is for people who look: a buffer without one is as good.
fn named(buffer: &OwnedFd, name: &str) {
    if let Err(error) = dma_buf::set_name(buffer.as_fd(), name) {
        tracing::debug!(%error, name, "a buffer stays without a name");
    }
}
