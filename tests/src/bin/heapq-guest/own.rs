//! Memory of this process, which the daemon makes a dma-buf.

use crate::ask;
use crate::problem::Problem;
use heapq_allocator::sys::dma_buf::{Direction, begin_access, end_access};
use heapq_allocator::sys::mapping::Mapping;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

const WRITTEN: u8 = 0x5a;
const CHANGED: u8 = 0xa5;

/// The daemon makes a dma-buf of `bytes` of memory: what was written is in it, and what is written
/// into it is in the memory. Without `sealed` the memory may shrink.
pub(crate) async fn wrap(bytes: u64, sealed: bool) -> Result<String, Problem> {
    let memory = memory(bytes, sealed).map_err(Problem::system("a memfd"))?;
    let own = memory.try_clone().map_err(Problem::system("a memfd"))?;
    let buffer = ask::service().await?.wrap(memory).await?;
    let same = same(&own, &buffer, bytes).map_err(Problem::system("the dma-buf"))?;
    if same {
        Ok(format!("{bytes} bytes of this process are a dma-buf"))
    } else {
        Err(Problem::Wrong("the dma-buf is other memory".to_owned()))
    }
}

fn memory(bytes: u64, sealed: bool) -> io::Result<OwnedFd> {
    let memory = memfd_create("own", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&memory, bytes)?;
    Mapping::new(&memory, bytes)?.fill(WRITTEN);
    if sealed {
        fcntl_add_seals(&memory, SealFlags::SHRINK)?;
    }
    Ok(memory)
}

fn same(memory: &OwnedFd, buffer: &OwnedFd, bytes: u64) -> io::Result<bool> {
    let mut mapping = Mapping::new(buffer, bytes)?;
    begin_access(buffer.as_fd(), Direction::BOTH)?;
    let there = all(&mapping, WRITTEN)?;
    mapping.fill(CHANGED);
    end_access(buffer.as_fd(), Direction::BOTH)?;
    Ok(there && all(&Mapping::new(memory, bytes)?, CHANGED)?)
}

fn all(mapping: &Mapping, value: u8) -> io::Result<bool> {
    Ok(mapping.copy()?.iter().all(|byte| *byte == value))
}
