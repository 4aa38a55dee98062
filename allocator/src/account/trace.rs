//! Whether buffers still exist, without keeping them in existence.
//!
//! A dma-buf can be polled, so it can be put into an epoll set, and an epoll set does not hold its
//! files: the kernel strikes a file from all sets when the last reference to it goes, be that a
//! descriptor, a mapping, a message on its way through a socket, or a device that imported it. What
//! is left in the set stands in `/proc/self/fdinfo`, for everybody to read of himself. Nobody waits
//! on the set, so it wakes nobody.
//!
//! A memfd cannot be polled. A stand-in is looked for in the processes that may be looked at.

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// What can be known of the buffers of one lease.
#[derive(Debug)]
pub enum Trace {
    /// The kernel strikes from this epoll set what is gone.
    Watched(OwnedFd),
    /// Their inodes, to be looked for in `/proc`.
    Listed(Box<[u64]>),
}

impl Trace {
    /// Follows these buffers, which are all dma-bufs or all memfds.
    ///
    /// # Errors
    /// No descriptors left, or more than `fs.epoll.max_user_watches` files watched.
    pub fn of(buffers: &[OwnedFd]) -> io::Result<Self> {
        let set = epoll::create(CreateFlags::CLOEXEC)?;
        for (index, buffer) in (0..).zip(buffers) {
            // The set tells files of one descriptor number apart by themselves; the index is for
            // people who look into fdinfo.
            match epoll::add(&set, buffer, EventData::new_u64(index), EventFlags::empty()) {
                Err(Errno::PERM) => return Self::listed(buffers),
                added => added?,
            }
        }
        Ok(Self::Watched(set))
    }

    /// Follows these memfds.
    ///
    /// # Errors
    /// None that is known.
    pub fn listed(buffers: &[OwnedFd]) -> io::Result<Self> {
        let inode = |buffer| Ok(rustix::fs::fstat(buffer)?.st_ino);
        Ok(Self::Listed(buffers.iter().map(inode).collect::<io::Result<_>>()?))
    }

    /// The inodes of those that exist. What is only listed is taken to exist: it takes a look into
    /// all processes to know better.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn living(&self) -> io::Result<BTreeSet<u64>> {
        match self {
            Self::Watched(set) => {
                let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", set.as_raw_fd()))?;
                Ok(text.lines().filter_map(watched_inode).collect())
            }
            Self::Listed(inodes) => Ok(inodes.iter().copied().collect()),
        }
    }

    /// How that is known, in words.
    #[must_use]
    pub fn known_by(&self) -> &'static str {
        match self {
            Self::Watched(_) => "the kernel",
            Self::Listed(_) => "the processes that the service may look at",
        }
    }
}

/// `tfd:        4 events:       18 data:                4  pos:0 ino:40e sdev:10`
fn watched_inode(line: &str) -> Option<u64> {
    let (_, after) = line.strip_prefix("tfd:")?.split_once("ino:")?;
    u64::from_str_radix(after.split_whitespace().next()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::pipe::pipe;

    #[test]
    fn what_can_be_polled_is_gone_when_its_last_reference_is() {
        // Anonymous files that can be polled, as dma-bufs can.
        let (read, write) = pipe().unwrap();
        let event = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let copy = read.try_clone().unwrap();
        let inode = rustix::fs::fstat(&read).unwrap().st_ino;
        let buffers = [read, event];
        let trace = Trace::of(&buffers).unwrap();
        assert_eq!(trace.living().unwrap().len(), 2);
        drop((buffers, write));
        assert_eq!(trace.living().unwrap(), BTreeSet::from([inode]));
        drop(copy);
        assert!(trace.living().unwrap().is_empty());
        assert_eq!(trace.known_by(), "the kernel");
    }

    #[test]
    fn a_memfd_is_listed_and_found_where_it_is_open() {
        let memory = rustix::fs::memfd_create("heapq:x", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let trace = Trace::of(std::slice::from_ref(&memory)).unwrap();
        let inode = rustix::fs::fstat(&memory).unwrap().st_ino;
        assert!(matches!(&trace, Trace::Listed(listed) if **listed == [inode]));
        assert_eq!(trace.living().unwrap(), BTreeSet::from([inode]));
    }
}
