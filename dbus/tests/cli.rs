//! The command `heapq` as scripts see it: exit codes, JSON, and the words beside them, on a made-up
//! machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests too")]

#[path = "cli/answers.rs"]
mod answers;
#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/cases.rs"]
mod cases;
#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/devicetree.rs"]
mod devicetree;
#[path = "cli/listings.rs"]
mod listings;
#[path = "cli/machine.rs"]
mod machine;
#[path = "cli/options.rs"]
mod options;
#[path = "cli/policy.rs"]
mod policy;
