//! The kernel's heaps: `/dev/dma_heap/NAME`, and `/dev/udmabuf` under the names of its two.

use super::udmabuf::{self, Pages, Udmabuf};
use super::{Heaps, Source};
use crate::sys::dma_heap;
use heapq_constraints::{Heap, Origin};
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The heap nodes below one `dev` directory.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// That directory.
    dir: PathBuf,
    /// The heaps that it is asked about are not this machine's.
    foreign: bool,
}

impl Nodes {
    /// Those of the machine whose root is `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { dir: root.join("dev"), foreign: false }
    }

    /// The same, asked about heaps of another machine: who may open nodes of those names here says
    /// nothing of them.
    #[must_use]
    pub fn for_another_machine(self) -> Self {
        Self { foreign: true, ..self }
    }

    /// Where the node of that name would be.
    fn path(&self, name: &str) -> rustix::io::Result<PathBuf> {
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(Errno::NOENT);
        }
        Ok(match Pages::of(name) {
            Some(_) => self.dir.join("udmabuf"),
            None => self.dir.join("dma_heap").join(name),
        })
    }

    /// The node of that name, if there is one.
    fn node(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name).ok()?;
        let kind = FileType::from_raw_mode(rustix::fs::stat(&path).ok()?.st_mode);
        (kind == FileType::CharacterDevice).then_some(path)
    }

    fn open_name(&self, name: &str) -> rustix::io::Result<OwnedFd> {
        let path = self.path(name)?;
        // Reading suffices for allocation.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
        if kind == FileType::CharacterDevice { Ok(fd) } else { Err(Errno::NODEV) }
    }

    /// One memory may have several nodes: the first that opens will do.
    fn open_any<'h>(&self, heap: &'h Heap) -> io::Result<(OwnedFd, &'h str)> {
        let mut first = None;
        for name in std::iter::once(&heap.name).chain(&heap.aliases) {
            match self.open_name(name) {
                Ok(fd) => return Ok((fd, name)),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(Errno::NOENT).into())
    }
}

impl Heaps for Nodes {
    fn open(&self, heap: &Heap) -> io::Result<Box<dyn Source>> {
        let (device, name) = self.open_any(heap)?;
        Ok(match Pages::of(name) {
            Some(pages) => Box::new(Udmabuf { device, pages }),
            None => Box::new(Node { fd: device }),
        })
    }

    fn wrap(&self, memory: &OwnedFd, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        let device = self.open_name(Pages::Single.heap())?;
        udmabuf::wrap(device, memory, bytes, name)
    }

    fn node(&self, heap: &Heap) -> io::Result<OwnedFd> {
        self.open_any(heap).map(|(device, _)| device)
    }

    fn denied(&self, heap: &Heap) -> Option<Origin> {
        if self.foreign {
            return None;
        }
        let nodes =
            || std::iter::once(&heap.name).chain(&heap.aliases).filter_map(|n| self.node(n));
        let mut denied = nodes().filter(|node| !readable(node)).peekable();
        let first = denied.peek()?.clone();
        let all = denied.count() == nodes().count();
        all.then(|| Origin::Sysfs(first.to_string_lossy().into()))
    }

    fn stand_in(&self) -> bool {
        false
    }
}

fn readable(node: &Path) -> bool {
    let access = rustix::fs::accessat(CWD, node, Access::READ_OK, AtFlags::EACCESS);
    // Whatever else may be wrong, opening it says so better.
    !matches!(access, Err(Errno::ACCESS | Errno::PERM))
}

struct Node {
    fd: OwnedFd,
}

impl Source for Node {
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        let buffer = dma_heap::alloc(self.fd.as_fd(), bytes)?;
        super::named(&buffer, name);
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::Nodes;
    use crate::heaps::Heaps;
    use heapq_constraints::Heap;
    use rustix::io::Errno;
    use std::fs;

    fn errno(nodes: &Nodes, heap: &Heap) -> Option<Errno> {
        let error = nodes.open(heap).err()?;
        error.raw_os_error().map(Errno::from_raw_os_error)
    }

    #[test]
    fn names_do_not_lead_out_and_files_are_no_heaps() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dev/dma_heap")).unwrap();
        fs::write(dir.path().join("dev/dma_heap/file"), "").unwrap();
        fs::write(dir.path().join("dev/outside"), "").unwrap();
        let nodes = Nodes::below(dir.path());
        assert_eq!(errno(&nodes, &Heap::new("file")), Some(Errno::NODEV));
        for name in ["absent", "../outside", "..", ""] {
            assert_eq!(errno(&nodes, &Heap::new(name)), Some(Errno::NOENT), "{name}");
        }
    }

    #[test]
    fn an_alias_serves_when_the_first_name_has_no_node() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dev/dma_heap")).unwrap();
        std::os::unix::fs::symlink("/dev/null", dir.path().join("dev/dma_heap/reserved")).unwrap();
        let mut heap = Heap::new("default_cma_region");
        heap.aliases.push("reserved".into());
        let nodes = Nodes::below(dir.path());
        assert_eq!(nodes.denied(&heap), None, "everybody may open /dev/null");
        let source = nodes.open(&heap).unwrap();
        // It is a character device, but no heap.
        let error = source.allocate(4096, "heapq:x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::NOTTY.raw_os_error()));
    }

    #[test]
    fn udmabuf_has_one_node_and_no_other_heap_has_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dev/dma_heap")).unwrap();
        std::os::unix::fs::symlink("/dev/null", dir.path().join("dev/udmabuf")).unwrap();
        let nodes = Nodes::below(dir.path());
        let source = nodes.open(&Heap::new("udmabuf")).unwrap();
        // A memfd is made for it, and the character device is no udmabuf.
        let error = source.allocate(4097, "heapq:x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::NOTTY.raw_os_error()));
        assert!(nodes.open(&Heap::new("udmabuf-2M")).is_ok());
        assert_eq!(errno(&nodes, &Heap::new("udmabuf-4M")), Some(Errno::NOENT));
    }
}
