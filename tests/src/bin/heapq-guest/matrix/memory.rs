//! Memory of this machine: buffers from its heaps without asking heapq, copies that the kernel makes of
//! them, and free memory in which no two pages lie side by side.

use crate::problem::Problem;
use heapq_allocator::heaps::{self, Heaps, Nodes};
use heapq_constraints::Heap;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

const MIB: u64 = 1 << 20;
/// What the kernel and all that runs here need meanwhile.
const SPARED: u64 = 96 * MIB;
/// More free memory than this stays as it is: it would take long, and a part of it would show nothing.
const SPOILT_MOST: u64 = 1024 * MIB;

/// A heap, open.
pub(crate) struct Source {
    heap: String,
    open: Box<dyn heaps::Source>,
}

impl Source {
    pub(crate) fn open(heap: &Heap) -> Result<Self, Problem> {
        let open = Nodes::below(Path::new("/")).open(heap).map_err(Problem::system(&*heap.name))?;
        Ok(Self { heap: heap.name.to_string(), open })
    }

    /// Memory of any kind.
    pub(crate) fn scratch() -> Result<Self, Problem> {
        Self::open(&Heap::new("udmabuf"))
    }

    /// A buffer of each of these sizes.
    pub(crate) fn frame(&self, sizes: &[u64]) -> Result<Vec<OwnedFd>, Problem> {
        let buffer = |bytes: &u64| {
            let what = || format!("{bytes} bytes of {}", self.heap);
            self.open.allocate(*bytes, "heapq:matrix").map_err(Problem::system(what()))
        };
        sizes.iter().map(buffer).collect()
    }
}

/// Parts of the bounce buffer that are taken now, by whomever; 0 where the kernel does not say.
pub(crate) fn bounced() -> u64 {
    let text = fs::read_to_string("/sys/kernel/debug/swiotlb/io_tlb_used");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Most of the free memory, of which every second page was given back, and what larger pieces were left
/// beside.
pub(crate) struct Spoilt {
    /// `None`: there was too much of it.
    pages: Option<OwnedFd>,
    _pieces: Vec<OwnedFd>,
}

impl Spoilt {
    pub(crate) fn all() -> Result<Self, Problem> {
        let pages = split().map_err(Problem::system("splitting memory"))?;
        Ok(Self { pages, _pieces: pieces()? })
    }

    /// Whether also small buffers are in pieces now.
    pub(crate) fn is_split(&self) -> bool {
        self.pages.is_some()
    }
}

/// Memory of which every second page was given back.
fn split() -> io::Result<Option<OwnedFd>> {
    let free = meminfo("MemAvailable")?.saturating_sub(meminfo("CmaFree").unwrap_or(0));
    if free > SPOILT_MOST {
        return Ok(None);
    }
    let bytes = free.saturating_sub(SPARED) / MIB * MIB;
    let mut file = fs::File::from(memfd_create("spoilt", MemfdFlags::CLOEXEC)?);
    let filler = vec![1_u8; usize::try_from(MIB).unwrap_or(0)];
    for _ in 0..bytes / MIB {
        file.write_all(&filler)?;
    }
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    for number in (0..bytes / page).step_by(2) {
        fallocate(&file, hole, number * page, page)?;
    }
    Ok(Some(file.into()))
}

/// The heap takes the largest pieces that there are first.
fn pieces() -> Result<Vec<OwnedFd>, Problem> {
    let source = Source::open(&Heap::new("system"))?;
    let sizes = vec![MIB; usize::try_from(SPARED / MIB / 2).unwrap_or(0)];
    source.frame(&sizes)
}

/// Bytes.
fn meminfo(key: &str) -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let number = lines.next().and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    number.map(|kib| kib << 10).ok_or_else(|| io::Error::other(format!("no {key}")))
}
