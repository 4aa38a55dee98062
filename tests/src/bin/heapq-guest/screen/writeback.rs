//! A screen that also writes what it shows into memory: through the card's writeback connector.

use super::{Card, Image, mode};
use crate::frame::{self, Picture};
use crate::problem::Problem;
use drm::buffer::DrmFourcc;
use drm::control::atomic::AtomicModeReq;
use drm::control::{
    AtomicCommitFlags, Device as Control, RawResourceHandle, ResourceHandle, connector, crtc, plane,
};
use drm::{ClientCapability, Device};
use std::io;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A frame of a busy emulated machine's display takes a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a pixel of XR24, of which the last means nothing; the kernel writes all ones there.
const PIXEL: usize = 4;
const BLACK: [u8; PIXEL] = [0, 0, 0, 0xff];

/// A display of one mode. What it is told to show fills its upper left corner; the rest is black.
pub(crate) struct Screen<'a> {
    card: Card,
    node: &'a str,
    crtc: crtc::Handle,
    plane: plane::Handle,
    connectors: Connectors,
    /// As a property says it.
    mode: u64,
    whole: Picture,
}

struct Connectors {
    screen: connector::Handle,
    writeback: connector::Handle,
}

impl<'a> Screen<'a> {
    /// The first display of `node`, in the mode of the size of `whole`.
    pub(crate) fn open(node: &'a str, whole: Picture) -> Result<Self, Problem> {
        let system = |what: &str| Problem::system(format!("{what} on {node}"));
        let card = Card::open(node)?;
        for capability in [
            ClientCapability::UniversalPlanes,
            ClientCapability::Atomic,
            ClientCapability::WritebackConnectors,
        ] {
            card.set_client_capability(capability, true).map_err(system("SET_CLIENT_CAP"))?;
        }
        let all = card.resource_handles().map_err(system("GETRESOURCES"))?;
        let planes = card.plane_handles().map_err(system("GETPLANERESOURCES"))?;
        let connectors = connectors(&card, all.connectors()).map_err(system("GETCONNECTOR"))?;
        let (Some(&crtc), Some(&plane), Some(connectors)) =
            (all.crtcs().first(), planes.first(), connectors)
        else {
            return Err(Problem::Wrong(format!("{node} has no screen with a writeback connector")));
        };
        let mode = mode(&card, connectors.screen, whole).map_err(system("GETCONNECTOR"))?;
        let mode = card.create_property_blob(&mode).map_err(system("CREATEPROPBLOB"))?;
        Ok(Self { card, node, crtc, plane, connectors, mode: mode.into(), whole })
    }

    /// Shows `image`, and compares what comes back in `back`, a buffer for a whole screen of XR24, with
    /// what the CPU reads in the buffer `expected`, as if that had been shown.
    pub(crate) fn shows(
        &self,
        image: Image<'_>,
        expected: &OwnedFd,
        back: &OwnedFd,
    ) -> Result<(), Problem> {
        let wanted = self.as_shown(Image { buffer: expected, ..image })?;
        frame::blank(std::slice::from_ref(back), self.bytes())?;
        self.commit(image, back)?;
        // The kernel says by a fence when it has written, and only unsafe code can take a fence.
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = frame::read(back, self.bytes())?;
            if wanted == seen {
                return Ok(());
            }
            if Instant::now() > end {
                let pixels = wanted.chunks(PIXEL).zip(seen.chunks(PIXEL));
                let other = pixels.filter(|(wanted, seen)| wanted != seen).count();
                let text = format!("{} shows another picture: {other} pixels differ", self.node);
                return Err(Problem::Wrong(text));
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Bytes of a whole screen.
    fn bytes(&self) -> u32 {
        self.whole.width * self.whole.height * 4
    }

    fn commit(&self, image: Image<'_>, back: &OwnedFd) -> Result<(), Problem> {
        let system = |what: &str| Problem::system(format!("{what} on {}", self.node));
        let shown = self.card.import(image)?;
        let back = self.card.import(Image::of(self.whole, back))?;
        let request = self.request(image.size, shown, back).map_err(system("GETPROPERTY"))?;
        self.card.atomic_commit(AtomicCommitFlags::ALLOW_MODESET, request).map_err(system("ATOMIC"))
    }

    fn request(
        &self,
        size: (u32, u32),
        shown: impl Into<RawResourceHandle>,
        back: impl Into<RawResourceHandle>,
    ) -> io::Result<AtomicModeReq> {
        let (width, height) = (u64::from(size.0), u64::from(size.1));
        let crtc = ("CRTC_ID", id(self.crtc));
        let mut request = AtomicModeReq::new();
        self.set(&mut request, self.crtc, &[("ACTIVE", 1), ("MODE_ID", self.mode)])?;
        self.set(&mut request, self.connectors.screen, &[crtc])?;
        let back = ("WRITEBACK_FB_ID", id(back));
        self.set(&mut request, self.connectors.writeback, &[crtc, back])?;
        // What is read has coordinates with 16 bits of fraction.
        let read = [("SRC_X", 0), ("SRC_Y", 0), ("SRC_W", width << 16), ("SRC_H", height << 16)];
        let shown_at = [("CRTC_X", 0), ("CRTC_Y", 0), ("CRTC_W", width), ("CRTC_H", height)];
        self.set(&mut request, self.plane, &[crtc, ("FB_ID", id(shown))])?;
        self.set(&mut request, self.plane, &read)?;
        self.set(&mut request, self.plane, &shown_at)?;
        Ok(request)
    }

    fn set(
        &self,
        request: &mut AtomicModeReq,
        object: impl ResourceHandle,
        values: &[(&str, u64)],
    ) -> io::Result<()> {
        let known = self.card.get_properties(object)?.as_hashmap(&self.card)?;
        for (name, value) in values {
            let property = known.get(*name).ok_or_else(|| io::Error::other((*name).to_owned()))?;
            request.add_raw_property(object.into(), property.handle(), *value);
        }
        Ok(())
    }

    /// What a screen of XR24 shows of `image`.
    fn as_shown(&self, image: Image<'_>) -> Result<Vec<u8>, Problem> {
        let bytes = frame::read(image.buffer, image.stride * image.size.1)?;
        let [stride, row, whole] = [image.stride, self.whole.width * 4, self.bytes()]
            .map(|n| usize::try_from(n).unwrap_or(0));
        let mut shown = BLACK.repeat(whole / PIXEL);
        for (from, to) in bytes.chunks(stride).zip(shown.chunks_mut(row)) {
            let pixels = to.chunks_mut(PIXEL).map(|pixel| &mut pixel[..3]);
            match image.format {
                // A grey of eight bits is that of each colour.
                DrmFourcc::R8 => pixels.zip(from).for_each(|(to, grey)| to.fill(*grey)),
                _ => pixels
                    .zip(from.chunks(PIXEL))
                    .for_each(|(to, from)| to.copy_from_slice(&from[..3])),
            }
        }
        Ok(shown)
    }
}

fn id(object: impl Into<RawResourceHandle>) -> u64 {
    u32::from(object.into()).into()
}

/// The first ordinary connector, and the one that writes.
fn connectors(card: &Card, all: &[connector::Handle]) -> io::Result<Option<Connectors>> {
    let (mut screen, mut writeback) = (None, None);
    for handle in all {
        let kind = card.get_connector(*handle, false)?.interface();
        let kept =
            if kind == connector::Interface::Writeback { &mut writeback } else { &mut screen };
        kept.get_or_insert(*handle);
    }
    Ok(screen.zip(writeback).map(|(screen, writeback)| Connectors { screen, writeback }))
}
