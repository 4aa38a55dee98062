//! A process that may not come back, with a limit on how long it is waited for.

use super::inside::{Order, Reply};
use crate::socket::{receive, send};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a process that was killed is waited for, in turns of 20 ms. In a driver that does not let
/// go it stays, and is left.
const TURNS: u32 = 50;

/// The process, and the socket to it.
#[derive(Debug)]
pub(super) struct Watched {
    child: Child,
    socket: Option<OwnedFd>,
    limit: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    /// Time is over.
    #[error("no answer in {} s", .0.as_secs())]
    Late(Duration),
    /// It ended.
    #[error("the process that had the device ended: {0}")]
    Gone(io::Error),
}

impl Watched {
    /// This program again, with the device.
    pub(super) fn start(node: &Path, limit: Duration) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("probe-subject").arg(node);
        Self::run(command, limit)
    }

    /// In a process group of its own: a key that interrupts ends this process only, and the other
    /// puts the device back when it finds itself alone.
    fn run(mut command: Command, limit: Duration) -> io::Result<Self> {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).process_group(0);
        Ok(Self { child: command.spawn()?, socket: Some(ours), limit })
    }

    /// Orders, and waits for what is said.
    pub(super) fn ask<F: AsFd>(&self, order: &Order, buffers: &[F]) -> Result<Reply, Silence> {
        let gone = || Silence::Gone(io::ErrorKind::BrokenPipe.into());
        let socket = self.socket.as_ref().ok_or_else(gone)?;
        let line = serde_json::to_vec(order).map_err(|error| Silence::Gone(error.into()))?;
        send(socket.as_fd(), &line, buffers).map_err(Silence::Gone)?;
        self.wait(socket)?;
        let (line, _) = receive(socket.as_fd()).map_err(Silence::Gone)?;
        if line.is_empty() {
            return Err(gone());
        }
        serde_json::from_slice(&line).map_err(|error| Silence::Gone(error.into()))
    }

    fn wait(&self, socket: &OwnedFd) -> Result<(), Silence> {
        let timeout = Timespec::try_from(self.limit);
        let timeout = timeout.map_err(|error| Silence::Gone(io::Error::other(error)))?;
        let mut fds = [PollFd::new(socket, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => Err(Silence::Late(self.limit)),
            Ok(_) => Ok(()),
            Err(errno) => Err(Silence::Gone(errno.into())),
        }
    }

    /// Lets it end by itself, after it has put back what there was, or kills it. Whether it is gone.
    pub(super) fn end(mut self, kill: bool) -> bool {
        self.socket = None;
        if kill {
            // It may have ended meanwhile.
            let _ = self.child.kill();
        }
        (0..TURNS).any(|_| {
            let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            if !ended {
                std::thread::sleep(Duration::from_millis(20));
            }
            ended
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Reply, Silence, Watched};
    use std::os::fd::OwnedFd;
    use std::process::Command;
    use std::time::{Duration, Instant};

    fn watched(script: &str, limit: Duration) -> Watched {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Watched::run(command, limit).unwrap()
    }

    fn ask(watched: &Watched) -> Result<Reply, Silence> {
        watched.ask::<OwnedFd>(&Order::Offers, &[])
    }

    #[test]
    fn one_that_does_not_answer_is_not_waited_for_and_is_killed() {
        let begun = Instant::now();
        let stuck = watched("trap '' TERM INT HUP; exec sleep 600", Duration::from_millis(100));
        assert!(matches!(ask(&stuck), Err(Silence::Late(_))));
        assert!(stuck.end(true));
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn one_that_ends_is_told_from_one_that_is_late() {
        let gone = watched("exit 3", Duration::from_secs(60));
        assert!(matches!(ask(&gone), Err(Silence::Gone(_))));
        assert!(gone.end(false));
    }

    #[test]
    fn what_is_no_reply_is_no_answer() {
        let babbling = watched("head -c 1 >/dev/null; echo nonsense >&0", Duration::from_secs(60));
        assert!(matches!(ask(&babbling), Err(Silence::Gone(_))));
    }
}
