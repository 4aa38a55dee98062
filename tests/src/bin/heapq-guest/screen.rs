//! What a display shows of memory that somebody else chose.

mod writeback;

pub(crate) use writeback::Screen;

use crate::frame::Picture;
use crate::problem::Problem;
use drm::Device;
use drm::buffer::{DrmFourcc, DrmModifier, Handle, PlanarBuffer};
use drm::control::{Device as Control, FbCmd2Flags, Mode, connector, framebuffer};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device for Card {}
impl Control for Card {}

impl Card {
    fn open(node: &str) -> Result<Self, Problem> {
        let file = File::options().read(true).write(true).open(node);
        file.map(Self).map_err(Problem::system(node))
    }

    /// A picture in somebody's memory, as this card can show it.
    fn import(&self, image: Image<'_>) -> Result<framebuffer::Handle, Problem> {
        let system = |what: &str| Problem::system(format!("{what} of {:?}", image.format));
        let handle = self.prime_fd_to_buffer(image.buffer.as_fd());
        let handle = handle.map_err(system("PRIME_FD_TO_HANDLE"))?;
        self.add_planar_framebuffer(&Imported { image, handle }, FbCmd2Flags::empty())
            .map_err(system("ADDFB2"))
    }
}

/// A picture of one plane in a dma-buf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image<'a> {
    pub(crate) buffer: &'a OwnedFd,
    pub(crate) format: DrmFourcc,
    /// Pixels.
    pub(crate) size: (u32, u32),
    /// Bytes from row to row.
    pub(crate) stride: u32,
}

impl<'a> Image<'a> {
    /// A picture of XR24.
    pub(crate) fn of(picture: Picture, buffer: &'a OwnedFd) -> Self {
        let size = (picture.width, picture.height);
        Self { buffer, format: DrmFourcc::Xrgb8888, size, stride: picture.width * 4 }
    }
}

struct Imported<'a> {
    image: Image<'a>,
    handle: Handle,
}

impl PlanarBuffer for Imported<'_> {
    fn size(&self) -> (u32, u32) {
        self.image.size
    }

    fn format(&self) -> DrmFourcc {
        self.image.format
    }

    fn modifier(&self) -> Option<DrmModifier> {
        None
    }

    fn pitches(&self) -> [u32; 4] {
        [self.image.stride, 0, 0, 0]
    }

    fn handles(&self) -> [Option<Handle>; 4] {
        [Some(self.handle), None, None, None]
    }

    fn offsets(&self) -> [u32; 4] {
        [0; 4]
    }
}

/// Puts a picture of XR24 on the screen of `node`, and returns the checksum that the kernel computes of
/// what it shows: a word of debugfs.
pub(crate) fn show(node: &str, picture: Picture, buffer: &OwnedFd) -> Result<String, Problem> {
    let system = |what: &str| Problem::system(format!("{what} on {node}"));
    let card = Card::open(node)?;
    let shown = card.import(Image::of(picture, buffer))?;
    let all = card.resource_handles().map_err(system("GETRESOURCES"))?;
    let (Some(&crtc), Some(&connector)) = (all.crtcs().first(), all.connectors().first()) else {
        return Err(Problem::Wrong(format!("{node} has no screen")));
    };
    let mode = mode(&card, connector, picture).map_err(system("GETCONNECTOR"))?;
    card.set_crtc(crtc, Some(shown), (0, 0), &[connector], Some(mode))
        .map_err(system("SETCRTC"))?;
    checksum(node).map_err(system("the checksum of the picture"))
}

fn mode(card: &Card, connector: connector::Handle, picture: Picture) -> io::Result<Mode> {
    let connector = card.get_connector(connector, true)?;
    let fits = |mode: &&Mode| {
        let (width, height) = mode.size();
        (u32::from(width), u32::from(height)) == (picture.width, picture.height)
    };
    let mode = connector.modes().iter().find(fits).copied();
    mode.ok_or_else(|| io::Error::other(format!("no mode for {picture:?}")))
}

/// `0x00001234 0xdeadbeef`: the number of the frame, and its checksum.
fn checksum(node: &str) -> io::Result<String> {
    let minor = node.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let data = Path::new("/sys/kernel/debug/dri").join(minor).join("crtc-0/crc/data");
    let mut line = String::new();
    BufReader::new(File::open(data)?).read_line(&mut line)?;
    let sum = line.split_whitespace().nth(1).map(str::to_owned);
    sum.ok_or_else(|| io::Error::other(format!("{line:?}")))
}
