//! Tells when heaps or devices come and go. What changed is found by reading sysfs again.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// The classes in which heaps and devices' nodes appear, and the buses on which others are that master
/// their DMA: those have no nodes, and are bound and unbound.
const SUBSYSTEMS: [&str; 8] =
    ["dma_heap", "video4linux", "drm", "accel", "media", "misc", "platform", "pci"];

/// Most events that are taken at once.
const EVENTS_MAX: usize = 4096;

/// What there was to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Events.
    Something,
    /// More than the socket holds: some were lost.
    TooMuch,
}

/// A listener for uevents.
pub struct Monitor {
    socket: udev::MonitorSocket,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("fd", &self.socket.as_fd()).finish()
    }
}

impl Monitor {
    /// Listens to udevd, after whose rules nodes have their modes; to the kernel itself where no
    /// udevd runs.
    ///
    /// # Errors
    /// When the netlink socket cannot be had.
    pub fn open() -> io::Result<Self> {
        let daemon = Path::new("/run/udev/control").exists();
        let mut builder =
            if daemon { udev::MonitorBuilder::new()? } else { udev::MonitorBuilder::new_kernel()? };
        for subsystem in SUBSYSTEMS {
            builder = builder.match_subsystem(subsystem)?;
        }
        Ok(Self { socket: builder.listen()? })
    }

    /// Sleeps until something came or went, `patience` at most, and takes all events that are waiting by
    /// then (of a storm, some: the next call does not sleep). `None` when there was nothing to hear.
    ///
    /// # Errors
    /// When the socket cannot be waited for.
    pub fn wait(&mut self, patience: Option<Duration>) -> io::Result<Option<Heard>> {
        let end = patience.map(|patience| Instant::now() + patience);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let left = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
            let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut polled, left.as_ref()) {
                Ok(0) => return Ok(None),
                Err(Errno::INTR) => continue,
                polled => polled?,
            };
            let full = polled.iter().any(|one| one.revents().contains(PollFlags::ERR));
            match self.drain() {
                Some(Heard::Something) | None if full => return Ok(Some(Heard::TooMuch)),
                None => {}
                heard => return Ok(heard),
            }
        }
    }

    /// Takes the events that are waiting, and says whether there were any. Never blocks.
    fn drain(&mut self) -> Option<Heard> {
        let taken = self.socket.iter().take(EVENTS_MAX).count();
        // The kernel says once that the socket was full, and libudev passes that on as "no event", though
        // what did not fit may be what mattered.
        let ended = io::Error::last_os_error().raw_os_error();
        if taken < EVENTS_MAX && ended == Some(Errno::NOBUFS.raw_os_error()) {
            return Some(Heard::TooMuch);
        }
        (taken > 0).then_some(Heard::Something)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_with_nothing_to_say_says_so_in_time() {
        let mut monitor = Monitor::open().unwrap();
        let (patience, begun) = (Duration::from_millis(20), Instant::now());
        // Others may make events meanwhile.
        while monitor.wait(Some(patience)).unwrap().is_some() {}
        assert!(begun.elapsed() >= patience);
    }
}
