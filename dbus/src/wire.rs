//! The border between D-Bus and the model: no D-Bus type is known further in, no model type
//! further out.
//!
//! Inwards: [`Participants`] and [`Options`] are read straight from the message into the neutral
//! [`value::Table`](heapq_constraints::value::Table), within stated bounds, and only
//! `vocabulary` decides what keys mean ([`Asked`]). Outwards: [`answer`] makes the flat dictionary
//! that every client can read, and [`tree`] carries the whole answer as the same JSON that
//! `--json` prints.

pub mod answer;
pub mod asked;
pub mod connecting;
mod entries;
pub mod negotiation;
mod node;
pub mod plain;
mod read;
pub mod tree;
pub mod usage;
pub(crate) mod write;

pub use answer::Reply;
pub use asked::Asked;
pub use entries::Entries;
pub use read::{Bounds, Options, Participants};
