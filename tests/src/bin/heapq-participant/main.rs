//! One participant of a collection as a process of its own, led by a test: see [`heapq_tests::led`].

#![forbid(unsafe_code)]

use heapq_dbus::client::Place;
use heapq_tests::led::{Result, serve};
use std::path::PathBuf;

fn main() -> Result<()> {
    let place = std::env::args().nth(1).ok_or("where is the service?")?;
    let place = match place.strip_prefix('/') {
        Some(_) => Place::Peer(PathBuf::from(place)),
        None => Place::Address(place),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(place, |_, command| Err(format!("{command} is no command").into())))
}
