//! Multi-planar queues: each plane of a picture may be a buffer of its own.

use super::raw::{self, PLANES_MAX};
use super::{Dequeued, Device, Memory, Queue};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// One plane of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneFormat {
    /// Bytes from row to row; the driver's choice.
    pub stride: u32,
    /// Bytes that the plane's buffer must have; the driver's choice.
    pub size: u32,
}

/// A picture's format on a multi-planar queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanesFormat {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// V4L2 code, little endian: `*b"NM12"`.
    pub fourcc: [u8; 4],
    /// One for each buffer of a frame; 1 to 8.
    pub planes: Vec<PlaneFormat>,
}

/// The memory of one plane.
#[derive(Clone, Copy, Debug)]
pub struct PlaneBuffer<'a> {
    /// A dma-buf.
    pub buffer: BorrowedFd<'a>,
    /// Its length in bytes.
    pub len: u32,
    /// Bytes of it that the device may read (output).
    pub bytes: u32,
}

impl Device {
    /// `VIDIOC_G_FMT` on a multi-planar queue.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have.
    pub fn planes_format(&self, queue: Queue) -> io::Result<PlanesFormat> {
        let mut raw = raw::FormatPlanes { kind: queue.code(), ..Default::default() };
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::g_fmt_planes(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(raw.pix.into())
    }

    /// `VIDIOC_S_FMT` on a multi-planar queue: asks for a size and fourcc, and returns what the driver
    /// makes of it.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have, `EBUSY` while it has buffers.
    pub fn set_planes_format(
        &self,
        queue: Queue,
        width: u32,
        height: u32,
        fourcc: [u8; 4],
    ) -> io::Result<PlanesFormat> {
        let mut raw = raw::FormatPlanes { kind: queue.code(), ..Default::default() };
        raw.pix.width = width;
        raw.pix.height = height;
        raw.pix.pixelformat = u32::from_le_bytes(fourcc);
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::s_fmt_planes(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(raw.pix.into())
    }

    /// `VIDIOC_QBUF` with a dma-buf for each plane.
    ///
    /// # Errors
    /// As those of [`Self::queue_dma_buf`]; `EINVAL` for too few planes, or more than 8.
    pub fn queue_planes(
        &self,
        queue: Queue,
        index: u32,
        buffers: &[PlaneBuffer<'_>],
    ) -> io::Result<()> {
        if buffers.len() > PLANES_MAX {
            return Err(rustix::io::Errno::INVAL.into());
        }
        let mut planes = [raw::Plane::default(); PLANES_MAX];
        for (plane, buffer) in planes.iter_mut().zip(buffers) {
            plane.m.fd = buffer.buffer.as_raw_fd();
            plane.length = buffer.len;
            plane.bytesused = buffer.bytes;
        }
        let mut raw =
            raw::BufferPlanes::of(queue.code(), Memory::DmaBuf.code(), index, &mut planes);
        raw.length = u32::try_from(buffers.len()).unwrap_or_default();
        // SAFETY: `raw` is the structure of this request; it and the planes that it points to live
        // through the call.
        unsafe { raw::qbuf_planes(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(())
    }

    /// Waits until a buffer of a multi-planar queue is done, and takes it off the queue. The bytes are
    /// those of all planes.
    ///
    /// # Errors
    /// As those of [`Self::dequeue`].
    pub fn dequeue_planes(
        &self,
        queue: Queue,
        memory: Memory,
        timeout: Duration,
    ) -> io::Result<Dequeued> {
        self.wait(queue, timeout)?;
        let mut planes = [raw::Plane::default(); PLANES_MAX];
        let mut raw = raw::BufferPlanes::of(queue.code(), memory.code(), 0, &mut planes);
        raw.length = u32::try_from(PLANES_MAX).unwrap_or_default();
        // SAFETY: `raw` is the structure of this request; it and the planes that it points to, of which
        // it says how many there are, live through the call.
        unsafe { raw::dqbuf_planes(self.fd.as_raw_fd(), &raw mut raw) }?;
        let (index, faulty) = (raw.index, raw.flags & raw::BUF_FLAG_ERROR != 0);
        let bytes = planes.iter().fold(0_u32, |sum, plane| sum.saturating_add(plane.bytesused));
        Ok(Dequeued { index, bytes, faulty })
    }
}

impl From<raw::PixFormatPlanes> for PlanesFormat {
    fn from(raw: raw::PixFormatPlanes) -> Self {
        let plane = |plane: &raw::PlaneFormat| PlaneFormat {
            stride: plane.bytesperline,
            size: plane.sizeimage,
        };
        Self {
            width: raw.width,
            height: raw.height,
            fourcc: { raw.pixelformat }.to_le_bytes(),
            planes: { raw.planes }.iter().take(raw.count.into()).map(plane).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sys::v4l2::{Device, PlaneBuffer, Queue};
    use rustix::io::Errno;
    use std::os::fd::AsFd;
    use std::path::Path;

    #[test]
    fn what_is_no_video_node_is_an_error() {
        let null = Device::open(Path::new("/dev/null")).unwrap();
        assert!(null.planes_format(Queue::CapturePlanes).is_err());
        let plane = PlaneBuffer { buffer: null.as_fd(), len: 4096, bytes: 0 };
        for (count, expected) in [(1, Errno::NOTTY), (8, Errno::NOTTY), (9, Errno::INVAL)] {
            let error = null.queue_planes(Queue::OutputPlanes, 0, &vec![plane; count]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(expected.raw_os_error()), "{count} planes");
        }
    }
}
