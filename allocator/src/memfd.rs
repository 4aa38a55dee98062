//! Which memory of a client's can become a dma-buf: a memfd that is whole, sealed and its own.

use rustix::fs::{FileType, OFlags, SealFlags, fcntl_get_seals, fcntl_getfl, fstat};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;

/// Longest memory that is wrapped, in bytes: an image of 16384x16384 with 4 bytes a pixel. The
/// kernel's own bound is mostly tighter.
pub const BYTES_MAX: u64 = 1 << 30;

/// Why a descriptor cannot be wrapped.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It proves no access to what it names.
    #[error("memfd: an O_PATH descriptor proves no access to the memory")]
    Path,
    /// It is no memory.
    #[error("memfd: {0} is no memfd")]
    Kind(&'static str),
    /// Whoever gets the dma-buf may write it.
    #[error("memfd: open for {0} only; a dma-buf is for reading and writing")]
    Mode(&'static str),
    /// A seal that it must have.
    #[error("memfd: not sealed with {0}")]
    Unsealed(&'static str),
    /// A seal that it must not have.
    #[error("memfd: sealed with {0}, and devices write into dma-bufs")]
    Sealed(&'static str),
    /// It is empty or ends within a page.
    #[error("memfd: {bytes} bytes are not one or more pages of {page}")]
    Pages {
        /// Its size.
        bytes: u64,
        /// Bytes of a page.
        page: u64,
    },
    /// It is too long.
    #[error("memfd: {0} bytes exceed the bound of {BYTES_MAX}")]
    Long(u64),
    /// Some of its memory would be taken on our account.
    #[error("memfd: of {bytes} bytes only {there} are there; write to all of them first")]
    Holes {
        /// Its size.
        bytes: u64,
        /// How many have memory.
        there: u64,
    },
    /// The kernel says nothing of it.
    #[error("memfd: {0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for Unfit {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// Looks whether `memory` can be wrapped; its size in bytes.
///
/// # Errors
/// [`Unfit`]: the first that is amiss.
pub fn check(memory: impl AsFd) -> Result<u64, Unfit> {
    let flags = fcntl_getfl(&memory)?;
    if flags.contains(OFlags::PATH) {
        return Err(Unfit::Path);
    }
    let stat = fstat(&memory)?;
    let kind = kind(FileType::from_raw_mode(stat.st_mode));
    // Only memory has seals.
    let seals = match fcntl_get_seals(&memory) {
        Err(Errno::INVAL) => return Err(Unfit::Kind(kind)),
        seals => seals?,
    };
    match flags & OFlags::RWMODE {
        OFlags::RDWR => {}
        OFlags::WRONLY => return Err(Unfit::Mode("writing")),
        _ => return Err(Unfit::Mode("reading")),
    }
    sealed(seals)?;
    let bytes = u64::try_from(stat.st_size).unwrap_or(0);
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX);
    if bytes == 0 || bytes.checked_rem(page) != Some(0) {
        return Err(Unfit::Pages { bytes, page });
    }
    if bytes > BYTES_MAX {
        return Err(Unfit::Long(bytes));
    }
    let there = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
    if there < bytes { Err(Unfit::Holes { bytes, there }) } else { Ok(bytes) }
}

fn sealed(seals: SealFlags) -> Result<(), Unfit> {
    if !seals.contains(SealFlags::SHRINK) {
        return Err(Unfit::Unsealed("F_SEAL_SHRINK"));
    }
    for (seal, name) in
        [(SealFlags::WRITE, "F_SEAL_WRITE"), (SealFlags::FUTURE_WRITE, "F_SEAL_FUTURE_WRITE")]
    {
        if seals.contains(seal) {
            return Err(Unfit::Sealed(name));
        }
    }
    Ok(())
}

fn kind(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a directory",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        _ => "a file that is not of memory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, Mode, fcntl_add_seals, ftruncate, memfd_create, open};
    use std::os::fd::{AsRawFd, OwnedFd};

    /// A memfd of so many bytes, the first `written` of them written, with these seals.
    fn memory(bytes: u64, written: usize, seals: SealFlags) -> OwnedFd {
        let memory = memfd_create("m", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&memory, bytes).unwrap();
        rustix::io::pwrite(&memory, &vec![1; written], 0).unwrap();
        fcntl_add_seals(&memory, seals).unwrap();
        memory
    }

    /// The same file, opened again.
    fn again(memory: &OwnedFd, flags: OFlags) -> OwnedFd {
        let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
        open(path, flags | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    fn refusal(memory: impl AsFd) -> String {
        check(memory).unwrap_err().to_string()
    }

    #[test]
    fn whole_sealed_memory_is_fit() {
        for seals in [SealFlags::SHRINK, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL] {
            assert_eq!(check(memory(8192, 8192, seals)).unwrap(), 8192);
        }
    }

    #[test]
    fn what_is_amiss_is_named() {
        let shrink = SealFlags::SHRINK;
        for (bytes, written, seals, named) in [
            (8192, 8192, SealFlags::empty(), "not sealed with F_SEAL_SHRINK"),
            (8192, 8192, shrink | SealFlags::WRITE, "sealed with F_SEAL_WRITE"),
            (8192, 8192, shrink | SealFlags::FUTURE_WRITE, "sealed with F_SEAL_FUTURE_WRITE"),
            (0, 0, shrink, "0 bytes are not one or more pages of 4096"),
            (4097, 4097, shrink, "4097 bytes are not"),
            ((1 << 30) + 4096, 0, shrink, "1073745920 bytes exceed the bound of 1073741824"),
            (1 << 30, 4096, shrink, "of 1073741824 bytes only 4096 are there"),
        ] {
            let refused = refusal(memory(bytes, written, seals));
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn descriptors_that_prove_too_little_are_refused() {
        let memory = memory(4096, 4096, SealFlags::SHRINK);
        for (flags, named) in [
            (OFlags::PATH, "an O_PATH descriptor"),
            (OFlags::RDONLY, "open for reading only"),
            (OFlags::WRONLY, "open for writing only"),
        ] {
            let refused = refusal(again(&memory, flags));
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn other_files_are_named_by_their_kind() {
        let (read, _write) = rustix::pipe::pipe().unwrap();
        assert_eq!(refusal(read), "memfd: a pipe is no memfd");
        let null = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(refusal(null), "memfd: a character device is no memfd");
        assert_eq!(refusal(std::fs::File::open("/").unwrap()), "memfd: a directory is no memfd");
        let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(refusal(socket), "memfd: a socket is no memfd");
        let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
        assert_eq!(refusal(eventfd), "memfd: a file that is not of memory is no memfd");
    }
}
