//! A client's process: whether it still runs, and the systemd unit and login session that it is in.

use heapq_constraints::Name;
use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// A process, held by a descriptor: its number cannot become another's unnoticed.
#[derive(Clone, Debug)]
pub struct Process {
    pidfd: Arc<OwnedFd>,
    /// The innermost systemd unit: `app-camera.scope`, `camera.service`.
    pub unit: Option<Name>,
    /// The login session, as logind calls it: `3`, `c1`.
    pub session: Option<Name>,
}

impl Process {
    /// The process `pid`. Its descriptor may be there already: where a bus or a socket hands one
    /// out, that names exactly who connected.
    ///
    /// # Errors
    /// When there is no such process (any more).
    pub fn of(pid: u32, pidfd: Option<OwnedFd>) -> io::Result<Self> {
        let pidfd = Arc::new(pidfd.map_or_else(|| open(pid), Ok)?);
        let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cgroup"));
        let path = text.as_deref().ok().and_then(unified).unwrap_or_default();
        let (unit, session) = (unit(path).map(Name::from), session(path).map(Name::from));
        let process = Self { pidfd, unit, session };
        // Had it ended, what was read could be of whoever got its number next.
        if process.has_ended() { Err(io::ErrorKind::NotFound.into()) } else { Ok(process) }
    }

    /// The process `pid` that connected the other end of a Unix socket.
    ///
    /// # Errors
    /// When it has ended, or the kernel (before 6.5) cannot hand it out: its number alone may long
    /// be another's.
    pub fn of_peer(pid: u32, socket: &impl AsFd) -> io::Result<Self> {
        Self::of(pid, Some(getsockopt(socket, PeerPidfd)?))
    }

    /// Whether it has ended. A process that cannot be asked has.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&*self.pidfd, PollFlags::IN)], Some(&now));
        !ready.is_ok_and(|ready| ready == 0)
    }
}

/// The same process, held by the same descriptor.
impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pidfd, &other.pidfd)
    }
}

impl Eq for Process {}

fn open(pid: u32) -> io::Result<OwnedFd> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let number = number.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(number, PidfdFlags::empty())?)
}

/// The path in the unified hierarchy, from the text of `/proc/PID/cgroup`.
fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// The innermost unit of a control group's path. Groups below it are the unit's own business.
fn unit(path: &str) -> Option<&str> {
    let named = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
    path.split('/').rev().find(named)
}

/// The login session of a control group's path.
fn session(path: &str) -> Option<&str> {
    path.split('/').find_map(|part| part.strip_prefix("session-")?.strip_suffix(".scope"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_sessions_are_read_from_paths() {
        let user = "/user.slice/user-1000.slice";
        for (path, known) in [
            ("/system.slice/camera.service", (Some("camera.service"), None)),
            ("/system.slice/camera.service/worker", (Some("camera.service"), None)),
            (&format!("{user}/session-3.scope"), (Some("session-3.scope"), Some("3"))),
            (
                &format!("{user}/user@1000.service/app.slice/app-gnome-x-7.scope"),
                (Some("app-gnome-x-7.scope"), None),
            ),
            ("/init.scope", (Some("init.scope"), None)),
            ("/", (None, None)),
            ("/docker/0123", (None, None)),
        ] {
            assert_eq!((unit(path), session(path)), known, "{path}");
        }
        assert_eq!(unified("4:memory:/x\n0::/a.service\n"), Some("/a.service"));
        assert_eq!(unified("4:memory:/x\n"), None);
    }

    #[test]
    fn a_process_that_ended_is_not_taken_for_another() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id(), None).unwrap();
        assert!(!process.has_ended());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(process.has_ended());
        assert!(Process::of(child.id(), None).is_err());
    }
}
