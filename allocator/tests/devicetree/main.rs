//! Devicetrees as a source of topology: what they say, what must be refused, and real boards.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod boards;
mod dma;
mod hostile;
mod machine;
mod sources;
mod writer;

use heapq_allocator::discover::{Observation, SeenDevice, devicetree};

fn read(blob: &[u8]) -> Observation {
    devicetree::read(blob).unwrap_or_else(|error| panic!("{error}"))
}

fn device<'a>(seen: &'a Observation, path: &str) -> &'a SeenDevice {
    seen.devices.iter().find(|device| &*device.path == path).unwrap_or_else(|| panic!("{path}"))
}
