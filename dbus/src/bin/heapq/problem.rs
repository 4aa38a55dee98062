//! Everything that can keep a command from its answer, and how the process ends because of it.

use crate::ask::Malformed;
use heapq_allocator::{AskError, OpenError};
use heapq_dbus::client::Failure;
use heapq_dbus::error::Error;
use heapq_dbus::exit::Exit;
use std::io;
use std::path::PathBuf;

/// Why a command did not come to a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The question is none.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// This machine cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Buffers were asked of a board that is only described.
    #[error(
        "a machine that is described has no memory to give: heapq alloc takes --dtb and --snapshot \
         with --stand-in only"
    )]
    NoMachine,
    /// The broker in this process refused or failed.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The daemon refused, failed or is not there.
    #[error(transparent)]
    Daemon(#[from] Failure),
    /// It names a heap that this machine does not have.
    #[error("no heap is named {name:?}{}", meant(nearest.as_deref()))]
    UnknownHeap {
        /// As it was typed.
        name: String,
        /// A name, alias or role that may be meant.
        nearest: Option<String>,
    },
    /// Memory is asked of a machine that is not running.
    #[error(
        "{root} is a capture: it shows heaps and has no memory to give. `alloc --stand-in` gives \
         memfds in their place, and `plan` says what would serve"
    )]
    Capture {
        /// What was given as root.
        root: String,
    },
    /// An option that means nothing to this command.
    #[error("`heapq {command}` does not take {option}: {why}")]
    Option {
        /// The command.
        command: &'static str,
        /// The option as typed.
        option: &'static str,
        /// What it does instead.
        why: &'static str,
    },
    /// A file or directory that was named is not there, or is none.
    #[error("{}: {source}", path.display())]
    Named {
        /// As it was typed.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// There is no heap from which buffers could come.
    #[error("there is no heap to take buffers from\n{}", advice.join("\n"))]
    NoHeap {
        /// What is missing, and what would help.
        advice: Vec<String>,
    },
    /// A device has several nodes, or none.
    #[error("{device} is no single node: {}", if nodes.is_empty() { "it has none" } else { nodes })]
    ManyNodes {
        /// As it was named.
        device: String,
        /// Those that may be meant.
        nodes: String,
    },
    /// A device cannot be asked.
    #[error("{node}: {why}")]
    Probe {
        /// Its node.
        node: String,
        /// Why not.
        why: String,
    },
    /// A device may not be opened.
    #[error("{node}: {why}")]
    Closed {
        /// Its node.
        node: String,
        /// What the system says.
        why: String,
    },
    /// A command that was to be run cannot be.
    #[error("{command}: {source}")]
    Run {
        /// What was to be run.
        command: String,
        /// Why it cannot be.
        source: io::Error,
    },
    /// The system failed us.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
    /// A case's machine or question is refused.
    #[error("{0}")]
    Case(String),
    /// What the machine shows cannot be written down.
    #[error("{0}")]
    Snapshot(String),
    /// The demonstration found that something does not hold.
    #[error("{0}")]
    Demo(String),
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|known| format!("; did you mean {known:?}?")).unwrap_or_default()
}

impl Problem {
    /// For use with `map_err`.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// What to do about it, where the text does not say so itself.
    pub(crate) fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::UnknownHeap { .. } => Some("`heapq heaps` lists the heaps"),
            Self::Ask(AskError::UnknownDevice(unknown)) if unknown.bearers.is_empty() => {
                Some("`heapq devices` lists the devices")
            }
            Self::Daemon(Failure::Refused(Error::UnknownDevice(_))) => {
                Some("`heapq devices --daemon` lists the devices of the service")
            }
            Self::Daemon(Failure::Refused(Error::NotAuthorized(why)))
                if why.contains("no [[grant]]") =>
            {
                Some(
                    "the shipped policies let group heapq allocate; a [[grant]] below \
                     /etc/heapq/policy.d lets others",
                )
            }
            _ => None,
        }
    }

    /// How the process ends.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Malformed(Malformed::Nobody)
            | Self::NoMachine
            | Self::Capture { .. }
            | Self::Option { .. } => Exit::Usage,
            Self::Malformed(_)
            | Self::UnknownHeap { .. }
            | Self::ManyNodes { .. }
            | Self::Case(_) => Exit::Invalid,
            Self::NoHeap { .. } => Exit::NoMemory,
            Self::Closed { .. } => Exit::NotAuthorized,
            Self::Ask(error) => Exit::from(error),
            Self::Daemon(failure) => Exit::from(&failure),
            Self::Open(_)
            | Self::Snapshot(_)
            | Self::Named { .. }
            | Self::Run { .. }
            | Self::Probe { .. }
            | Self::System { .. }
            | Self::Demo(_) => Exit::Failure,
        }
    }
}
