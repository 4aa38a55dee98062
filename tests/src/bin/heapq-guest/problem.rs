//! Why a command did not do what it was told.

use heapq_dbus::client::Failure;
use heapq_dbus::exit::Exit;
use std::io;

/// A failure, a refusal, or a picture that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The command line is not one of ours.
    #[error("usage: heapq-guest {0}")]
    Usage(&'static str),
    /// The service refused, or is not there.
    #[error(transparent)]
    Service(#[from] Failure),
    /// The service answered, but gave no buffers.
    #[error("{text}")]
    Nothing {
        /// How such an answer ends `heapq`.
        exit: Exit,
        /// What it said.
        text: String,
    },
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// Which, on what.
        what: String,
        /// How.
        source: io::Error,
    },
    /// A device did something else than it should have.
    #[error("{0}")]
    Wrong(String),
}

impl Problem {
    /// For `map_err`: a system call that failed.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what: what.into(), source }
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Service(failure) => Exit::from(failure),
            Self::Nothing { exit, .. } => *exit,
            Self::System { .. } | Self::Wrong(_) => Exit::Failure,
        }
    }
}

/// Says of two values that they differ.
pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    left: &T,
    right: &T,
) -> Result<(), Problem> {
    if left == right {
        return Ok(());
    }
    Err(Problem::Wrong(format!("{what}: {left:?}, not {right:?}")))
}
