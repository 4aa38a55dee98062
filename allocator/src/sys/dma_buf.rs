//! `DMA_BUF_SET_NAME_B` and `DMA_BUF_IOCTL_SYNC` of `linux/dma-buf.h`.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Longest name of a dma-buf in bytes: `DMA_BUF_NAME_LEN` without the closing zero.
pub const NAME_MAX: usize = 31;

const SYNC_READ: u64 = 1;
const SYNC_WRITE: u64 = 2;
const SYNC_END: u64 = 4;

mod raw {
    /// `struct dma_buf_sync`
    #[repr(C)]
    pub(super) struct Sync {
        pub(super) flags: u64,
    }

    nix::ioctl_write_ptr!(sync, b'b', 0, Sync);

    /// `DMA_BUF_SET_NAME_B`: `_IOW('b', 1, u64)`, but the argument is the name itself.
    pub(super) const SET_NAME_B: nix::sys::ioctl::ioctl_num_type =
        nix::request_code_write!(b'b', 1, size_of::<u64>());
    nix::ioctl_write_ptr_bad!(set_name, SET_NAME_B, std::ffi::c_char);
}

/// Whether the CPU reads, writes or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// It reads.
    pub read: bool,
    /// It writes.
    pub write: bool,
}

impl Direction {
    /// Reading only.
    pub const READ: Self = Self { read: true, write: false };
    /// Writing only.
    pub const WRITE: Self = Self { read: false, write: true };
    /// Both.
    pub const BOTH: Self = Self { read: true, write: true };

    fn flags(self) -> u64 {
        u64::from(self.read) * SYNC_READ + u64::from(self.write) * SYNC_WRITE
    }
}

/// The name under which a buffer called `name` goes: `heapq:` and as much of the name as fits,
/// control characters left out.
#[must_use]
pub fn buffer_name(name: &str) -> String {
    let mut text = String::with_capacity(NAME_MAX);
    text.push_str("heapq:");
    for c in name.chars().filter(|c| !c.is_control()) {
        if text.len() + c.len_utf8() > NAME_MAX {
            break;
        }
        text.push(c);
    }
    text
}

/// Names a buffer for debugfs, fdinfo and `/proc/PID/fd`.
///
/// # Errors
/// `EINVAL` for a name of more than [`NAME_MAX`] bytes or with a zero byte, `ENOTTY` for what is
/// no dma-buf.
pub fn set_name(buffer: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    if name.len() > NAME_MAX {
        return Err(rustix::io::Errno::INVAL.into());
    }
    let name = CString::new(name)?;
    // SAFETY: the argument is a string that ends in zero and lives through the call; the kernel
    // only reads it.
    unsafe { raw::set_name(buffer.as_raw_fd(), name.as_ptr()) }?;
    Ok(())
}

/// Begins CPU access: what devices wrote becomes visible.
///
/// # Errors
/// `ENOTTY` for what is no dma-buf; `EINTR` is retried.
pub fn begin_access(buffer: BorrowedFd<'_>, direction: Direction) -> io::Result<()> {
    sync(buffer, direction.flags())
}

/// Ends CPU access: what the CPU wrote becomes visible to devices.
///
/// # Errors
/// As [`begin_access`].
pub fn end_access(buffer: BorrowedFd<'_>, direction: Direction) -> io::Result<()> {
    sync(buffer, direction.flags() | SYNC_END)
}

fn sync(buffer: BorrowedFd<'_>, flags: u64) -> io::Result<()> {
    let data = raw::Sync { flags };
    loop {
        // SAFETY: `data` is the structure that this request number was made for, and lives through
        // the call; the kernel only reads it.
        match unsafe { raw::sync(buffer.as_raw_fd(), &raw const data) } {
            Err(nix::errno::Errno::EINTR | nix::errno::Errno::EAGAIN) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, NAME_MAX, begin_access, buffer_name, set_name};
    use std::os::fd::AsFd;

    #[test]
    fn the_request_number_is_that_of_the_header() {
        // _IOW('b', 1, __u64)
        assert_eq!(super::raw::SET_NAME_B, 0x4008_6201);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(buffer_name("camera"), "heapq:camera");
        let cut = buffer_name(&"ü".repeat(40));
        assert_eq!(cut, format!("heapq:{}", "ü".repeat(12)));
        assert!(cut.len() <= NAME_MAX);
        assert_eq!(buffer_name("a\nb\0c"), "heapq:abc");
    }

    #[test]
    fn what_is_no_dma_buf_is_an_error() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(begin_access(null.as_fd(), Direction::BOTH).is_err());
        assert!(set_name(null.as_fd(), "heapq:x").is_err());
        assert!(set_name(null.as_fd(), &"x".repeat(32)).is_err());
    }
}
