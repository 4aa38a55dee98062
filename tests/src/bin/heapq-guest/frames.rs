//! From a camera to a screen without a copy, and to whoever looks later.

use crate::ask;
use crate::film::Film;
use crate::frame::{self, FILLER, Picture};
use crate::problem::{Problem, equal};
use crate::screen::{Image, Screen};
use drm::buffer::DrmFourcc;
use heapq_allocator::Grant;
use heapq_dbus::client::Client;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

/// More than the camera's queue has places.
const FRAMES: usize = 6;
/// Small: a display that composes on the CPU shows each of them.
const PICTURE: Picture = Picture { width: 640, height: 480, fourcc: *b"XR24" };
/// The same picture with brightness and colour in buffers of their own, as V4L2 calls it.
const APART: Picture = Picture { fourcc: *b"NM12", ..PICTURE };

/// Frames that a camera wrote, in the buffers of which `planes` make one.
struct Taken {
    client: Client,
    grant: Grant,
    planes: Vec<Plane>,
}

/// One plane as a picture of its own.
#[derive(Clone, Copy)]
struct Plane {
    format: DrmFourcc,
    size: (u32, u32),
    stride: u32,
    bytes: u32,
}

impl Taken {
    /// Frames of `camera`, in buffers that `display`, if any, can show: one for each frame, or, with
    /// `apart`, one for each plane.
    async fn from(camera: &str, display: Option<&str>, apart: bool) -> Result<Self, Problem> {
        let film = Film::open(camera, if apart { APART } else { PICTURE }, apart)?;
        let client = ask::service().await?;
        let (fourcc, layout) = if apart { ("NV12", "separate") } else { ("XR24", "joint") };
        let extent = [PICTURE.width, PICTURE.height];
        let format = json!([{ "fourcc": fourcc, "planes": layout, "min-extent": extent }]);
        let mut asked = vec![
            json!({ "name": "camera", "usage": ["capture"], "device": camera, "min-count": FRAMES,
                    "format": format }),
            json!({ "name": "viewer", "usage": ["cpu-read"] }),
        ];
        asked.extend(
            display.map(|card| json!({ "name": "display", "usage": ["scanout"], "device": card })),
        );
        let grant = ask::granted(&client, &ask::says(&asked)).await?;
        let planes: Vec<Plane> = film.planes.iter().map(|one| plane(apart, *one)).collect();
        equal("buffers", &grant.buffers.len(), &(FRAMES * planes.len()))?;
        equal("strides", &strides(&grant), &planes.iter().map(|one| one.stride).collect())?;
        for (buffer, plane) in grant.buffers.iter().zip(planes.iter().cycle()) {
            frame::blank(std::slice::from_ref(buffer), plane.bytes)?;
        }
        film.shoot(&grant.buffers)?;
        let taken = Self { client, grant, planes };
        taken.are_different()?;
        Ok(taken)
    }

    fn frames(&self) -> impl Iterator<Item = &[OwnedFd]> + Clone {
        self.grant.buffers.chunks(self.planes.len())
    }

    /// No two frames are the same, since the camera writes the time into each, and none is as it was: so
    /// each buffer got its own.
    fn are_different(&self) -> Result<(), Problem> {
        let bytes = self.planes.first().map_or(0, |plane| plane.bytes);
        let read = self.frames().map(|frame| frame::read(frame::buffer(frame, 0)?, bytes));
        let mut looks = read.collect::<Result<BTreeSet<Vec<u8>>, Problem>>()?;
        looks.insert(vec![FILLER; usize::try_from(bytes).unwrap_or(0)]);
        equal("different frames", &looks.len(), &(FRAMES + 1))
    }

    /// Shows every plane of every frame on `card`; with `mislaid`, each time that of the next frame.
    async fn shown_by(&self, card: &str, mislaid: bool) -> Result<(), Problem> {
        let screen = Screen::open(card, PICTURE)?;
        let size = u64::from(PICTURE.width) * u64::from(PICTURE.height) * 4;
        let back = ask::says(&[
            json!({ "name": "display", "usage": ["capture"], "device": card, "min-size": size }),
            json!({ "name": "viewer", "usage": ["cpu-read", "cpu-write"] }),
        ]);
        let back = ask::granted(&self.client, &back).await?;
        let next = self.frames().cycle().skip(mislaid.into());
        for (expected, shown) in self.frames().zip(next) {
            for (plane, (expected, buffer)) in self.planes.iter().zip(expected.iter().zip(shown)) {
                let Plane { format, size, stride, .. } = *plane;
                let image = Image { buffer, format, size, stride };
                screen.shows(image, expected, frame::buffer(&back.buffers, 0)?)?;
            }
        }
        self.client.release(back.lease).await?;
        Ok(())
    }
}

/// A whole picture of XR24, or one of its planes as a grey picture: vkms would read all planes of one
/// picture from its first buffer (drivers/gpu/drm/vkms/vkms_formats.c:69-82).
fn plane(apart: bool, one: heapq_allocator::sys::v4l2::PlaneFormat) -> Plane {
    let (format, pixel) = if apart { (DrmFourcc::R8, 1) } else { (DrmFourcc::Xrgb8888, 4) };
    let size = (one.stride / pixel, one.size / one.stride.max(1));
    Plane { format, size, stride: one.stride, bytes: one.size }
}

fn strides(grant: &Grant) -> Vec<u32> {
    let plan = grant.answer.plan.as_ref();
    plan.map(|plan| plan.planes.iter().map(|one| one.stride).collect()).unwrap_or_default()
}

/// Each frame of `camera` is on the screen of `card` as the CPU sees it in the same buffer. With
/// `mislaid`, another frame is shown.
pub(crate) async fn shown(
    camera: &str,
    card: &str,
    apart: bool,
    mislaid: bool,
) -> Result<String, Problem> {
    let taken = Taken::from(camera, Some(card), apart).await?;
    taken.shown_by(card, mislaid).await?;
    let (buffers, heap) = (taken.grant.buffers.len(), ask::heap(&taken.grant));
    let said = format!("{FRAMES} frames in {buffers} buffers of {heap}, each seen on {card}");
    taken.client.release(taken.grant.lease).await?;
    Ok(said)
}

/// Leaves a frame of `camera` with a process that looks at it when somebody writes into the pipe
/// `when`, and says then into the file `said` what it sees. What is there to see is the result. With
/// `mislaid`, that process gets another frame.
pub(crate) async fn leave(
    camera: &str,
    when: &str,
    said: &str,
    mislaid: bool,
) -> Result<String, Problem> {
    let mut taken = Taken::from(camera, None, false).await?;
    let bytes = taken.planes.first().map_or(0, |plane| plane.bytes);
    let sum = frame::look(frame::buffer(&taken.grant.buffers, 0)?, bytes)?;
    let kept = taken.grant.buffers.swap_remove(mislaid.into());
    let own = std::env::current_exe().map_err(Problem::system("this program"))?;
    let file = File::create(said).map_err(Problem::system(said))?;
    let mut keeper = Command::new(own);
    keeper.args(["keep", when, &bytes.to_string()]).stdin(kept).stdout(file);
    keeper.stderr(Stdio::null()).spawn().map_err(Problem::system("a process that keeps it"))?;
    Ok(sum.to_string())
}

/// Waits until something was written into the pipe `when`, then says what the frame on standard input
/// looks like.
pub(crate) fn keep(when: &str, bytes: u32) -> Result<String, Problem> {
    let input = std::io::stdin().as_fd().try_clone_to_owned();
    let buffer = input.map_err(Problem::system("standard input"))?;
    std::fs::read(when).map_err(Problem::system(when))?;
    Ok(frame::look(&buffer, bytes)?.to_string())
}
