//! Pictures in buffers: what a V4L2 device does with memory that somebody else chose.

use crate::ask::{self, Amount};
use crate::problem::Problem;
use heapq_allocator::sys::dma_buf::{Direction, begin_access, end_access};
use heapq_allocator::sys::mapping::Mapping;
use heapq_allocator::sys::v4l2::{Device, Format, Memory, Queue};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// Buffers in the queue. Two would do for one frame.
pub(crate) const QUEUED: u32 = 3;
/// What is in a buffer before the device writes: nothing that a zeroed buffer or a picture is full of.
pub(crate) const FILLER: u8 = 0xa5;
/// vivid takes a second, and a busy host makes an emulated machine slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A picture as a device is told to write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The same four characters in V4L2 and DRM, of those that are used here.
    pub(crate) fourcc: [u8; 4],
}

/// Frames of 4 MB.
const FULL: Picture = Picture { width: 1920, height: 1080, fourcc: *b"YUYV" };
/// Frames of 16 MB.
const LARGE: Picture = Picture { width: 3840, height: 2160, fourcc: *b"YUYV" };

/// A frame of 4 MB from `node`, in buffers that heapqd gave for the device `other`, read back through
/// a mapping. With `mislaid`, that of a buffer which the device never saw.
pub(crate) async fn capture(node: &str, other: &str, mislaid: bool) -> Result<String, Problem> {
    let device = open(node)?;
    let format = format(&device, node, FULL)?;
    let client = ask::service().await?;
    // One more than the device gets.
    let amount = Amount { count: QUEUED + 1, bytes: format.size.into() };
    let grant = ask::granted(&client, &ask::for_device(other, amount)).await?;
    blank(&grant.buffers, format.size)?;
    let filled = shoot(&device, node, &grant.buffers, format)?;
    let seen = if mislaid { QUEUED } else { filled };
    let colours = picture(&read(buffer(&grant.buffers, seen)?, format.size)?)?;
    let heap = ask::heap(&grant);
    client.release(grant.lease).await?;
    Ok(format!("{node} wrote {} bytes into {heap}, {colours} values", format.size))
}

/// Sees that `node` refuses, with EFAULT, the buffers that heapqd gave for the device `other`. They
/// are 16 MB each: smaller scattered ones may be contiguous by luck.
pub(crate) async fn refused(node: &str, other: &str) -> Result<String, Problem> {
    let device = open(node)?;
    let format = format(&device, node, LARGE)?;
    let client = ask::service().await?;
    let amount = Amount { count: 2, bytes: format.size.into() };
    let grant = ask::granted(&client, &ask::for_device(other, amount)).await?;
    request(&device, node, Queue::Capture, amount.count)?;
    for index in 0..amount.count {
        let buffer = buffer(&grant.buffers, index)?;
        match queue(&device, index, buffer, format) {
            Ok(()) => return Err(Problem::Wrong(format!("{node} took a buffer for {other}"))),
            Err(error) if error.raw_os_error() == Some(Errno::FAULT.raw_os_error()) => {}
            Err(error) => return Err(Problem::system(format!("QBUF on {node}"))(error)),
        }
    }
    Ok(format!("{node} refuses {} bytes from {}: EFAULT", format.size, ask::heap(&grant)))
}

/// Fills the first bytes of `buffers` with what no picture is full of.
pub(crate) fn blank(buffers: &[OwnedFd], bytes: u32) -> Result<(), Problem> {
    buffers.iter().try_for_each(|buffer| {
        map(buffer, bytes)?.fill(FILLER);
        Ok(())
    })
}

/// A frame from `node` in one of `buffers`; which.
pub(crate) fn film(node: &str, picture: Picture, buffers: &[OwnedFd]) -> Result<u32, Problem> {
    let device = open(node)?;
    let format = format(&device, node, picture)?;
    shoot(&device, node, buffers, format)
}

/// A number that stands for the picture in a buffer.
pub(crate) fn look(buffer: &OwnedFd, bytes: u32) -> Result<u64, Problem> {
    let bytes = read(buffer, bytes)?;
    picture(&bytes)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Ok(hasher.finish())
}

pub(crate) fn open(node: &str) -> Result<Device, Problem> {
    Device::open(Path::new(node)).map_err(Problem::system(node))
}

fn format(device: &Device, node: &str, picture: Picture) -> Result<Format, Problem> {
    let Picture { width, height, fourcc } = picture;
    let format = device
        .set_format(Queue::Capture, width, height, fourcc)
        .map_err(Problem::system(format!("S_FMT on {node}")))?;
    if (format.width, format.height) != (width, height) {
        return Err(Problem::Wrong(format!("{node} cannot do {width}×{height}: {format:?}")));
    }
    Ok(format)
}

/// A queue of at least `count` places.
pub(crate) fn request(
    device: &Device,
    node: &str,
    queue: Queue,
    count: u32,
) -> Result<(), Problem> {
    let call = || Problem::system(format!("REQBUFS on {node}"));
    match device.request_buffers(queue, Memory::DmaBuf, count).map_err(call())? {
        given if given >= count => Ok(()),
        given => Err(Problem::Wrong(format!("{node} queues {given} buffers, not {count}"))),
    }
}

fn queue(device: &Device, index: u32, fd: &OwnedFd, format: Format) -> std::io::Result<()> {
    device.queue_dma_buf(Queue::Capture, index, fd.as_fd(), format.size, 0)
}

/// Streams until one frame is there; returns the index of its buffer.
fn shoot(device: &Device, node: &str, buffers: &[OwnedFd], format: Format) -> Result<u32, Problem> {
    let call = |name| Problem::system(format!("{name} on {node}"));
    request(device, node, Queue::Capture, QUEUED)?;
    for index in 0..QUEUED {
        queue(device, index, buffer(buffers, index)?, format).map_err(call("QBUF"))?;
    }
    device.stream_on(Queue::Capture).map_err(call("STREAMON"))?;
    let done = device.dequeue(Queue::Capture, Memory::DmaBuf, PATIENCE).map_err(call("DQBUF"))?;
    device.stream_off(Queue::Capture).map_err(call("STREAMOFF"))?;
    if done.faulty || done.bytes != format.size {
        return Err(Problem::Wrong(format!("{node} gave {done:?} for {} bytes", format.size)));
    }
    Ok(done.index)
}

pub(crate) fn buffer(buffers: &[OwnedFd], index: u32) -> Result<&OwnedFd, Problem> {
    let found = usize::try_from(index).ok().and_then(|index| buffers.get(index));
    found.ok_or_else(|| Problem::Wrong(format!("no buffer {index} among {}", buffers.len())))
}

fn map(buffer: &OwnedFd, bytes: u32) -> Result<Mapping, Problem> {
    Mapping::new(buffer, bytes.into()).map_err(Problem::system("mmap of a buffer"))
}

pub(crate) fn read(buffer: &OwnedFd, bytes: u32) -> Result<Vec<u8>, Problem> {
    let sync = || Problem::system("DMA_BUF_IOCTL_SYNC");
    begin_access(buffer.as_fd(), Direction::READ).map_err(sync())?;
    let bytes = map(buffer, bytes)?.copy().map_err(Problem::system("a copy of the frame"))?;
    end_access(buffer.as_fd(), Direction::READ).map_err(sync())?;
    Ok(bytes)
}

/// How many values the pixels of a frame have (of YUYV: pairs of them), if it is vivid's colour bars: 8
/// bars, and a pixel here and there. Of what was there before, chance may leave a bar's worth.
fn picture(bytes: &[u8]) -> Result<usize, Problem> {
    let untouched = bytes.iter().filter(|byte| **byte == FILLER).count();
    let values = bytes.chunks(4).collect::<BTreeSet<_>>().len();
    if untouched > bytes.len() / 4 || values < 8 {
        let len = bytes.len();
        let text = format!("no picture: {untouched} of {len} bytes untouched, {values} values");
        return Err(Problem::Wrong(text));
    }
    Ok(values)
}
