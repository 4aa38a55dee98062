//! Whether the kernel copies what a device cannot reach: swiotlb's counter in debugfs.

use std::fs;
use std::path::Path;

const DEBUGFS: &str = "sys/kernel/debug";

/// How much of swiotlb is in use, at one moment.
#[derive(Debug)]
pub(super) struct Counter {
    used: Option<u64>,
}

impl Counter {
    pub(super) fn now() -> Self {
        Self { used: used(Path::new("/")) }
    }

    /// Whether more of it is in use by now; `None` where that cannot be read. Somebody else's copies
    /// count too: that is the safe side.
    pub(super) fn rose(&self) -> Option<bool> {
        Some(used(Path::new("/"))? > self.used?)
    }
}

/// Slots in use, pools that were made for one copy among them. A kernel that shows debugfs and no
/// swiotlb, or an empty directory of it, copies nothing.
fn used(root: &Path) -> Option<u64> {
    let debugfs = root.join(DEBUGFS);
    let dir = debugfs.join("swiotlb");
    let number = |name: &str| fs::read_to_string(dir.join(name)).ok()?.trim().parse::<u64>().ok();
    match number("io_tlb_used") {
        Some(used) => Some(used.saturating_add(number("io_tlb_transient_nslabs").unwrap_or(0))),
        None => {
            let names = |dir: &Path| Some(fs::read_dir(dir).ok()?.flatten().count());
            let nothing_there = if dir.exists() { names(&dir)? == 0 } else { names(&debugfs)? > 0 };
            nothing_there.then_some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::used;
    use std::fs;

    #[test]
    fn what_cannot_be_read_is_not_taken_for_none() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(used(root.path()), None, "no debugfs");
        let debugfs = root.path().join("sys/kernel/debug");
        fs::create_dir_all(&debugfs).unwrap();
        assert_eq!(used(root.path()), None, "debugfs that is not mounted");
        fs::create_dir(debugfs.join("dma_buf")).unwrap();
        assert_eq!(used(root.path()), Some(0), "no swiotlb");
        fs::create_dir(debugfs.join("swiotlb")).unwrap();
        assert_eq!(used(root.path()), Some(0), "a swiotlb without memory");
        fs::write(debugfs.join("swiotlb/io_tlb_nslabs"), "32768\n").unwrap();
        assert_eq!(used(root.path()), None, "swiotlb without a counter");
        fs::write(debugfs.join("swiotlb/io_tlb_used"), "868\n").unwrap();
        assert_eq!(used(root.path()), Some(868));
        fs::write(debugfs.join("swiotlb/io_tlb_transient_nslabs"), "32\n").unwrap();
        assert_eq!(used(root.path()), Some(900));
    }
}
