//! The kernel's interfaces: the only place with `unsafe`, one note of safety a block.

#![allow(unsafe_code)]

pub mod dma_buf;
pub mod dma_heap;
pub mod drm;
pub mod mapping;
mod refused;
pub mod socket;
pub mod spawn;
pub mod udmabuf;
pub mod v4l2;

pub use refused::Refused;
