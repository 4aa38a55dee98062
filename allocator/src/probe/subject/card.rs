//! A node of DRM.

use super::bounce::Counter;
use super::{Fault, Offer, fault};
use crate::probe::tried::Way;
use crate::sys::Refused;
use crate::sys::drm::{Device, Pixels};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Frames of `XR24`, largest first. Their bytes are powers of two: nothing of a buffer is left over.
const FRAMES: [Pixels; 4] = [frame(2048, 2048), frame(1024, 512), frame(256, 256), frame(32, 32)];

const fn frame(width: u32, height: u32) -> Pixels {
    Pixels { width, height, stride: width * 4 }
}

fn bytes(frame: Pixels) -> u64 {
    u64::from(frame.stride).saturating_mul(frame.height.into())
}

/// An open node.
#[derive(Debug)]
pub struct Card {
    device: Device,
    /// The largest framebuffer, where it has any.
    largest: Option<(u32, u32)>,
}

impl Card {
    pub(super) fn open(node: &Path) -> Result<Self, Fault> {
        let device = Device::open(node).map_err(|error| fault("open", &error))?;
        device.driver().map_err(|error| fault("VERSION", &error))?;
        let largest = device.largest();
        Ok(Self { device, largest })
    }

    /// What shows pictures is asked for framebuffers. A device that does not say that it imports is
    /// asked all the same: some say so wrongly.
    pub(super) fn offers(&self) -> Result<Vec<Offer>, Fault> {
        let (small, large) = (vec![bytes(FRAMES[3])], vec![bytes(FRAMES[0])]);
        let way = if self.largest.is_some() { Way::Framebuffer } else { Way::Import };
        Ok(vec![Offer { way, small, large }])
    }

    pub(super) fn import(
        &self,
        way: Way,
        buffers: &[(BorrowedFd<'_>, u64)],
        copied: &Counter,
    ) -> Result<Option<bool>, Refused> {
        let wrong = |errno: Errno| Refused { call: "PRIME_FD_TO_HANDLE", source: errno.into() };
        let [(buffer, len)] = buffers else { return Err(wrong(Errno::PERM)) };
        let mut imported = self.device.import(*buffer)?;
        if way == Way::Framebuffer {
            imported.frame(self.frame(*len))?;
        }
        Ok(copied.rose())
    }

    /// The largest frame that fits into a buffer and on the device.
    fn frame(&self, len: u64) -> Pixels {
        let (width, height) = self.largest.unwrap_or((u32::MAX, u32::MAX));
        let fits = |frame: &&Pixels| {
            bytes(**frame) <= len && frame.width <= width && frame.height <= height
        };
        *FRAMES.iter().find(fits).unwrap_or(&FRAMES[3])
    }
}
