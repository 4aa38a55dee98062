//! `org.heapq.Allocator1`: the service, its client, and what both need of D-Bus.
//!
//! Whoever asks goes through [`client`]. On the service's side a call passes `gate` (who is it,
//! may they), [`wire`] (bounded dictionaries) and the allocator's broker, in this order.

#![forbid(unsafe_code)]

pub mod authority;
pub mod bus;
pub mod client;
pub mod collections;
pub mod error;
pub mod exit;
pub mod flight;
pub mod gate;
pub mod listing;
pub mod log_control;
pub mod logging;
mod memory;
pub mod messages;
pub mod moments;
pub mod objects;
pub mod peer;
pub mod proxy;
mod recall;
mod refusals;
pub mod reload;
pub mod seats;
pub mod service;
pub mod turns;
pub mod wire;
