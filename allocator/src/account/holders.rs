//! Which processes have a buffer open or mapped, as far as this process may look.
//!
//! Only names and numbers that the kernel prints are read, never the files themselves: a file of a
//! hostile file system could keep whoever touches it waiting for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::Path;

/// As the kernel prints the paths of dma-bufs and of the memfds that stand in for them.
const KINDS: [&str; 2] = ["/dmabuf:", "/memfd:"];

/// Processes, and open files of one, that are looked at.
const PROCESSES: usize = 32_768;
const FILES: usize = 65_536;

/// Who has what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The processes that hold each inode.
    pub of: BTreeMap<u64, BTreeSet<u32>>,
    /// Processes that we may not look into, or that are too many.
    pub unseen: BTreeSet<u32>,
}

/// Looks through the processes below `proc` for buffers of these inodes.
#[must_use]
pub fn look(proc: &Path, wanted: &BTreeSet<u64>) -> Holders {
    let mut holders = Holders::default();
    let Ok(processes) = fs::read_dir(proc) else { return holders };
    let number = |entry: DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    for (seen, pid) in processes.flatten().filter_map(number).enumerate() {
        let inodes = (seen < PROCESSES).then(|| inodes(&proc.join(pid.to_string()))).flatten();
        let Some(inodes) = inodes else {
            holders.unseen.insert(pid);
            continue;
        };
        for inode in inodes.intersection(wanted) {
            holders.of.entry(*inode).or_default().insert(pid);
        }
    }
    holders
}

/// The buffers of one process; `None` when we may not look.
fn inodes(process: &Path) -> Option<BTreeSet<u64>> {
    // One link says whether we may look at the many.
    let program = fs::read_link(process.join("exe"));
    if program.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        return None;
    }
    let mut inodes = open(process)?;
    // Later than the descriptors: what is mapped may be closed, not the other way round.
    inodes.extend(mapped(&fs::read_to_string(process.join("maps")).ok()?));
    Some(inodes)
}

fn open(process: &Path) -> Option<BTreeSet<u64>> {
    let files = fs::read_dir(process.join("fd")).ok()?;
    let is_buffer = |file: &DirEntry| {
        let target = fs::read_link(file.path()).unwrap_or_default();
        target.to_str().is_some_and(|path| KINDS.iter().any(|kind| path.starts_with(kind)))
    };
    let inode = |file: DirEntry| {
        let info = fs::read_to_string(process.join("fdinfo").join(file.file_name())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("ino:"))?.trim().parse().ok()
    };
    Some(files.flatten().take(FILES).filter(is_buffer).filter_map(inode).collect())
}

/// `7f00-7f01 rw-s 00000000 00:01 1034   /memfd:heapq:x (deleted)`
fn mapped(maps: &str) -> impl Iterator<Item = u64> {
    maps.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(4);
        let (inode, path) = (words.next()?, words.next()?);
        KINDS.iter().any(|kind| path.starts_with(kind)).then(|| inode.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::mapping::Mapping;
    use rustix::fs::{MemfdFlags, fstat, ftruncate, memfd_create};

    #[test]
    fn a_descriptor_and_a_mapping_both_hold_a_buffer() {
        let memory = memfd_create("heapq:held", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&memory, 4096).unwrap();
        let inode = fstat(&memory).unwrap().st_ino;
        let held = || look(Path::new("/proc"), &BTreeSet::from([inode])).of.remove(&inode);
        let me = Some(BTreeSet::from([std::process::id()]));
        assert_eq!(held(), me);
        let mapping = Mapping::new(&memory, 4096).unwrap();
        drop(memory);
        assert_eq!(held(), me);
        drop(mapping);
        assert_eq!(held(), None);
    }

    #[test]
    fn lines_that_are_no_buffers_are_not_taken_for_any() {
        let maps = "7f00-7f01 rw-s 00000000 00:01 1034   /memfd:heapq:x (deleted)\n\
                    7f01-7f02 rw-s 00000000 00:0c 77     /dmabuf:heapq:y\n\
                    7f02-7f03 r-xp 00000000 fd:00 99     /usr/lib/libc.so.6\n\
                    7f03-7f04 rw-p 00000000 00:00 0\n\
                    nonsense\n";
        assert_eq!(mapped(maps).collect::<Vec<_>>(), [1034, 77]);
    }
}
