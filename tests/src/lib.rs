//! What the tests of heapq as a whole share.
#![forbid(unsafe_code)]

pub mod fuzz;
pub mod led;
pub mod matrix;
pub mod oracle;
