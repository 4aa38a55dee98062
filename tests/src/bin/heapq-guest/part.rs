//! A participant of a collection that has devices, led by [`crate::together`].

use crate::frame::{self, Picture};
use crate::problem::Problem;
use crate::screen;
use heapq_dbus::client::Place;
use heapq_tests::led;
use serde_json::{Value as Json, json};
use std::os::fd::OwnedFd;

/// What all of them film, look at and show.
pub(crate) const PICTURE: Picture = Picture { width: 1280, height: 720, fourcc: *b"XR24" };
/// Of one picture.
const BYTES: u32 = PICTURE.width * PICTURE.height * 4;

/// Obeys until nobody leads any more.
pub(crate) async fn serve() -> Result<String, Problem> {
    let served = led::serve(Place::System, |buffers, command| Ok(obey(buffers, command)?)).await;
    served.map_err(|error| Problem::Wrong(error.to_string()))?;
    Ok(String::new())
}

fn obey(buffers: &[OwnedFd], command: &Json) -> Result<Json, Problem> {
    let node = command["device"].as_str().unwrap_or_default();
    let frame = || {
        let frame = command["frame"].as_u64().and_then(|frame| u32::try_from(frame).ok());
        frame::buffer(buffers, frame.unwrap_or(u32::MAX))
    };
    Ok(match command["do"].as_str().unwrap_or_default() {
        "blank" => json!(frame::blank(buffers, BYTES)?),
        "film" => json!(frame::film(node, PICTURE, buffers)?),
        "look" => json!(frame::look(frame()?, BYTES)?),
        "show" => json!(screen::show(node, PICTURE, frame()?)?),
        _ => return Err(Problem::Wrong(format!("{command} is no command"))),
    })
}
