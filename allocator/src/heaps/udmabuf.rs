//! `/dev/udmabuf`: dma-bufs of the pages of a memfd. The memfd is ours, sealed, and closed when the
//! dma-buf has its pages.

use super::Source;
use crate::sys::udmabuf;
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Bytes of a huge page of the heap `udmabuf-2M`.
pub(crate) const HUGE_PAGE: u64 = 2 << 20;

/// What the pages of a memfd are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// As the kernel finds them.
    Single,
    /// Of 2 MiB, from the pool that the administrator set aside.
    Huge,
}

impl Pages {
    /// Both kinds.
    pub(crate) const ALL: [Self; 2] = [Self::Single, Self::Huge];

    /// The heap that gives them.
    pub(crate) fn heap(self) -> &'static str {
        match self {
            Self::Single => "udmabuf",
            Self::Huge => "udmabuf-2M",
        }
    }

    /// Those of the heap of this name.
    pub(crate) fn of(heap: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pages| pages.heap() == heap)
    }
}

/// The open device, as the heap of one kind of pages.
pub(super) struct Udmabuf {
    pub(super) device: OwnedFd,
    pub(super) pages: Pages,
}

impl Source for Udmabuf {
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX);
        let bytes = whole(bytes, page)?;
        let memory = memory(self.pages, bytes, name)?;
        wrap(self.device.as_fd(), &memory, bytes, name)
    }
}

/// The first `bytes` of a memfd as a dma-buf of this name.
pub(super) fn wrap(
    device: impl AsFd,
    memory: &OwnedFd,
    bytes: u64,
    name: &str,
) -> io::Result<OwnedFd> {
    let buffer = udmabuf::create(device.as_fd(), memory.as_fd(), bytes)?;
    super::named(&buffer, name);
    Ok(buffer)
}

/// A memfd of our own, all zeroes, of which the kernel makes dma-bufs.
fn memory(pages: Pages, bytes: u64, name: &str) -> io::Result<OwnedFd> {
    let sealable = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = match pages {
        // The kernel clears each page when udmabuf asks for it. Pages that fallocate(2) has put
        // there before would be pinned as they are.
        Pages::Single => {
            let memory = rustix::fs::memfd_create(name, sealable)?;
            rustix::fs::ftruncate(&memory, bytes)?;
            memory
        }
        // Huge pages must be there, and cleared: before 6.11 udmabuf adds none, and after that some
        // kernels do not clear those that it adds.
        Pages::Huge => {
            let huge = sealable | MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB;
            let memory = rustix::fs::memfd_create(name, huge)?;
            let bytes = whole(bytes, HUGE_PAGE)?;
            rustix::fs::ftruncate(&memory, bytes)?;
            rustix::fs::fallocate(&memory, FallocateFlags::empty(), 0, bytes)?;
            memory
        }
    };
    rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(memory)
}

/// As many bytes in whole pages; 0 bytes are none.
fn whole(bytes: u64, page: u64) -> io::Result<u64> {
    let whole = bytes.checked_next_multiple_of(page).filter(|bytes| *bytes > 0);
    whole.ok_or_else(|| rustix::io::Errno::INVAL.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{fcntl_get_seals, fstat};

    #[test]
    fn memory_is_as_udmabuf_demands_it() {
        let memory = memory(Pages::Single, 8192, "heapq:test").unwrap();
        let seals = fcntl_get_seals(&memory).unwrap();
        assert!(seals.contains(SealFlags::SHRINK) && !seals.contains(SealFlags::WRITE));
        assert_eq!(fstat(&memory).unwrap().st_size, 8192);
    }

    #[test]
    fn sizes_are_whole_pages() {
        for (bytes, expected) in
            [(1, Some(4096)), (4096, Some(4096)), (4097, Some(8192)), (0, None), (u64::MAX, None)]
        {
            assert_eq!(whole(bytes, 4096).ok(), expected, "{bytes}");
        }
    }

    #[test]
    fn heaps_are_known_by_their_names() {
        for pages in Pages::ALL {
            assert_eq!(Pages::of(pages.heap()), Some(pages));
        }
        assert_eq!(Pages::of("system"), None);
    }
}
