//! The daemon as its clients meet it: on a dbus-daemon of its own, and on private sockets.
//!
//! Heaps are stand-ins on a machine that each test makes up, so none of this needs devices or
//! root; what only root can show (a client of another user) is skipped, and said so, elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod answers;
mod asking;
mod attacks;
mod authority;
mod bus;
mod collections;
mod connect;
mod costly;
mod heapqd;
mod hostile;
mod interface;
mod leases;
mod life;
mod logging;
mod machine;
mod memory;
mod peer;
mod polkit;
mod raw;
mod reload;
mod restart;
mod unread;
mod usage;
