//! A stream of pictures: more frames than the device's queue has places.

use crate::frame::{self, PATIENCE, Picture, QUEUED};
use crate::problem::Problem;
use heapq_allocator::sys::v4l2::{
    Dequeued, Device, Memory, PlaneBuffer, PlaneFormat, PlanesFormat, Queue,
};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

/// A camera that is told what to write, and not yet where.
pub(crate) struct Film<'a> {
    node: &'a str,
    device: Device,
    queue: Queue,
    /// What each buffer of a frame has to hold.
    pub(crate) planes: Vec<PlaneFormat>,
}

impl<'a> Film<'a> {
    /// With a buffer for each plane if `apart`, which the node must be made for.
    pub(crate) fn open(node: &'a str, picture: Picture, apart: bool) -> Result<Self, Problem> {
        let Picture { width, height, fourcc } = picture;
        let device = frame::open(node)?;
        let queue = if apart { Queue::CapturePlanes } else { Queue::Capture };
        let format = if apart {
            device.set_planes_format(queue, width, height, fourcc)
        } else {
            device.set_format(queue, width, height, fourcc).map(|one| PlanesFormat {
                width: one.width,
                height: one.height,
                fourcc: one.fourcc,
                planes: vec![PlaneFormat { stride: one.stride, size: one.size }],
            })
        };
        let format = format.map_err(Problem::system(format!("S_FMT on {node}")))?;
        if (format.width, format.height, format.fourcc) != (width, height, fourcc) {
            return Err(Problem::Wrong(format!("{node} cannot do {picture:?}: {format:?}")));
        }
        Ok(Self { node, device, queue, planes: format.planes })
    }

    /// Lets the camera write into every frame of `buffers` at least once, each time through whatever
    /// place of the queue is free: no place keeps its buffer. Then the stream ends, and the device is
    /// closed.
    pub(crate) fn shoot(self, buffers: &[OwnedFd]) -> Result<(), Problem> {
        let call = |name| Problem::system(format!("{name} on {}", self.node));
        let frames: Vec<&[OwnedFd]> = buffers.chunks(self.planes.len()).collect();
        frame::request(&self.device, self.node, self.queue, QUEUED)?;
        let mut waiting: VecDeque<usize> = (0..frames.len()).collect();
        let mut places = vec![0; usize::try_from(QUEUED).unwrap_or(0)];
        let mut put =
            |place: u32, waiting: &mut VecDeque<usize>| -> Result<Option<usize>, Problem> {
                let next = waiting.pop_front().unwrap_or_default();
                self.put(place, frames[next]).map_err(call("QBUF"))?;
                let at = places.get_mut(usize::try_from(place).unwrap_or(usize::MAX));
                Ok(at.map(|at| std::mem::replace(at, next)))
            };
        for place in 0..QUEUED {
            put(place, &mut waiting)?;
        }
        self.device.stream_on(self.queue).map_err(call("STREAMON"))?;
        for _ in 0..2 * frames.len() {
            let done = self.take().map_err(call("DQBUF"))?;
            if done.faulty {
                return Err(Problem::Wrong(format!("{} gave {done:?}", self.node)));
            }
            let filled = put(done.index, &mut waiting)?;
            waiting.extend(filled);
        }
        self.device.stream_off(self.queue).map_err(call("STREAMOFF"))
    }

    fn put(&self, place: u32, frame: &[OwnedFd]) -> std::io::Result<()> {
        let buffers = frame.iter().zip(&self.planes).map(|(buffer, plane)| PlaneBuffer {
            buffer: buffer.as_fd(),
            len: plane.size,
            bytes: 0,
        });
        let buffers: Vec<PlaneBuffer<'_>> = buffers.collect();
        match (self.queue, buffers.as_slice()) {
            (Queue::Capture, [one]) => {
                self.device.queue_dma_buf(self.queue, place, one.buffer, one.len, 0)
            }
            _ => self.device.queue_planes(self.queue, place, &buffers),
        }
    }

    fn take(&self) -> std::io::Result<Dequeued> {
        match self.queue {
            Queue::Capture => self.device.dequeue(self.queue, Memory::DmaBuf, PATIENCE),
            _ => self.device.dequeue_planes(self.queue, Memory::DmaBuf, PATIENCE),
        }
    }
}
