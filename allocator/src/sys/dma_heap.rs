//! `DMA_HEAP_IOCTL_ALLOC` of `linux/dma-heap.h`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

mod raw {
    /// `struct dma_heap_allocation_data`
    #[repr(C)]
    pub(super) struct AllocationData {
        pub(super) len: u64,
        pub(super) fd: u32,
        pub(super) fd_flags: u32,
        pub(super) heap_flags: u64,
    }

    nix::ioctl_readwrite!(alloc, b'H', 0, AllocationData);
}

/// A dma-buf of `len` bytes, rounded up to whole pages by the kernel, from the heap whose device
/// node is open as `heap` (read-only suffices). The memory is zeroed; the new descriptor is
/// close-on-exec and may be mapped for reading and writing.
///
/// The `system` heap has no bound of its own: admission is the caller's business.
///
/// # Errors
/// `EINVAL` for 0 bytes or a length that no page count holds, `ENOMEM` when a contiguous area is
/// full, `ENODEV` or `ENOTTY` for a node that is no heap (any more), `EMFILE`.
pub fn alloc(heap: BorrowedFd<'_>, len: u64) -> io::Result<OwnedFd> {
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    let mut data = raw::AllocationData { len, fd: 0, fd_flags: flags.bits(), heap_flags: 0 };
    // SAFETY: `data` is the structure that this request number was made for, and lives through the
    // call; the kernel writes nothing but into it.
    unsafe { raw::alloc(heap.as_raw_fd(), &raw mut data) }?;
    let fd = RawFd::try_from(data.fd).map_err(|_| io::Error::from(rustix::io::Errno::BADF))?;
    // SAFETY: the call succeeded, so the kernel has put a descriptor that nobody else owns there.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::alloc;
    use std::os::fd::AsFd;

    #[test]
    fn a_file_that_is_no_heap_is_an_error() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let error = alloc(null.as_fd(), 4096).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::NOTTY.raw_os_error()));
    }
}
