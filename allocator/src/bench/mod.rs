//! How fast heaps are: what a buffer costs to have, to write, to read and to bracket, and the weights
//! that follow from it.

mod measure;
mod weigh;

pub use measure::{BUFFER_MOST, Figures, SIZES, Step, WEIGHED, measure, steps};
pub use weigh::{Measured, policy, weights};
