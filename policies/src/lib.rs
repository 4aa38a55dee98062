//! The policy language of heapq: what heaps mean, what devices need, and who may have buffers.
#![forbid(unsafe_code)]

mod depth;
mod diagnostic;
pub mod document;
mod glob;
mod kernel;
mod overlay;
mod rule;
mod set;
mod view;

pub use diagnostic::{Code, Diagnostic, Severity, render};
pub use kernel::{Kernel, NoKernel};
pub use set::{DeviceKnowledge, Grants, HeapKnowledge, Override, PolicySet};
pub use view::{DeviceView, Who};
