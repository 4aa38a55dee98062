//! A machine that is described and not running: where its description is, and reading it.

use super::file::Unreadable;
use super::{Observation, devicetree, snapshot};
use heapq_policies::PolicySet;
use std::path::PathBuf;

/// A machine that is not the running one.
#[derive(Clone, Debug)]
pub enum Described {
    /// The board of a flattened devicetree, with the heaps that a current kernel makes on it.
    Devicetree(PathBuf),
    /// What `heapq snapshot` wrote, or somebody by hand.
    Snapshot(PathBuf),
    /// An observation that is already here.
    Seen(Box<Observation>),
}

impl From<Observation> for Described {
    fn from(seen: Observation) -> Self {
        Self::Seen(Box::new(seen))
    }
}

impl Described {
    /// Reads the description. `policies` say where to look for DMA masters; a snapshot has found them.
    ///
    /// # Errors
    /// [`Unreadable`] when the file is not there, or is no such description.
    pub fn observe(&self, policies: &PolicySet) -> Result<Observation, Unreadable> {
        match self {
            Self::Devicetree(path) => devicetree::load(path, policies),
            Self::Snapshot(path) => snapshot::load(path),
            Self::Seen(seen) => Ok(Observation::clone(seen)),
        }
    }
}
