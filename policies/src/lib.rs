//! The policy language of heapq: what heaps mean, what devices need, and who may have buffers.
#![forbid(unsafe_code)]

mod check;
mod depth;
mod diagnostic;
pub mod document;
mod glob;
mod kernel;
mod load;
mod overlay;
mod rule;
mod set;
mod shipped;
mod view;

pub use diagnostic::{Code, Diagnostic, Severity, render};
pub use kernel::{Kernel, NoKernel};
pub use load::{FileState, Loaded, PolicyFile, default_dirs, load, load_files};
pub use set::{DeviceKnowledge, Grants, HeapKnowledge, Override, PolicySet};
pub use view::{DeviceView, ParameterOf, Who};
