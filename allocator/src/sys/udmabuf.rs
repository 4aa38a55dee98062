//! `UDMABUF_CREATE` of `linux/udmabuf.h`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

mod raw {
    /// `struct udmabuf_create`
    #[repr(C)]
    pub(super) struct Create {
        pub(super) memfd: u32,
        pub(super) flags: u32,
        pub(super) offset: u64,
        pub(super) size: u64,
    }

    /// `UDMABUF_FLAGS_CLOEXEC`
    pub(super) const CLOEXEC: u32 = 1;

    nix::ioctl_write_ptr!(create, b'u', 0x42, Create);
}

/// A dma-buf of the first `len` bytes of a memfd, by the device whose node is open as `device`. It
/// holds the memory's pages; the descriptor is close-on-exec and may be mapped for reading and
/// writing, whatever `memfd` was opened for.
///
/// # Errors
/// `EINVAL` for a length that is 0, no whole pages, beyond the file's end or above the module's
/// `size_limit_mb`, and for a memfd that is not sealed against shrinking or is sealed against
/// writing; `EBADFD` for what is no memfd; `ENOMEM`; `ENOTTY` for a device that is not udmabuf;
/// `EMFILE`.
pub fn create(device: BorrowedFd<'_>, memfd: BorrowedFd<'_>, len: u64) -> io::Result<OwnedFd> {
    let memfd = u32::try_from(memfd.as_raw_fd()).map_err(|_| rustix::io::Errno::BADF)?;
    let data = raw::Create { memfd, flags: raw::CLOEXEC, offset: 0, size: len };
    // SAFETY: `data` is the structure that this request number was made for, and lives through the
    // call; the kernel only reads it.
    let fd = unsafe { raw::create(device.as_raw_fd(), &raw const data) }?;
    // SAFETY: the call succeeded, so what it returned is a descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::create;
    use std::os::fd::AsFd;

    #[test]
    fn a_device_that_is_not_udmabuf_is_an_error() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let error = create(null.as_fd(), null.as_fd(), 4096).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::NOTTY.raw_os_error()));
    }
}
