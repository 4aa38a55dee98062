//! Single buffers for trials and measurements, never more than memory can spare.

use super::{Heaps, Source};
use crate::admission::{Admission, Meminfo, Shortage, Ticket};
use heapq_constraints::Heap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The heaps of a machine, asked within bounds.
#[derive(Debug)]
pub struct Bounded {
    heaps: Box<dyn Heaps>,
    admission: Admission,
}

/// One open heap of [`Bounded`].
pub struct Tap {
    source: Box<dyn Source>,
    admission: Admission,
    /// The heap does not refuse by itself.
    endless: bool,
    stand_in: bool,
}

/// A buffer of a [`Tap`].
#[derive(Debug)]
pub struct Drawn {
    fd: OwnedFd,
    /// Of memory that the kernel does not count yet.
    _ticket: Option<Ticket>,
}

/// Why there is no buffer.
#[derive(Debug, thiserror::Error)]
pub enum NotDrawn {
    /// Memory does not suffice for everybody.
    #[error(transparent)]
    Shortage(#[from] Shortage),
    /// The heap gave none.
    #[error(transparent)]
    Heap(#[from] io::Error),
}

impl Bounded {
    /// Bounded by what `/proc/meminfo` says, whatever machine the heaps are of.
    #[must_use]
    pub fn new(heaps: impl Heaps + 'static) -> Self {
        Self { heaps: Box::new(heaps), admission: Admission::new(Meminfo::default()) }
    }

    /// Opens one.
    ///
    /// # Errors
    /// Those of [`Heaps::open`].
    pub fn open(&self, heap: &Heap) -> io::Result<Tap> {
        let stand_in = self.heaps.stand_in();
        let source = self.heaps.open(heap)?;
        let endless = !heap.contiguous || stand_in;
        Ok(Tap { source, admission: self.admission.clone(), endless, stand_in })
    }
}

impl Tap {
    /// A buffer of at least `bytes`.
    ///
    /// # Errors
    /// Where memory does not suffice, or the heap gives none.
    pub fn draw(&self, bytes: u64, name: &str) -> Result<Drawn, NotDrawn> {
        let ticket = self.endless.then(|| self.admission.admit(bytes)).transpose()?;
        let fd = self.source.allocate(bytes, name)?;
        // The kernel counts the memory of a dma-buf from now on, that of a memfd not yet.
        Ok(Drawn { fd, _ticket: ticket.filter(|_| self.stand_in) })
    }
}

impl AsFd for Drawn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounded, NotDrawn};
    use crate::heaps::StandIn;
    use heapq_constraints::Heap;
    use std::os::fd::AsFd;

    #[test]
    fn what_memory_cannot_spare_is_not_drawn() {
        let tap = Bounded::new(StandIn).open(&Heap::new("system")).unwrap();
        let drawn = tap.draw(8192, "heapq:test").unwrap();
        assert_eq!(rustix::fs::fstat(drawn.as_fd()).unwrap().st_size, 8192);
        assert!(matches!(tap.draw(1 << 50, "heapq:test"), Err(NotDrawn::Shortage(_))));
    }
}
