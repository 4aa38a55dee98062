//! Heaps and devices of the running machine, the accounts of what was handed out, and the one use
//! case: ask, solve, allocate.
//!
//! [`discover`] reads what a machine shows into an [`Observation`] (plain data, the same from a
//! running machine, a captured /sys or a snapshot file) and assembles a [`Topology`] from it, which
//! no one changes afterwards. [`Broker`] takes questions against the current topology, solves them,
//! charges the caller in the [`ledger`] and walks the plan's candidates through [`heaps`].

#![deny(unsafe_code)]

pub mod account;
pub mod admission;
pub mod bench;
pub mod broker;
pub mod caller;
pub mod case;
pub mod cgroup;
pub mod collection;
mod complete;
pub mod discover;
pub mod heaps;
pub mod lack;
pub mod ledger;
pub mod memfd;
pub mod probe;
pub mod sys;
pub mod topology;
pub mod udev;
mod view;

pub use account::{LeaseInfo, Process};
pub use broker::{
    AskError, Broker, Config, Grant, OpenError, Outcome, Reloaded, Solved, Standing, UnknownLease,
};
pub use caller::{Caller, Holder, Verdict};
pub use complete::{Descriptions, complete};
pub use discover::Observation;
pub use topology::{Device, Iommu, Topology, UnknownDevice};
pub use view::{ConsideredNode, KnownNode};
