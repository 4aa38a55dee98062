//! As much of V4L2 as it takes to see whether a device accepts a buffer: capture and output queues,
//! with buffers imported as dma-bufs or allocated by the driver. What differs on queues whose planes
//! are buffers of their own is in `planes`.

mod import;
mod planes;
mod raw;

pub use import::{Imported, KeptFormat};
pub use planes::{PlaneBuffer, PlaneFormat, PlanesFormat};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// Which queue of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The device writes, user space reads.
    Capture,
    /// User space writes, the device reads.
    Output,
    /// As `Capture`, for a multi-planar node.
    CapturePlanes,
    /// As `Output`, for a multi-planar node.
    OutputPlanes,
}

impl Queue {
    fn code(self) -> u32 {
        match self {
            Self::Capture => 1,
            Self::Output => 2,
            Self::CapturePlanes => 9,
            Self::OutputPlanes => 10,
        }
    }

    /// The device writes.
    #[must_use]
    pub fn is_capture(self) -> bool {
        matches!(self, Self::Capture | Self::CapturePlanes)
    }

    /// Each plane of a frame may be a buffer of its own.
    #[must_use]
    pub fn is_planar(self) -> bool {
        matches!(self, Self::CapturePlanes | Self::OutputPlanes)
    }
}

/// Whose memory a queue's buffers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The driver allocates it; [`Device::export`] gives it as a dma-buf.
    Mmap,
    /// Imported with each [`Device::queue_dma_buf`].
    DmaBuf,
}

impl Memory {
    fn code(self) -> u32 {
        match self {
            Self::Mmap => 1,
            Self::DmaBuf => 4,
        }
    }
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The driver's name.
    pub driver: String,
    /// The device's.
    pub card: String,
    /// Where it sits.
    pub bus: String,
    /// `V4L2_CAP_*` of this node.
    pub flags: u32,
}

impl Capability {
    /// `V4L2_CAP_VIDEO_CAPTURE`
    pub const CAPTURE: u32 = 0x0000_0001;
    /// `V4L2_CAP_VIDEO_OUTPUT`
    pub const OUTPUT: u32 = 0x0000_0002;
    /// `V4L2_CAP_VIDEO_CAPTURE_MPLANE`
    pub const CAPTURE_PLANES: u32 = 0x0000_1000;
    /// `V4L2_CAP_VIDEO_OUTPUT_MPLANE`
    pub const OUTPUT_PLANES: u32 = 0x0000_2000;
    /// `V4L2_CAP_VIDEO_M2M_MPLANE`
    pub const M2M_PLANES: u32 = 0x0000_4000;
    /// `V4L2_CAP_VIDEO_M2M`: both queues, of which one feeds the other.
    pub const M2M: u32 = 0x0000_8000;
    /// `V4L2_CAP_STREAMING`
    pub const STREAMING: u32 = 0x0400_0000;

    /// Whether all of `flags` are there.
    #[must_use]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// The queues of the node, output first: what feeds the other.
    #[must_use]
    pub fn queues(&self) -> Vec<Queue> {
        let of = [
            (Queue::Output, Self::OUTPUT, Self::M2M),
            (Queue::OutputPlanes, Self::OUTPUT_PLANES, Self::M2M_PLANES),
            (Queue::Capture, Self::CAPTURE, Self::M2M),
            (Queue::CapturePlanes, Self::CAPTURE_PLANES, Self::M2M_PLANES),
        ];
        let has = |(_, own, both): &(Queue, u32, u32)| self.has(*own) || self.has(*both);
        of.into_iter().filter(has).map(|(queue, ..)| queue).collect()
    }
}

/// A picture's format on one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// V4L2 code, little endian: `*b"YUYV"`.
    pub fourcc: [u8; 4],
    /// Bytes from row to row; the driver's choice.
    pub stride: u32,
    /// Bytes that a buffer must have; the driver's choice.
    pub size: u32,
}

/// A buffer that came back from a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dequeued {
    /// Which one.
    pub index: u32,
    /// Bytes that the device wrote.
    pub bytes: u32,
    /// The device says that the contents may be wrong.
    pub faulty: bool,
}

/// An open V4L2 node.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
}

impl Device {
    /// Opens a node, non-blocking.
    ///
    /// # Errors
    /// What open says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(Self { fd: rustix::fs::open(path, flags, Mode::empty())? })
    }

    /// `VIDIOC_QUERYCAP`
    ///
    /// # Errors
    /// `ENOTTY` for what is no V4L2 node.
    pub fn capability(&self) -> io::Result<Capability> {
        let mut raw = raw::Capability::default();
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::querycap(self.fd.as_raw_fd(), &raw mut raw) }?;
        let own = if raw.capabilities & raw::DEVICE_CAPS == 0 {
            raw.capabilities
        } else {
            raw.device_caps
        };
        Ok(Capability {
            driver: text(&raw.driver),
            card: text(&raw.card),
            bus: text(&raw.bus_info),
            flags: own,
        })
    }

    /// `VIDIOC_G_FMT`
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have.
    pub fn format(&self, queue: Queue) -> io::Result<Format> {
        let mut raw = raw::Format { kind: queue.code(), ..raw::Format::default() };
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::g_fmt(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(raw.pix.into())
    }

    /// `VIDIOC_S_FMT`: asks for a size and fourcc, and returns what the driver makes of it.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have, `EBUSY` while it has buffers.
    pub fn set_format(
        &self,
        queue: Queue,
        width: u32,
        height: u32,
        fourcc: [u8; 4],
    ) -> io::Result<Format> {
        let mut raw = raw::Format { kind: queue.code(), ..raw::Format::default() };
        raw.pix.width = width;
        raw.pix.height = height;
        raw.pix.pixelformat = u32::from_le_bytes(fourcc);
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::s_fmt(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(raw.pix.into())
    }

    /// `VIDIOC_REQBUFS`: how many buffers the queue has from now on; 0 frees them.
    ///
    /// # Errors
    /// `EINVAL` for a kind of memory that the queue does not take, `ENOMEM`.
    pub fn request_buffers(&self, queue: Queue, memory: Memory, count: u32) -> io::Result<u32> {
        let (kind, memory) = (queue.code(), memory.code());
        let mut raw = raw::RequestBuffers { count, kind, memory, ..Default::default() };
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::reqbufs(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(raw.count)
    }

    /// `VIDIOC_QBUF` with a dma-buf of `len` bytes, of which the device may read `bytes` (output).
    ///
    /// # Errors
    /// Here, and not before, a device refuses memory that it cannot use: `EFAULT` for scattered
    /// memory where it needs contiguous, `EINVAL` for a buffer too small or out of its reach.
    pub fn queue_dma_buf(
        &self,
        queue: Queue,
        index: u32,
        buffer: BorrowedFd<'_>,
        len: u32,
        bytes: u32,
    ) -> io::Result<()> {
        let mut raw = self.buffer(queue, Memory::DmaBuf, index);
        raw.m.fd = buffer.as_raw_fd();
        raw.length = len;
        raw.bytesused = bytes;
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::qbuf(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(())
    }

    /// `VIDIOC_QBUF` with a buffer of the driver's own.
    ///
    /// # Errors
    /// `EINVAL` for an index that is not there or is queued already.
    pub fn queue_own(&self, queue: Queue, index: u32, bytes: u32) -> io::Result<()> {
        let mut raw = self.buffer(queue, Memory::Mmap, index);
        raw.bytesused = bytes;
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::qbuf(self.fd.as_raw_fd(), &raw mut raw) }?;
        Ok(())
    }

    /// Waits until a buffer is done, and takes it off the queue.
    ///
    /// # Errors
    /// `TimedOut` after `timeout`; `EIO` when the device failed; `EPIPE` after the last buffer.
    pub fn dequeue(&self, queue: Queue, memory: Memory, timeout: Duration) -> io::Result<Dequeued> {
        self.wait(queue, timeout)?;
        let mut raw = self.buffer(queue, memory, 0);
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::dqbuf(self.fd.as_raw_fd(), &raw mut raw) }?;
        let faulty = raw.flags & raw::BUF_FLAG_ERROR != 0;
        Ok(Dequeued { index: raw.index, bytes: raw.bytesused, faulty })
    }

    /// `VIDIOC_STREAMON`
    ///
    /// # Errors
    /// `EINVAL` with too few buffers queued, `EPIPE` when the pipeline is not set up.
    pub fn stream_on(&self, queue: Queue) -> io::Result<()> {
        let kind = queue.code().cast_signed();
        // SAFETY: the argument of this request is an integer that the kernel only reads.
        unsafe { raw::streamon(self.fd.as_raw_fd(), &raw const kind) }?;
        Ok(())
    }

    /// `VIDIOC_STREAMOFF`: all buffers come off the queue, and imported ones are let go with
    /// `request_buffers(0)`.
    ///
    /// # Errors
    /// `EINVAL` for a queue that the node does not have.
    pub fn stream_off(&self, queue: Queue) -> io::Result<()> {
        let kind = queue.code().cast_signed();
        // SAFETY: the argument of this request is an integer that the kernel only reads.
        unsafe { raw::streamoff(self.fd.as_raw_fd(), &raw const kind) }?;
        Ok(())
    }

    /// `VIDIOC_EXPBUF`: a buffer of the driver's own as a dma-buf.
    ///
    /// # Errors
    /// `EINVAL` for an index that is not there, `ENOTTY` for a driver that does not export.
    pub fn export(&self, queue: Queue, index: u32) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let kind = queue.code();
        let mut raw = raw::ExportBuffer { kind, index, flags: flags.bits(), ..Default::default() };
        // SAFETY: `raw` is the structure of this request, and lives through the call.
        unsafe { raw::expbuf(self.fd.as_raw_fd(), &raw mut raw) }?;
        // SAFETY: the call succeeded, so the kernel has put a descriptor that nobody else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(raw.fd) })
    }

    fn buffer(&self, queue: Queue, memory: Memory, index: u32) -> raw::Buffer {
        let field = raw::FIELD_NONE;
        raw::Buffer {
            index,
            kind: queue.code(),
            memory: memory.code(),
            field,
            ..Default::default()
        }
    }

    fn wait(&self, queue: Queue, timeout: Duration) -> io::Result<()> {
        let ready = if queue.is_capture() { PollFlags::IN } else { PollFlags::OUT };
        let timeout = Timespec::try_from(timeout).map_err(|_| rustix::io::Errno::INVAL)?;
        let mut fds = [PollFd::new(&self.fd, ready)];
        match poll(&mut fds, Some(&timeout))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<raw::PixFormat> for Format {
    fn from(raw: raw::PixFormat) -> Self {
        Self {
            width: raw.width,
            height: raw.height,
            fourcc: raw.pixelformat.to_le_bytes(),
            stride: raw.bytesperline,
            size: raw.sizeimage,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Capability, Device, Queue, text};
    use std::path::Path;

    #[test]
    fn what_is_no_video_node_is_an_error() {
        let null = Device::open(Path::new("/dev/null")).unwrap();
        assert!(null.capability().is_err());
        assert!(null.format(Queue::Capture).is_err());
        assert!(null.stream_on(Queue::Output).is_err());
        assert!(null.export(Queue::Capture, 0).is_err());
        assert!(Device::open(Path::new("/dev/there-is-no-such-node")).is_err());
    }

    #[test]
    fn fixed_fields_end_at_the_first_zero_or_at_their_end() {
        assert_eq!(text(b"vivid\0\0junk"), "vivid");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn queues_are_those_that_the_flags_say() {
        for (flags, expected) in [
            (Capability::CAPTURE, &[Queue::Capture][..]),
            (Capability::M2M, &[Queue::Output, Queue::Capture]),
            (Capability::M2M_PLANES, &[Queue::OutputPlanes, Queue::CapturePlanes]),
            (Capability::OUTPUT_PLANES, &[Queue::OutputPlanes]),
            (Capability::STREAMING, &[]),
        ] {
            let node = Capability {
                driver: String::new(),
                card: String::new(),
                bus: String::new(),
                flags,
            };
            assert_eq!(node.queues(), expected, "{flags:#x}");
        }
    }

    #[test]
    fn flags_are_all_or_nothing() {
        let flags = Capability::CAPTURE | Capability::STREAMING;
        let node =
            Capability { driver: String::new(), card: String::new(), bus: String::new(), flags };
        assert!(node.has(Capability::CAPTURE));
        assert!(!node.has(Capability::CAPTURE | Capability::OUTPUT));
    }
}
