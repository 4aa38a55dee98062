//! An importer that was told what pictures it gets, and gets buffers for them.

use super::importer::{Importer, Kind, Size};
use super::memory;
use crate::problem::Problem;
use heapq_allocator::sys::v4l2::{Device, PlaneBuffer, Queue};
use heapq_allocator::sys::{Refused, drm};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// NV12 with a buffer for each of its planes.
const PLANES: [u8; 4] = *b"NM12";

/// Until it is dropped, nobody else tells the importer anything.
pub(crate) enum Session {
    /// Bytes of each plane's buffer.
    Video { device: Device, queue: Queue, sizes: Vec<u32> },
    /// `shows`: pictures, else it takes buffers for whatever.
    Drm { card: drm::Device, pixels: drm::Pixels, shows: bool },
}

impl Session {
    /// `None`: the importer does not do this size.
    pub(crate) fn open(importer: &Importer, size: Size) -> Result<Option<Self>, Problem> {
        let path = Path::new(&importer.node);
        let system = |what: &str| Problem::system(format!("{what} on {}", importer.node));
        match importer.kind {
            Kind::Video(queue, _) => {
                let device = Device::open(path).map_err(system("open"))?;
                let sizes = sizes(&device, queue, size).map_err(system("S_FMT"))?;
                Ok(Some(Self::Video { device, queue, sizes }))
            }
            Kind::Screen | Kind::Render => {
                let card = drm::Device::open(path).map_err(system("open"))?;
                let (width, height) = size;
                let fits = card.largest().is_none_or(|most| width <= most.0 && height <= most.1);
                let stride = width.saturating_mul(4);
                let pixels = drm::Pixels { width, height, stride };
                let shows = importer.kind == Kind::Screen;
                Ok(fits.then_some(Self::Drm { card, pixels, shows }))
            }
        }
    }

    /// Bytes of each buffer of a frame.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        match self {
            Self::Video { sizes, .. } => sizes.iter().copied().map(u64::from).collect(),
            Self::Drm { pixels, .. } => vec![u64::from(pixels.stride) * u64::from(pixels.height)],
        }
    }

    /// Those of the largest.
    pub(crate) fn bytes(&self) -> u64 {
        self.sizes().into_iter().max().unwrap_or(0)
    }

    /// Gives it a frame, and takes it away again. How many parts of the bounce buffer it had meanwhile.
    pub(crate) fn take(&self, frame: &[OwnedFd]) -> Result<u64, Refused> {
        let before = memory::bounced();
        let taken = || memory::bounced().saturating_sub(before);
        match self {
            Self::Video { device, queue, sizes } => {
                let planes = frame.iter().zip(sizes).map(|(buffer, len)| PlaneBuffer {
                    buffer: buffer.as_fd(),
                    len: *len,
                    bytes: *len,
                });
                let _held = device.import(*queue, &planes.collect::<Vec<_>>())?;
                Ok(taken())
            }
            Self::Drm { card, pixels, shows } => {
                let mut held = Vec::new();
                for buffer in frame {
                    let mut one = card.import(buffer.as_fd())?;
                    if *shows {
                        one.frame(*pixels)?;
                    }
                    held.push(one);
                }
                Ok(taken())
            }
        }
    }
}

/// Sets the size of all queues, and returns what this one's buffers need. It comes last: what is set on one
/// may undo what was set on another (a codec's coded format resets the format of its pictures).
fn sizes(device: &Device, queue: Queue, size: Size) -> io::Result<Vec<u32>> {
    let queues = device.capability()?.queues();
    for other in queues.iter().filter(|of| **of != queue) {
        device.set_frame_format(*other, size, device.frame_format(*other)?.fourcc)?;
    }
    let own = device.frame_format(queue)?.fourcc;
    // Where there can be a buffer for each plane, there are two, if the driver knows that format. Codecs
    // keep to theirs: one of their queues takes no pictures.
    let apart = (queue.is_planar() && queues.len() == 1).then_some(PLANES);
    let format = match apart.map(|apart| device.set_frame_format(queue, size, apart)) {
        Some(Ok(format)) => format,
        _ => device.set_frame_format(queue, size, own)?,
    };
    Ok(format.planes.iter().map(|plane| plane.size).collect())
}
