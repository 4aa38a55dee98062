//! A V4L2 device for others to look at.

use crate::problem::Problem;
use heapq_allocator::sys::v4l2::{Device, Memory};
use std::path::Path;

/// The formats of all queues of `node`.
pub(crate) fn format(node: &str) -> Result<String, Problem> {
    let device = Device::open(Path::new(node)).map_err(Problem::system(node))?;
    let queues = device.capability().map_err(Problem::system(node))?.queues();
    let format = |queue| device.frame_format(queue).map_err(Problem::system("G_FMT"));
    let formats = queues.into_iter().map(format).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{formats:?}"))
}

/// Takes buffers of `node` and keeps them until this process is killed.
pub(crate) async fn occupy(node: &str) -> Result<String, Problem> {
    let device = Device::open(Path::new(node)).map_err(Problem::system(node))?;
    let queues = device.capability().map_err(Problem::system(node))?.queues();
    for queue in queues {
        let taken = device.request_buffers(queue, Memory::Mmap, 1);
        taken.map_err(Problem::system(format!("REQBUFS on {node}")))?;
    }
    println!("{node} is occupied");
    std::future::pending().await
}
