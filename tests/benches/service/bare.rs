//! The least that a service can do, with zbus: a method that returns a memfd.

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::os::fd::OwnedFd;
use tokio::net::UnixListener;
use zbus::Guid;
use zbus::connection::Builder;
use zbus::wire::OwnedFd as WireFd;

pub(crate) const PATH: &str = "/org/heapq/Bench1";
pub(crate) const INTERFACE: &str = "org.heapq.Bench1";
pub(crate) const NAME: &str = "org.heapq.Bench1.Zbus";

struct Bench1;

#[zbus::interface(name = "org.heapq.Bench1")]
impl Bench1 {
    fn memory(&self) -> zbus::fdo::Result<WireFd> {
        let memory = memory(4096).map_err(|error| zbus::fdo::Error::Failed(error.to_string()))?;
        Ok(memory.into())
    }
}

fn memory(bytes: u64) -> rustix::io::Result<OwnedFd> {
    let memory = memfd_create("bench", MemfdFlags::CLOEXEC)?;
    ftruncate(&memory, bytes)?;
    Ok(memory)
}

/// Serves on the bus at `address` and on `socket`, until it is killed.
pub(crate) async fn serve(address: &str, socket: &str) -> zbus::Result<()> {
    let listener = UnixListener::bind(socket)?;
    let bus = Builder::address(address).serve_at(PATH, Bench1).name(NAME);
    let _bus = bus.build().await?;
    loop {
        let stream = listener.accept().await?.0.into_std()?;
        tokio::spawn(async move {
            let peer = Builder::unix_stream(stream).server(Guid::generate()).p2p();
            if let Ok(peer) = peer.serve_at(PATH, Bench1).build().await {
                peer.closed().await;
            }
        });
    }
}
