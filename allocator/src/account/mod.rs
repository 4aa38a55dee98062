//! What became of buffers after they were handed out: whether they still exist, who has them, and
//! what is owed for those whose lease has ended.
//!
//! A lease ends when its client says so or leaves; the memory ends when nobody holds the buffer any
//! more. In between its charge goes on, as an orphan of its user.

pub mod debt;
pub mod exported;
pub mod holders;
pub mod orphans;
pub mod process;
pub mod trace;

pub use debt::{Debt, LeaseInfo};
pub use exported::Exported;
pub use holders::{Holders, look};
pub use orphans::Orphans;
pub use process::Process;
pub use trace::Trace;
