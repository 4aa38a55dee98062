//! Whether a queue takes a buffer, and a device left as it was found.

use super::{Device, Format, Memory, PlaneBuffer, PlaneFormat, PlanesFormat, Queue, raw};
use crate::sys::Refused;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::AsRawFd;

/// The codes of the queues whose formats are plain figures.
const QUEUES: [u32; 4] = [1, 2, 9, 10];

/// A frame that a queue has; until this is dropped.
#[derive(Debug)]
pub struct Imported<'d> {
    device: &'d Device,
    queue: Queue,
}

/// The format of a queue as it was, for [`Device::restore`]. It can be kept by another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFormat {
    kind: u32,
    bytes: Vec<u8>,
}

impl Device {
    /// `VIDIOC_S_FMT` on a queue of either kind.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have, `EBUSY` while it has buffers.
    pub fn set_frame_format(
        &self,
        queue: Queue,
        (width, height): (u32, u32),
        fourcc: [u8; 4],
    ) -> io::Result<PlanesFormat> {
        if queue.is_planar() {
            return self.set_planes_format(queue, width, height, fourcc);
        }
        Ok(one_plane(self.set_format(queue, width, height, fourcc)?))
    }

    /// `VIDIOC_G_FMT` on a queue of either kind.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have.
    pub fn frame_format(&self, queue: Queue) -> io::Result<PlanesFormat> {
        if queue.is_planar() {
            return self.planes_format(queue);
        }
        Ok(one_plane(self.format(queue)?))
    }

    /// Queues a frame, a dma-buf for each plane, and does not stream: the device gets the memory and
    /// does nothing with it.
    ///
    /// # Errors
    /// `REQBUFS`: `EBUSY` for a queue that somebody else uses, `EINVAL` for one that imports
    /// nothing. `QBUF`: what the device says of this memory (see [`Device::queue_dma_buf`]);
    /// `EBADR` where it takes buffers with requests only.
    pub fn import(
        &self,
        queue: Queue,
        planes: &[PlaneBuffer<'_>],
    ) -> Result<Imported<'_>, Refused> {
        self.request_buffers(queue, Memory::DmaBuf, 1).map_err(Refused::at("REQBUFS"))?;
        // From here on dropping it takes everything back.
        let imported = Imported { device: self, queue };
        let queued = match planes {
            _ if queue.is_planar() => self.queue_planes(queue, 0, planes),
            [one] => self.queue_dma_buf(queue, 0, one.buffer, one.len, one.bytes),
            _ => Err(rustix::io::Errno::INVAL.into()),
        };
        queued.map_err(Refused::at("QBUF"))?;
        Ok(imported)
    }

    /// `VIDIOC_G_FMT`, as it is.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have.
    pub fn keep_format(&self, queue: Queue) -> io::Result<KeptFormat> {
        let mut raw = raw::FormatBytes { kind: queue.code(), align: [], bytes: [0; 200] };
        // SAFETY: `raw` is as long as the structure of this request, and lives through the call.
        unsafe { raw::g_fmt_bytes(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(KeptFormat { kind: raw.kind, bytes: raw.bytes.to_vec() })
    }

    /// `VIDIOC_S_FMT` with what was kept.
    ///
    /// # Errors
    /// `EBUSY` while the queue has buffers; `InvalidData` for what [`Self::keep_format`] never
    /// returned.
    pub fn restore(&self, kept: &KeptFormat) -> io::Result<()> {
        let bytes = kept.bytes.as_slice().try_into().ok().filter(|_| QUEUES.contains(&kept.kind));
        let bytes = bytes.ok_or(io::ErrorKind::InvalidData)?;
        let mut raw = raw::FormatBytes { kind: kept.kind, align: [], bytes };
        // SAFETY: `raw` is as long as the structure of this request, and lives through the call. The
        // formats of `QUEUES` hold no pointers.
        unsafe { raw::s_fmt_bytes(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(())
    }
}

fn one_plane(format: Format) -> PlanesFormat {
    let Format { width, height, fourcc, stride, size } = format;
    PlanesFormat { width, height, fourcc, planes: vec![PlaneFormat { stride, size }] }
}

impl Drop for Imported<'_> {
    fn drop(&mut self) {
        // What cannot be taken back now goes when the node is closed.
        let _ = self.device.stream_off(self.queue);
        let _ = self.device.request_buffers(self.queue, Memory::DmaBuf, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, KeptFormat, Queue};
    use std::io;
    use std::path::Path;

    #[test]
    fn what_is_no_video_node_is_an_error() {
        let null = Device::open(Path::new("/dev/null")).unwrap();
        assert_eq!(null.import(Queue::Capture, &[]).unwrap_err().call, "REQBUFS");
        assert!(null.keep_format(Queue::OutputPlanes).is_err());
    }

    #[test]
    fn what_was_never_kept_is_not_restored() {
        let null = Device::open(Path::new("/dev/null")).unwrap();
        for (kind, bytes) in [(1, 7), (3, 200), (1, 201)] {
            let kept = KeptFormat { kind, bytes: vec![0; bytes] };
            assert_eq!(null.restore(&kept).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let kept = KeptFormat { kind: 10, bytes: vec![0; 200] };
        assert_ne!(null.restore(&kept).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
