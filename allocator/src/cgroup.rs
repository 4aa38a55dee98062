//! What bounds the memory of a client's control group, where the kernel makes it pay itself.

use crate::caller::Caller;
use heapq_constraints::Name;
use rustix::fs::{Mode, OFlags, fstat, open};
use std::io::Read;
use std::path::Path;

/// Where the unified hierarchy is.
const HIERARCHY: &str = "/sys/fs/cgroup";
/// Longest `memory.max` that is read, in bytes.
const LENGTH_MAX: u64 = 64;

/// A control group and the least that it and those above it let it have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Its path in the unified hierarchy.
    pub cgroup: Name,
    /// Bytes.
    pub bytes: u64,
}

/// What bounds the memory of `caller`'s control group on the machine at `root`, which has `memory`
/// bytes: more than that bounds nothing. A bound that the caller can lift itself is none.
///
/// # Errors
/// What is missing, in words.
pub(crate) fn bound(root: &Path, caller: &Caller, memory: u64) -> Result<Bound, String> {
    let (Some(pid), Some(process)) = (caller.pid, &caller.process) else {
        return Err("which process asks is not known".to_owned());
    };
    let file = format!("/proc/{pid}/cgroup");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    // Had it ended, this could be of whoever got its number next.
    if process.has_ended() {
        return Err(format!("process {pid} has ended"));
    }
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    let path = path.ok_or_else(|| format!("{file} has no unified hierarchy"))?;
    let hierarchy = root.join(HIERARCHY.trim_start_matches('/'));
    let bytes = least(&hierarchy, path, caller.uid).filter(|bytes| *bytes < memory);
    let bytes = bytes.ok_or_else(|| {
        format!("no memory.max below the machine's {memory} bytes bounds its control group {path}")
    })?;
    Ok(Bound { cgroup: path.into(), bytes })
}

/// The least of the group's own bound and of those above it.
fn least(hierarchy: &Path, path: &str, uid: u32) -> Option<u64> {
    let path = Path::new(path.trim_start_matches('/'));
    // A group outside of our namespace begins with `..`.
    let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let groups = path.ancestors().filter(|_| plain);
    groups.filter_map(|group| most(&hierarchy.join(group).join("memory.max"), uid)).min()
}

/// What one `memory.max` says, unless it says `max` or belongs to the caller.
fn most(file: &Path, uid: u32) -> Option<u64> {
    let file =
        open(file, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()).ok()?;
    if uid != 0 && fstat(&file).ok()?.st_uid == uid {
        return None;
    }
    let mut text = String::new();
    std::fs::File::from(file).take(LENGTH_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Process;
    use std::fs;

    #[test]
    fn the_least_of_all_groups_above_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |group: &str, text: &str| {
            fs::create_dir_all(dir.path().join(group)).unwrap();
            fs::write(dir.path().join(group).join("memory.max"), text).unwrap();
        };
        write("a.slice/b.service/c", "max\n");
        let least = |path: &str, uid| least(dir.path(), path, uid);
        assert_eq!(least("/a.slice/b.service/c", 0), None);
        write("a.slice", "8192\n");
        write("a.slice/b.service", "4096\n");
        assert_eq!(least("/a.slice/b.service/c", 0), Some(4096));
        assert_eq!(least("/a.slice", 0), Some(8192));
        assert_eq!((least("/", 0), least("/..", 0), least("/../a.slice", 0)), (None, None, None));
        // What the caller may lift itself is no bound. Root may lift all of them.
        let me = rustix::process::geteuid().as_raw();
        let expected = (me == 0).then_some(4096);
        assert_eq!(least("/a.slice/b.service/c", me), expected);
        assert_eq!(least("/a.slice/b.service/c", me.wrapping_add(1)), Some(4096));
    }

    #[test]
    fn what_is_missing_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let me = Caller::myself();
        let refused = bound(dir.path(), &me, 1 << 30).unwrap_err();
        assert_eq!(refused, "which process asks is not known");
        let known = me.running_as(Process::of(std::process::id(), None).unwrap());
        let refused = bound(dir.path(), &known, 1 << 30).unwrap_err();
        assert!(refused.contains("no memory.max") || refused.contains("no unified"), "{refused}");
    }
}
