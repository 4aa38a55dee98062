//! Plain memfds, for demonstrations and for machines without heaps. No device can use them: every
//! answer that gives one says so.

use super::{Heaps, Source};
use heapq_constraints::Heap;
use rustix::fs::{MemfdFlags, SealFlags};
use std::io;
use std::os::fd::OwnedFd;

/// Gives memfds in the name of every heap.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandIn;

impl Heaps for StandIn {
    fn open(&self, _heap: &Heap) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(Self))
    }

    fn stand_in(&self) -> bool {
        true
    }
}

impl Source for StandIn {
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create(name, flags)?;
        rustix::fs::ftruncate(&fd, bytes)?;
        // As of a dma-buf, nobody may change its size under those who have mapped it.
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&fd, seals)?;
        Ok(fd)
    }
}

#[cfg(test)]
mod tests {
    use super::StandIn;
    use crate::heaps::{Heaps, Source};

    #[test]
    fn the_size_is_fixed() {
        let fd = StandIn.allocate(8192, "heapq:test").unwrap();
        assert_eq!(rustix::fs::fstat(&fd).unwrap().st_size, 8192);
        assert!(rustix::fs::ftruncate(&fd, 4096).is_err());
        assert!(rustix::fs::ftruncate(&fd, 16384).is_err());
        assert!(StandIn.stand_in());
    }
}
