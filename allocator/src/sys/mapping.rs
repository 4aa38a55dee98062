//! Shared memory of which other processes and devices may change every byte at any time.
//!
//! No reference into the mapping is ever made: all access copies, byte ranges are checked first.

use rustix::mm::{MapFlags, ProtFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;

/// A file or dma-buf that is mapped shared, for reading and writing, for as long as this lives.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to no thread, and its owner unmaps it once, in `drop`.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` only copies out of memory that others may change anyway, through raw pointers.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of `fd`.
    ///
    /// # Errors
    /// `EINVAL` for 0 bytes, more than the address space holds, or more than the file has (touching
    /// what lies beyond a file's end would kill the process); what mmap says otherwise.
    pub fn new(fd: impl AsFd, len: u64) -> io::Result<Self> {
        let len = checked_length(fd.as_fd(), len)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: no address is asked for, so the kernel picks one where nothing is; `len` is not 0
        // and within the file's size.
        let start = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, fd, 0)
        }?;
        let start = NonNull::new(start.cast()).ok_or(rustix::io::Errno::FAULT)?;
        Ok(Self { start, len })
    }

    /// Has all of its pages there, those that were never touched cleared. Kernels before 5.14 do
    /// not know this; there it does nothing.
    ///
    /// # Errors
    /// `ENOMEM`, `EFAULT` where a page cannot be had.
    pub fn populate(&self) -> io::Result<()> {
        let advice = rustix::mm::Advice::LinuxPopulateRead;
        // SAFETY: the range is the mapping, and only gets its pages.
        match unsafe { rustix::mm::madvise(self.start.as_ptr().cast(), self.len, advice) } {
            Err(rustix::io::Errno::INVAL) => Ok(()),
            populated => Ok(populated?),
        }
    }

    /// Its length in bytes; never 0.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Always false: an empty mapping cannot be made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Copies bytes from `offset` on into `into`.
    ///
    /// # Errors
    /// `InvalidInput` when they do not all lie within the mapping.
    pub fn read_at(&self, offset: usize, into: &mut [u8]) -> io::Result<()> {
        let from = self.at(offset, into.len())?;
        // SAFETY: `at` has checked the range; `into` is memory of ours and cannot overlap a mapping
        // to which no reference exists.
        unsafe { std::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Errors
    /// `InvalidInput` when they do not all fit in the mapping there.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let to = self.at(offset, bytes.len())?;
        // SAFETY: as in `read_at`, with the directions exchanged.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Sets every byte to `value`.
    pub fn fill(&mut self, value: u8) {
        // SAFETY: the mapping is `len` bytes long from `start`, and writable.
        unsafe { std::ptr::write_bytes(self.start.as_ptr(), value, self.len) };
    }

    /// All of it, copied.
    ///
    /// # Errors
    /// `OutOfMemory` when there is no room for the copy.
    pub fn copy(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        bytes.resize(self.len, 0);
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    fn at(&self, offset: usize, len: usize) -> io::Result<*mut u8> {
        let end = offset.checked_add(len);
        if end.is_none_or(|end| end > self.len) {
            let text = format!("bytes {offset}+{len} of a mapping of {}", self.len);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // SAFETY: `offset` is at most the mapping's length.
        Ok(unsafe { self.start.as_ptr().add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of one mapping of ours, and no pointer into it is kept.
        // The only failure is a range that was never mapped.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

fn checked_length(fd: BorrowedFd<'_>, len: u64) -> io::Result<usize> {
    let size = u64::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0);
    let address_space = u64::try_from(isize::MAX).unwrap_or(u64::MAX);
    if len == 0 || len > size || len > address_space {
        return Err(rustix::io::Errno::INVAL.into());
    }
    usize::try_from(len).map_err(|_| rustix::io::Errno::INVAL.into())
}

#[cfg(test)]
mod tests {
    use super::Mapping;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    #[test]
    fn two_mappings_of_one_buffer_see_the_same_bytes() {
        let fd = memfd_create("heapq:test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&fd, 8192).unwrap();
        let mut one = Mapping::new(&fd, 8192).unwrap();
        let other = Mapping::new(&fd, 8192).unwrap();
        drop(fd);
        one.fill(7);
        one.write_at(8190, b"ab").unwrap();
        let seen = other.copy().unwrap();
        assert_eq!((seen[0], &seen[8189..]), (7, &b"\x07ab"[..]));
    }

    #[test]
    fn nothing_outside_can_be_touched() {
        let fd = memfd_create("heapq:test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&fd, 4096).unwrap();
        for len in [0, 4097, u64::MAX, 1 << 63] {
            assert!(Mapping::new(&fd, len).is_err(), "{len}");
        }
        let mut mapping = Mapping::new(&fd, 4096).unwrap();
        assert_eq!((mapping.len(), mapping.is_empty()), (4096, false));
        for offset in [4096, 4095, usize::MAX] {
            assert!(mapping.read_at(offset, &mut [0; 2]).is_err(), "{offset}");
            assert!(mapping.write_at(offset, &[0; 2]).is_err(), "{offset}");
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(Mapping::new(&null, 4096).is_err());
    }
}
