//! What a V4L2 device says to memory when it is queued. Nothing streams: codecs of emulated boards have
//! drivers and no hardware.

use crate::ask::{self, Amount};
use crate::problem::Problem;
use heapq_allocator::sys::dma_heap;
use heapq_allocator::sys::v4l2::{Device, PlaneBuffer, Queue};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Frames of several MB: large scattered buffers are not contiguous by luck.
const EXTENT: (u32, u32) = (1920, 1080);

/// A frame that `node` would write, in memory that heapqd gave for it.
pub(crate) async fn granted(node: &str) -> Result<String, Problem> {
    let writer = Writer::open(node)?;
    let client = ask::service().await?;
    let amount = Amount { count: 1, bytes: writer.bytes.into() };
    let grant = ask::granted(&client, &ask::for_device(node, amount)).await?;
    let said = writer.queue(crate::frame::buffer(&grant.buffers, 0)?, ask::heap(&grant))?;
    client.release(grant.lease).await?;
    Ok(said)
}

/// The same in memory of `heap`, asking nobody. An error has the kernel's word.
pub(crate) fn taken(node: &str, heap: &str) -> Result<String, Problem> {
    let writer = Writer::open(node)?;
    let path = format!("/dev/dma_heap/{heap}");
    let file = File::open(&path).map_err(Problem::system(&path))?;
    let buffer = dma_heap::alloc(file.as_fd(), writer.bytes.into());
    writer.queue(&buffer.map_err(Problem::system(&path))?, heap)
}

/// A device that writes frames, in a buffer each.
struct Writer<'n> {
    node: &'n str,
    device: Device,
    queue: Queue,
    /// Of a frame.
    bytes: u32,
}

impl<'n> Writer<'n> {
    fn open(node: &'n str) -> Result<Self, Problem> {
        let call = |name: &str| Problem::system(format!("{name} on {node}"));
        let wrong = |what: &str| Problem::Wrong(format!("{node} {what}"));
        let device = Device::open(Path::new(node)).map_err(call("open"))?;
        let queues = device.capability().map_err(call("QUERYCAP"))?.queues();
        let writes = queues.into_iter().find(|queue| queue.is_capture());
        let queue = writes.ok_or_else(|| wrong("writes nothing"))?;
        let fourcc = device.frame_format(queue).map_err(call("G_FMT"))?.fourcc;
        let format = device.set_frame_format(queue, EXTENT, fourcc).map_err(call("S_FMT"))?;
        let [plane] = *format.planes else { return Err(wrong("has several planes")) };
        Ok(Self { node, device, queue, bytes: plane.size })
    }

    fn queue(&self, buffer: &OwnedFd, heap: &str) -> Result<String, Problem> {
        let Self { node, bytes, .. } = self;
        let plane = PlaneBuffer { buffer: buffer.as_fd(), len: *bytes, bytes: 0 };
        match self.device.import(self.queue, &[plane]) {
            Ok(_) => Ok(format!("{node} takes {bytes} bytes from {heap}")),
            Err(why) => {
                Err(Problem::Wrong(format!("{node} refuses {bytes} bytes from {heap}: {why}")))
            }
        }
    }
}
