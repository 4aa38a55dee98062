//! What the way through the daemon adds to the time that a frame's memory takes.

use crate::ask::{self, Amount};
use crate::problem::Problem;
use heapq_allocator::sys::dma_heap;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::Instant;

/// 1920 by 1080 pixels of four bytes.
const FRAME: Amount = Amount { count: 1, bytes: 1920 * 1080 * 4 };

const ROUNDS: usize = 101;

/// A frame of `heap` by `Allocate` on a private socket, in terms of one by the bare ioctl: the median
/// of rounds in which both have their turn. Giving back is not in it.
pub(crate) async fn frame(heap: &str) -> Result<String, Problem> {
    let client = ask::service().await?.private().await;
    let asked = ask::from_heap(heap, FRAME);
    let node = format!("/dev/dma_heap/{heap}");
    let file = File::open(&node).map_err(Problem::system(&node))?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let bare = dma_heap::alloc(file.as_fd(), FRAME.bytes).map_err(Problem::system(&node))?;
        let direct = begun.elapsed();
        drop(bare);
        let begun = Instant::now();
        let grant = ask::granted(&client, &asked).await?;
        rounds.push(begun.elapsed().as_secs_f64() / direct.as_secs_f64());
        client.release(grant.lease).await?;
    }
    rounds.sort_by(f64::total_cmp);
    Ok(format!("{:.3}", rounds[ROUNDS / 2]))
}
