//! The second process: it gets the buffers over a socket, and looks at them through mappings of
//! its own.
//!
//! One message each way: a JSON line with the file descriptors beside it, and a JSON line back.

use super::pattern::Pattern;
use crate::problem::Problem;
use crate::socket::{MOST, receive, send};
use heapq_allocator::Grant;
use heapq_dbus::exit::Exit;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// What the buffers hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Film {
    /// Usable bytes of each buffer, in their order.
    sizes: Vec<u64>,
    /// They are dma-bufs.
    dma_buf: bool,
}

/// What the display saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Seen {
    /// The display's process.
    process: u32,
    /// Buffers that it got.
    pub(super) frames: usize,
    /// Those that hold what was written.
    pub(super) frames_right: usize,
    /// Bytes that it compared.
    bytes: u64,
}

impl Seen {
    pub(super) fn in_words(&self) -> String {
        let Self { process, frames, frames_right, bytes } = self;
        format!(
            "\nA test pattern was written through this process's mappings. The display (process \
             {process})\ngot the buffers over a socket, mapped them itself, and finds \
             {frames_right} of {frames} right ({bytes} bytes).\n"
        )
    }
}

impl Film {
    /// One for the buffers of a grant.
    pub(super) fn of(grant: &Grant) -> Result<Self, Problem> {
        let Some(plan) = &grant.answer.plan else {
            return Err(Problem::Demo("buffers without a plan".to_owned()));
        };
        let sizes = plan.buffers.iter().map(|buffer| buffer.size).cycle();
        let sizes: Vec<u64> = sizes.take(grant.buffers.len()).collect();
        if sizes.len() > MOST || sizes.len() != grant.buffers.len() {
            return Err(Problem::Demo(format!("{} buffers to show", grant.buffers.len())));
        }
        Ok(Self { sizes, dma_buf: !grant.stand_in })
    }

    fn patterns(&self) -> impl Iterator<Item = Pattern> + '_ {
        let numbered = (0_u64..).zip(&self.sizes);
        numbered.map(|(index, &size)| Pattern { index, size, dma_buf: self.dma_buf })
    }

    /// Writes the pattern into all buffers, starts the display, hands them over and hears what it
    /// saw.
    pub(super) fn shoot_and_show(&self, buffers: &[OwnedFd]) -> Result<Seen, Problem> {
        for (pattern, buffer) in self.patterns().zip(buffers) {
            pattern.write(buffer).map_err(Problem::system("writing the test pattern"))?;
        }
        let (ours, theirs) = UnixStream::pair().map_err(Problem::system("making a socket pair"))?;
        let mut child = start(theirs).map_err(Problem::system("starting the display"))?;
        let seen = self.show(buffers, ours);
        let ended = child.wait().map_err(Problem::system("waiting for the display"))?;
        let seen = seen.map_err(Problem::system("talking to the display"))?;
        if ended.success() { Ok(seen) } else { Err(Problem::Demo(format!("the display: {ended}"))) }
    }

    fn show(&self, buffers: &[OwnedFd], mut display: UnixStream) -> io::Result<Seen> {
        let line = serde_json::to_vec(self)?;
        send(display.as_fd(), &line, buffers)?;
        let mut reply = Vec::new();
        display.read_to_end(&mut reply)?;
        Ok(serde_json::from_slice(&reply)?)
    }

    /// Looks at buffers as the display.
    fn see(&self, buffers: &[OwnedFd]) -> io::Result<Seen> {
        if buffers.len() != self.sizes.len() {
            let message =
                format!("{} buffers where {} were meant", buffers.len(), self.sizes.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut frames_right = 0;
        for (pattern, buffer) in self.patterns().zip(buffers) {
            frames_right += usize::from(pattern.is_in(buffer)?);
        }
        let bytes = self.sizes.iter().sum();
        Ok(Seen { process: std::process::id(), frames: buffers.len(), frames_right, bytes })
    }
}

/// This program again, as the display, with one end of a socket as its standard input.
fn start(socket: UnixStream) -> io::Result<Child> {
    let program = std::env::current_exe()?;
    Command::new(program).arg("demo-display").stdin(Stdio::from(OwnedFd::from(socket))).spawn()
}

/// The display's side: `heapq demo-display`.
pub(crate) fn display() -> Result<Exit, Problem> {
    let stdin = io::stdin();
    let (line, buffers) =
        receive(stdin.as_fd()).map_err(Problem::system("receiving the buffers"))?;
    let film: Film = serde_json::from_slice(&line)
        .map_err(io::Error::from)
        .map_err(Problem::system("reading what was sent"))?;
    let seen = film.see(&buffers).map_err(Problem::system("looking at the buffers"))?;
    let reply = serde_json::to_vec(&seen)
        .map_err(io::Error::from)
        .map_err(Problem::system("writing the reply"))?;
    send::<OwnedFd>(stdin.as_fd(), &reply, &[]).map_err(Problem::system("replying"))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    #[test]
    fn what_goes_over_the_socket_is_seen_and_what_is_missing_is_told() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let buffers: Vec<OwnedFd> =
            (0..3).map(|_| memfd_create("heapq-demo", MemfdFlags::CLOEXEC).unwrap()).collect();
        let film = Film { sizes: vec![5000; 3], dma_buf: false };
        for (pattern, buffer) in film.patterns().zip(&buffers) {
            ftruncate(buffer, 8192).unwrap();
            pattern.write(buffer).unwrap();
        }
        send(ours.as_fd(), &serde_json::to_vec(&film).unwrap(), &buffers).unwrap();
        let (line, mut got) = receive(theirs.as_fd()).unwrap();
        let film: Film = serde_json::from_slice(&line).unwrap();
        let seen = film.see(&got).unwrap();
        assert_eq!((seen.frames, seen.frames_right, seen.bytes), (3, 3, 15_000));
        got.swap(0, 1);
        assert_eq!(film.see(&got).unwrap().frames_right, 1, "two in each other's place");
        got.pop();
        assert!(film.see(&got).is_err());
    }
}
