//! One command a file.

pub(crate) mod alloc;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod devices;
pub(crate) mod explain;
pub(crate) mod heaps;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod probe;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod usage;
