//! What a broker is opened with.

use crate::discover::{Described, Unreadable};
use heapq_policies::Diagnostic;
use std::path::PathBuf;

/// What a broker is opened with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory that holds `sys`, `dev` and `proc`: `/`, or a capture.
    pub root: PathBuf,
    /// A machine to use in place of what `root` shows.
    pub board: Option<Described>,
    /// Directories of policy files, lowest precedence first; the shipped ones are below them.
    pub policy_dirs: Vec<PathBuf>,
    /// Give plain memfds in place of dma-bufs, and say so.
    pub stand_in: bool,
    /// The caller is this process: the operating system decides what it may open, no grants do.
    pub privileged: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            board: None,
            policy_dirs: heapq_policies::default_dirs(),
            stand_in: false,
            privileged: false,
        }
    }
}

/// What came of reading the policies again.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// What there is to say of their files.
    pub diagnostics: Vec<Diagnostic>,
    /// They apply now. Otherwise a file has an error, and those from before still do.
    pub applies: bool,
}

/// Why a machine cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The root holds no `sys` directory, or it cannot be listed.
    #[error("{path}: {source}")]
    Root {
        /// What was to be read.
        path: PathBuf,
        /// Why it could not be.
        source: std::io::Error,
    },
    /// The board that is to be used cannot be read.
    #[error(transparent)]
    Board(#[from] Unreadable),
    /// Two heaps bear one name, by the machine or by the policies.
    #[error("heaps of this machine: {0}")]
    Heaps(#[from] heapq_constraints::vocabulary::Invalid),
}
