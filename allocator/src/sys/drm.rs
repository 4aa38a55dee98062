//! As much of DRM as it takes to see whether a device accepts a buffer: import by PRIME, and a
//! framebuffer of what was imported. Nothing is ever shown.

use super::Refused;
use drm::Device as _;
use drm::DriverCapability;
use drm::buffer::{DrmFourcc, DrmModifier, Handle, PlanarBuffer};
use drm::control::{Device as _, FbCmd2Flags, framebuffer};
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::ops::RangeBounds;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// `DRM_PRIME_CAP_IMPORT`
const CAP_IMPORT: u64 = 1;

/// An open card or render node.
#[derive(Debug)]
pub struct Device {
    file: File,
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl drm::Device for Device {}
impl drm::control::Device for Device {}

/// Pixels of `XR24` (`DRM_FORMAT_XRGB8888`), which lie at the beginning of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// In a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from row to row.
    pub stride: u32,
}

/// A buffer that a device has; until this is dropped.
#[derive(Debug)]
pub struct Imported<'d> {
    device: &'d Device,
    handle: Handle,
    framebuffer: Option<framebuffer::Handle>,
}

impl Device {
    /// Opens a node, without becoming the one who may change what is shown.
    ///
    /// # Errors
    /// What open says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let device = Self { file: File::options().read(true).write(true).open(path)? };
        // The first to open a card is its master. An error says that we are not.
        let _ = device.release_master_lock();
        Ok(device)
    }

    /// The driver's name.
    ///
    /// # Errors
    /// `ENOTTY` for what is no DRM node.
    pub fn driver(&self) -> io::Result<String> {
        Ok(self.get_driver()?.name().to_string_lossy().into_owned())
    }

    /// Whether it says that it imports. Some say so and refuse everything.
    ///
    /// # Errors
    /// As [`Self::driver`].
    pub fn imports(&self) -> io::Result<bool> {
        Ok(self.get_driver_capability(DriverCapability::Prime)? & CAP_IMPORT != 0)
    }

    /// The largest width and height of a framebuffer; `None` for a device or node that shows
    /// nothing.
    #[must_use]
    pub fn largest(&self) -> Option<(u32, u32)> {
        let all = self.resource_handles().ok().filter(|all| !all.crtcs().is_empty())?;
        Some((end(&all.supported_fb_width()), end(&all.supported_fb_height())))
    }

    /// `PRIME_FD_TO_HANDLE`
    ///
    /// # Errors
    /// What the device says: `EINVAL`, `ENODEV`, `EFAULT`. Some refuse here what they cannot use,
    /// others when they use it.
    pub fn import(&self, buffer: BorrowedFd<'_>) -> Result<Imported<'_>, Refused> {
        let handle = self.prime_fd_to_buffer(buffer).map_err(Refused::at("PRIME_FD_TO_HANDLE"))?;
        Ok(Imported { device: self, handle, framebuffer: None })
    }
}

impl Imported<'_> {
    /// `ADDFB2`: makes it something that could be shown.
    ///
    /// # Errors
    /// `EINVAL` for a size that the device cannot show, a buffer too small or memory that it cannot
    /// scan out.
    pub fn frame(&mut self, pixels: Pixels) -> Result<(), Refused> {
        let frame = Frame { pixels, handle: self.handle };
        let made = self.device.add_planar_framebuffer(&frame, FbCmd2Flags::empty());
        self.framebuffer = Some(made.map_err(Refused::at("ADDFB2"))?);
        Ok(())
    }
}

impl Drop for Imported<'_> {
    fn drop(&mut self) {
        // What cannot be given back now goes when the node is closed.
        if let Some(framebuffer) = self.framebuffer {
            let _ = self.device.destroy_framebuffer(framebuffer);
        }
        let _ = self.device.close_buffer(self.handle);
    }
}

struct Frame {
    pixels: Pixels,
    handle: Handle,
}

impl PlanarBuffer for Frame {
    fn size(&self) -> (u32, u32) {
        (self.pixels.width, self.pixels.height)
    }

    fn format(&self) -> DrmFourcc {
        DrmFourcc::Xrgb8888
    }

    fn modifier(&self) -> Option<DrmModifier> {
        None
    }

    fn pitches(&self) -> [u32; 4] {
        [self.pixels.stride, 0, 0, 0]
    }

    fn handles(&self) -> [Option<Handle>; 4] {
        [Some(self.handle), None, None, None]
    }

    fn offsets(&self) -> [u32; 4] {
        [0; 4]
    }
}

fn end(range: &impl RangeBounds<u32>) -> u32 {
    match range.end_bound() {
        Bound::Included(end) => *end,
        Bound::Excluded(end) => end.saturating_sub(1),
        Bound::Unbounded => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, end};
    use std::os::fd::AsFd;
    use std::path::Path;

    #[test]
    fn what_is_no_card_is_an_error() {
        let null = Device::open(Path::new("/dev/null")).unwrap();
        assert!(null.driver().is_err() && null.imports().is_err());
        assert_eq!(null.largest(), None);
        let refused = null.import(null.as_fd()).unwrap_err();
        assert_eq!(refused.call, "PRIME_FD_TO_HANDLE");
        assert!(Device::open(Path::new("/dev/there-is-no-such-node")).is_err());
    }

    #[test]
    fn sizes_end_where_the_range_does() {
        assert_eq!([end(&(0..=7)), end(&(0..7)), end(&(0..))], [7, 6, u32::MAX]);
    }
}
