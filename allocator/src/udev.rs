//! Tells when heaps or devices come and go. What changed is found by reading sysfs again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// The classes in which heaps, devices and their drivers' nodes appear.
const SUBSYSTEMS: [&str; 6] = ["dma_heap", "video4linux", "drm", "accel", "media", "misc"];

/// Most events that are taken at once.
const EVENTS_MAX: usize = 4096;

/// A listener for uevents. Wait until its descriptor is readable, then [`drain`](Monitor::drain).
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

    /// Takes the events that are waiting (of a storm, as many as make the descriptor readable once
    /// more), and says whether there were any. Never blocks.
    pub fn drain(&mut self) -> bool {
        self.socket.iter().take(EVENTS_MAX).count() > 0
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::Monitor;

    #[test]
    fn a_monitor_with_nothing_to_say_says_so_at_once() {
        let mut monitor = Monitor::open().unwrap();
        assert!(!monitor.drain());
    }
}
