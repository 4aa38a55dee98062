//! The queues of a V4L2 node.

use super::bounce::Counter;
use super::{Fault, Kept, Offer, fault};
use crate::probe::tried::Way;
use crate::sys::Refused;
use crate::sys::v4l2::{Device, KeptFormat, Memory, PlaneBuffer, PlanesFormat, Queue};
use rustix::io::Errno;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Frames that are asked for; the driver makes of them what it can do.
const SMALL: (u32, u32) = (16, 16);
const LARGE: (u32, u32) = (1920, 1080);

/// An open node with the formats that it had.
#[derive(Debug)]
pub struct Queues {
    device: Device,
    queues: Vec<Own>,
}

#[derive(Debug)]
struct Own {
    queue: Queue,
    kept: KeptFormat,
    found: PlanesFormat,
}

impl Own {
    fn way(&self) -> Way {
        if self.queue.is_capture() { Way::Capture } else { Way::Output }
    }
}

impl Queues {
    pub(super) fn open(node: &Path) -> Result<Self, Fault> {
        let device = Device::open(node).map_err(|error| fault("open", &error))?;
        let none = |_| Fault::Nothing("it is no node of V4L2 or DRM".to_owned());
        let queues = device.capability().map_err(none)?.queues();
        let mut own = Vec::new();
        for queue in queues {
            let refused = |error: io::Error| fault("G_FMT", &error);
            let kept = device.keep_format(queue).map_err(refused)?;
            let found = device.frame_format(queue).map_err(refused)?;
            own.push(Own { queue, kept, found });
        }
        if own.is_empty() {
            return Err(Fault::Nothing("it neither captures video nor puts it out".to_owned()));
        }
        Ok(Self { device, queues: own })
    }

    pub(super) fn kept(&self) -> Kept {
        self.queues.iter().map(|own| own.kept.clone()).collect()
    }

    /// Whether it is in use shows when its format is to change or its buffers are.
    pub(super) fn offers(&self) -> Result<Vec<Offer>, Fault> {
        let mut offers = Vec::new();
        for own in &self.queues {
            let large = sizes(&self.set(own, LARGE)?);
            let small = sizes(&self.set(own, SMALL)?);
            for count in [1, 0] {
                match self.device.request_buffers(own.queue, Memory::DmaBuf, count) {
                    Err(error) if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {
                        return Err(Fault::Busy("REQBUFS".to_owned()));
                    }
                    // What else is wrong, each import will say.
                    _ => {}
                }
            }
            offers.push(Offer { way: own.way(), small, large });
        }
        Ok(offers)
    }

    fn set(&self, own: &Own, extent: (u32, u32)) -> Result<PlanesFormat, Fault> {
        let set = self.device.set_frame_format(own.queue, extent, own.found.fourcc);
        set.map_err(|error| fault("S_FMT", &error))
    }

    pub(super) fn import(
        &self,
        way: Way,
        buffers: &[(BorrowedFd<'_>, u64)],
        copied: &Counter,
    ) -> Result<Option<bool>, Refused> {
        let unasked = |call| move |source: io::Error| Refused { call, source };
        let own = self.queues.iter().find(|own| own.way() == way);
        let own = own.ok_or_else(|| unasked("S_FMT")(Errno::INVAL.into()))?;
        // The large frame where the buffers are large enough for it.
        let set = |extent| {
            let format = self.device.set_frame_format(own.queue, extent, own.found.fourcc);
            format.map(|format| sizes(&format)).map_err(unasked("S_FMT"))
        };
        let mut sizes = set(LARGE)?;
        if buffers.iter().zip(&sizes).any(|((_, len), size)| len < size) {
            sizes = set(SMALL)?;
        }
        let mut planes = Vec::new();
        for ((buffer, len), size) in buffers.iter().zip(sizes) {
            let short = |bytes: u64| u32::try_from(bytes);
            let (Ok(len), Ok(size)) = (short(*len), short(size)) else {
                return Err(unasked("QBUF")(Errno::OVERFLOW.into()));
            };
            // A queue that the device reads wants contents, and no more than a frame of them.
            let bytes = if own.queue.is_capture() { 0 } else { size };
            planes.push(PlaneBuffer { buffer: *buffer, len, bytes });
        }
        let imported = self.device.import(own.queue, &planes)?;
        let bounced = copied.rose();
        drop(imported);
        Ok(bounced)
    }

    pub(super) fn restore(&self, kept: &Kept) -> io::Result<()> {
        kept.iter().try_for_each(|format| self.device.restore(format))?;
        let now = |own: &Own| self.device.keep_format(own.queue);
        for own in &self.queues {
            if !kept.contains(&now(own)?) {
                return Err(io::Error::other("the format is not what it was"));
            }
        }
        Ok(())
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.restore(&self.kept());
    }
}

fn sizes(format: &PlanesFormat) -> Vec<u64> {
    format.planes.iter().map(|plane| u64::from(plane.size)).collect()
}
