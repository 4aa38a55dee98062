//! Devicetrees as a source of topology: what they say, what must be refused, and real boards.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod boards;
mod dma;
mod hostile;
mod machine;
mod sources;
mod writer;

use heapq_allocator::discover::{Observation, SeenDevice, devicetree};
use heapq_policies::PolicySet;
use std::sync::OnceLock;

/// The shipped ones.
fn policies() -> &'static PolicySet {
    static POLICIES: OnceLock<PolicySet> = OnceLock::new();
    POLICIES.get_or_init(|| heapq_policies::load(&[]).set)
}

fn read(blob: &[u8]) -> Observation {
    devicetree::read(blob, policies()).unwrap_or_else(|error| panic!("{error}"))
}

fn device<'a>(seen: &'a Observation, path: &str) -> &'a SeenDevice {
    seen.devices.iter().find(|device| &*device.path == path).unwrap_or_else(|| panic!("{path}"))
}
