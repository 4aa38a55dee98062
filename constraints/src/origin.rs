//! Where a fact comes from: every line of an explanation ends in one of these.

use crate::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who said so. Kept with every fact from the place where it was read to the last explanation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The client said it about itself, in the request (or a case file did in its place).
    Client,
    /// The rule of `docs/vocabulary.md` for a key that nobody stated.
    Default,
    /// A file or link below /sys, as seen on the machine (absolute path).
    Sysfs(Name),
    /// A node of the devicetree, by its full path.
    Devicetree(Name),
    /// A rule of a policy file.
    Policy {
        /// The file as found, e.g. `/usr/share/heapq/policy.d/30-drivers.toml`.
        file: Name,
        /// Line of the key, counted from 1.
        line: u32,
    },
    /// No rule of a policy, nor anybody else who was asked: what is not granted is denied. Says so
    /// in words: `no [[grant]] lets uid 1000 have scarce heaps`.
    Ungranted(Name),
    /// The buffers of a collection, which are there already.
    Allocation,
    /// What `heapq probe` learnt by real imports (the policy file that it wrote).
    Probe(Name),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("the request"),
            Self::Default => f.write_str("the default"),
            Self::Sysfs(path) => f.write_str(path),
            Self::Ungranted(words) => f.write_str(words),
            Self::Devicetree(node) => write!(f, "devicetree {node}"),
            Self::Policy { file, line } => write!(f, "{file}:{line}"),
            Self::Allocation => f.write_str("what is allocated"),
            Self::Probe(file) => write!(f, "probe {file}"),
        }
    }
}
