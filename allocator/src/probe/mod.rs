//! What a device takes, learnt by giving it buffers.
//!
//! [`subject`] is the device: it imports what it is given, and is left as it was found. [`conclude()`]
//! says what may be concluded from what it took and refused, without I/O; [`rule`] writes that down as
//! a policy. Who gives the buffers, and the time limit on a device that does not answer, are the
//! caller's: a device's driver can keep a process for ever, so the subject lives in one of its own.

mod conclude;
mod date;
pub mod rule;
pub mod subject;
mod trials;
mod tried;
mod users;

pub use conclude::{Agreement, Conclusion, Need, agreement, conclude, reachable};
pub use date::today;
pub use trials::{Trial, trials};
pub use tried::{Answer, Rules, Tried, Way};
pub use users::users_of;

/// Bytes of a large buffer: of scattered memory, 16 pieces or more. By luck these too may lie side by
/// side, and did on a machine that had just started; who takes them must see to it that they do not.
pub const LARGE: u64 = 16 << 20;
/// Scattered buffers of a size that are tried, all there at once: memory that was given back is the
/// first to be given again.
pub const REPEATS: u32 = 4;
