//! A device that is asked what it takes, and left as it was found.
//!
//! Any call may keep the process for as long as the driver likes. It never streams and never shows
//! anything.

mod bounce;
mod card;
mod queues;

use super::tried::{Answer, Way};
use crate::sys::Refused;
use crate::sys::v4l2::KeptFormat;
use card::Card;
use nix::errno::Errno;
use queues::Queues;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// One way in which the device takes buffers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// Which.
    pub way: Way,
    /// Bytes that each buffer of a small frame must have; never empty.
    pub small: Vec<u64>,
    /// The same of a larger frame.
    pub large: Vec<u64>,
}

/// What must be put back when the device was kept from doing so itself.
pub type Kept = Vec<KeptFormat>;

/// Why a device cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Somebody uses it: the call that said so.
    #[error("{0} says that it is busy")]
    Busy(String),
    /// This process may not open it.
    #[error("this process may not open it: {0}")]
    Denied(String),
    /// It takes no buffers, in no way that is known here.
    #[error("{0}")]
    Nothing(String),
    /// Something else failed.
    #[error("{0}")]
    Failed(String),
}

/// An open device.
#[derive(Debug)]
pub enum Subject {
    /// Of V4L2.
    Queues(Queues),
    /// Of DRM.
    Card(Card),
}

impl Subject {
    /// Opens a node.
    ///
    /// # Errors
    /// [`Fault`], where it cannot be opened or is of no known kind.
    pub fn open(node: &Path) -> Result<Self, Fault> {
        let of_drm = ["/dev/dri", "/dev/accel"].iter().any(|dir| node.starts_with(dir));
        if of_drm { Card::open(node).map(Self::Card) } else { Queues::open(node).map(Self::Queues) }
    }

    /// What must be put back, should this process not come to it.
    #[must_use]
    pub fn kept(&self) -> Kept {
        match self {
            Self::Queues(queues) => queues.kept(),
            Self::Card(_) => Vec::new(),
        }
    }

    /// The ways in which it takes buffers. Sets formats.
    ///
    /// # Errors
    /// [`Fault::Busy`] where somebody else uses it.
    pub fn offers(&mut self) -> Result<Vec<Offer>, Fault> {
        match self {
            Self::Queues(queues) => queues.offers(),
            Self::Card(card) => card.offers(),
        }
    }

    /// Gives it the buffers of one frame, of these lengths in bytes, and takes them back.
    #[must_use]
    pub fn import(&mut self, way: Way, buffers: &[(BorrowedFd<'_>, u64)]) -> Answer {
        let copied = bounce::Counter::now();
        let imported = match self {
            Self::Queues(queues) => queues.import(way, buffers, &copied),
            Self::Card(card) => card.import(way, buffers, &copied),
        };
        match imported {
            Ok(bounced) => Answer::Accepted { bounced },
            Err(refused) => judged(&refused),
        }
    }

    /// Puts back the formats that it had, or those that another process kept.
    ///
    /// # Errors
    /// The first that cannot be put back, or is not what it was.
    pub fn restore(&mut self, kept: &Kept) -> io::Result<()> {
        match self {
            Self::Queues(queues) => queues.restore(kept),
            Self::Card(_) => Ok(()),
        }
    }
}

/// Whether a call refused the buffer, or was kept from looking at it.
fn judged(refused: &Refused) -> Answer {
    let errno = refused.source.raw_os_error().map(Errno::from_raw);
    let text = match errno {
        Some(errno) => format!("{}: {errno:?}", refused.call),
        None => refused.to_string(),
    };
    let about_the_buffer = match (refused.call, errno) {
        ("REQBUFS", Some(errno)) => matches!(errno, Errno::EINVAL | Errno::ENOTTY),
        ("QBUF", Some(errno)) => {
            matches!(errno, Errno::EFAULT | Errno::EINVAL | Errno::ENOMEM | Errno::EIO)
        }
        ("PRIME_FD_TO_HANDLE" | "ADDFB2", Some(errno)) => {
            !matches!(errno, Errno::EACCES | Errno::EPERM | Errno::EINTR)
        }
        _ => false,
    };
    if about_the_buffer { Answer::Refused(text) } else { Answer::Unasked(text) }
}

/// Why a node cannot be opened or asked.
fn fault(call: &str, error: &io::Error) -> Fault {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EBUSY) => Fault::Busy(call.to_owned()),
        Some(Errno::EACCES | Errno::EPERM) => Fault::Denied(format!("{call}: {error}")),
        _ => Fault::Failed(format!("{call}: {error}")),
    }
}

/// A buffer by its descriptor, with its length.
///
/// # Errors
/// What fstat says.
pub fn with_length<F: AsFd>(buffer: &F) -> io::Result<(BorrowedFd<'_>, u64)> {
    let bytes = rustix::fs::fstat(buffer)?.st_size;
    Ok((buffer.as_fd(), u64::try_from(bytes).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Fault, Subject, judged};
    use crate::sys::Refused;
    use std::io;
    use std::path::Path;

    #[test]
    fn a_refusal_is_about_the_buffer_or_about_something_else() {
        const EBADR: i32 = 53;
        for (call, errno, about_the_buffer) in [
            ("QBUF", 14, true),
            ("QBUF", 22, true),
            ("QBUF", EBADR, false),
            ("QBUF", 19, false),
            ("REQBUFS", 22, true),
            ("REQBUFS", 16, false),
            ("S_FMT", 22, false),
            ("PRIME_FD_TO_HANDLE", 19, true),
            ("ADDFB2", 22, true),
            ("ADDFB2", 13, false),
        ] {
            let refused = Refused { call, source: io::Error::from_raw_os_error(errno) };
            let answer = judged(&refused);
            assert_eq!(matches!(answer, Answer::Refused(_)), about_the_buffer, "{answer:?}");
        }
    }

    #[test]
    fn what_is_no_such_device_is_told() {
        assert!(matches!(Subject::open(Path::new("/dev/null")), Err(Fault::Nothing(_))));
        assert!(matches!(Subject::open(Path::new("/dev/dri/none")), Err(Fault::Failed(_))));
    }
}
