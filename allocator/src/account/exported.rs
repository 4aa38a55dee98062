//! What the kernel says of a buffer to whoever has it open: which heap made it, and how large it is.
//!
//! Descriptors come from clients, and a file of a hostile file system could keep whoever asks it
//! waiting for ever. So the file itself is asked for nothing until it is known to be one of the
//! kernel's own; what it is stands in `/proc/self/fdinfo`, which the kernel prints by itself.

use rustix::fs::{OFlags, SealFlags, fcntl_get_seals, fcntl_getfl, fstat};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

/// A buffer as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Who made it: of heaps, the heap's name, and `udmabuf`. `None` for a stand-in, a memfd whose size
    /// is sealed.
    pub by: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// What tells it from all others.
    pub inode: u64,
}

impl Exported {
    /// What `buffer` is; `None`: neither a dma-buf nor a stand-in, or a descriptor that proves no access.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn of(buffer: &OwnedFd) -> io::Result<Option<Self>> {
        if fcntl_getfl(buffer)?.contains(OFlags::PATH) {
            return Ok(None);
        }
        let number = buffer.as_fd().as_raw_fd();
        let path = fs::read_link(format!("/proc/self/fd/{number}"))?;
        if path.to_string_lossy().starts_with("/dmabuf:") {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
            return Ok(told(&info));
        }
        // Seals are no business of a file system. Files on tmpfs have one that forbids all others.
        let fixed = SealFlags::SHRINK | SealFlags::GROW;
        if !fcntl_get_seals(buffer).is_ok_and(|seals| seals.contains(fixed)) {
            return Ok(None);
        }
        let stat = fstat(buffer)?;
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Some(Self { by: None, bytes, inode: stat.st_ino }))
    }
}

/// What fdinfo says of a dma-buf. Its own lines follow those that every file has, and those of locks;
/// its name, which anybody may have given it, comes last.
fn told(info: &str) -> Option<Exported> {
    let mut lines = info.lines().skip_while(|line| !line.starts_with("ino:"));
    let inode = value(lines.next(), "ino")?.parse().ok()?;
    let mut own = lines.filter(|line| !line.starts_with("lock:"));
    let bytes = value(own.next(), "size")?.parse().ok()?;
    value(own.next(), "count")?;
    let by = value(own.next(), "exp_name")?.to_owned();
    Some(Exported { by: Some(by), bytes, inode })
}

/// `size:\t8192`
fn value<'a>(line: Option<&'a str>, key: &str) -> Option<&'a str> {
    line?.strip_prefix(key)?.strip_prefix(':').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heaps::{Source, StandIn};
    use rustix::fs::{MemfdFlags, Mode, memfd_create, open};
    use std::path::Path;

    #[test]
    fn a_dma_buf_says_who_made_it_and_nobody_else_can() {
        let head = "pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t1034\n";
        let own = "size:\t8192\ncount:\t1\nexp_name:\tsystem\n";
        let expected = Exported { by: Some("system".into()), bytes: 8192, inode: 1034 };
        let name = "name:\tx\nexp_name:\tcma\n";
        for more in ["", "lock:\t1: FLOCK ADVISORY WRITE 7 00:0c:1034 0 EOF\n"] {
            assert_eq!(told(&format!("{head}{more}{own}{name}")).as_ref(), Some(&expected));
        }
        for not in [head, own, &format!("{head}tfd: 4\n{own}"), &format!("{head}size:\t-1\n{own}")]
        {
            assert_eq!(told(not), None, "{not}");
        }
    }

    #[test]
    fn a_memfd_of_fixed_size_stands_in_and_other_files_do_not() {
        let found = Exported::of(&StandIn.allocate(8192, "heapq:x").unwrap()).unwrap().unwrap();
        assert_eq!((found.by, found.bytes), (None, 8192));
        let loose = memfd_create("heapq:x", MemfdFlags::ALLOW_SEALING).unwrap();
        let opened = |path: &Path, flags| open(path, flags, Mode::RUSR | Mode::WUSR).unwrap();
        let on_tmpfs = opened(Path::new("/dev/shm"), OFlags::TMPFILE | OFlags::RDWR);
        assert!(fcntl_get_seals(&on_tmpfs).is_ok());
        let path = opened(Path::new("/dev/shm"), OFlags::PATH);
        let file = tempfile::tempfile().unwrap().into();
        for other in [loose, on_tmpfs, path, file] {
            assert_eq!(Exported::of(&other).unwrap(), None, "{other:?}");
        }
    }
}
