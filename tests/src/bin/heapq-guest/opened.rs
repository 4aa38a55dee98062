//! A heap that the daemon opened, from which this process takes what its control group pays for.

use crate::ask;
use crate::problem::Problem;
use heapq_allocator::sys::dma_heap;
use std::fs;
use std::io;
use std::os::fd::AsFd;

/// Takes `bytes` of `system`, and sees that they are charged to the control group of this process.
pub(crate) async fn take(bytes: u64) -> Result<String, Problem> {
    let heap = ask::service().await?.open_heap("system").await?;
    let before = charged().map_err(Problem::system("memory.current"))?;
    let _buffer = dma_heap::alloc(heap.as_fd(), bytes)
        .map_err(Problem::system(format!("{bytes} bytes of the open heap")))?;
    let after = charged().map_err(Problem::system("memory.current"))?;
    match after.checked_sub(before) {
        Some(more) if more >= bytes => Ok(format!("{more} bytes more are charged to this process")),
        _ => Err(Problem::Wrong(format!("{before} bytes charged, after {bytes} more {after}"))),
    }
}

/// To the control group of this process, in bytes.
fn charged() -> io::Result<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    let text = fs::read_to_string(format!("/sys/fs/cgroup{own}/memory.current"))?;
    text.trim().parse().map_err(|_| io::Error::other(text))
}
