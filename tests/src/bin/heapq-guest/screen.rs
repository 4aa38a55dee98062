//! What a display shows of memory that somebody else chose.

use crate::frame::Picture;
use crate::problem::Problem;
use drm::Device;
use drm::buffer::{Buffer, DrmFourcc, Handle};
use drm::control::{Device as Control, Mode, connector};
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

/// A buffer of XR24, as the card knows it.
struct Imported {
    picture: Picture,
    handle: Handle,
}

impl Buffer for Imported {
    fn size(&self) -> (u32, u32) {
        (self.picture.width, self.picture.height)
    }

    fn format(&self) -> DrmFourcc {
        DrmFourcc::Xrgb8888
    }

    fn pitch(&self) -> u32 {
        self.picture.width * 4
    }

    fn handle(&self) -> Handle {
        self.handle
    }
}

/// Puts a picture of XR24 on the screen of `node`, and returns the checksum that the kernel computes of
/// what it shows: a word of debugfs.
pub(crate) fn show(node: &str, picture: Picture, buffer: &OwnedFd) -> Result<String, Problem> {
    let system = |what: &str| Problem::system(format!("{what} on {node}"));
    let file = File::options().read(true).write(true).open(node).map_err(Problem::system(node))?;
    let card = Card(file);
    let handle = card.prime_fd_to_buffer(buffer.as_fd()).map_err(system("PRIME_FD_TO_HANDLE"))?;
    let shown = card.add_framebuffer(&Imported { picture, handle }, 24, 32);
    let shown = shown.map_err(system("ADDFB"))?;
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
