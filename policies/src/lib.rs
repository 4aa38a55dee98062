//! The policy language of heapq: what heaps mean, what devices need, and who may have buffers.
//!
//! Files of TOML in layers ([`load`]) become a [`PolicySet`], which answers questions and
//! reads nothing while it does:
//!
//! - [`PolicySet::heap`]: what buffers from a heap of this name are. The kernel tells the name and
//!   nothing else.
//! - [`PolicySet::device`]: what a device needs of a buffer, in this use. `match` says which devices
//!   are meant, `unless` and `when` where the rule is silent about them; all other keys are those of
//!   the vocabulary, read by `heapq-constraints`.
//! - [`PolicySet::dma_master`]: which other device masters its DMA, and where to look for it.
//! - [`PolicySet::grant`]: what a caller may do. Nothing, unless a rule says so.
//! - [`PolicySet::limits`]: how much somebody may have.
//!
//! A file with an error is left out whole, with every complaint about it ([`Diagnostic`]), and the
//! rest goes on. The files in `shipped/` are compiled in as the lowest layer:
//!
//! ```
//! use heapq_policies::{DeviceView, Kernel, load};
//! use heapq_constraints::question::Usages;
//!
//! let set = load(&[]).set;
//! let kernel: Kernel = "6.17.2-1-arm64".parse()?;
//! let cma = set.heap("linux,cma", kernel).heap;
//! assert!(cma.contiguous && cma.bears("default_cma_region"));
//!
//! let mut decoder = DeviceView { driver: Some("hantro-vpu"), ..DeviceView::new(kernel) };
//! assert_eq!(set.device(&decoder, Usages::default()).facts[0].constraint.key(), "contiguous");
//! decoder.has_iommu = Some(true);
//! assert!(set.device(&decoder, Usages::default()).facts.is_empty());
//! # Ok::<(), heapq_policies::NoKernel>(())
//! ```

#![forbid(unsafe_code)]

mod check;
mod condition;
mod depth;
mod diagnostic;
pub mod document;
mod explain;
mod glob;
mod index;
mod kernel;
mod layering;
mod limits;
mod load;
mod master;
mod overlay;
mod right;
mod rule;
mod schema;
mod set;
mod shipped;
mod view;

pub use diagnostic::{Code, Diagnostic, Related, Severity, disturbs, render};
pub use explain::{Considered, RuleState};
pub use glob::Glob;
pub use kernel::{Kernel, NoKernel};
pub use limits::{Limit, Limits, Whose};
pub use load::{FileState, Loaded, PolicyFile, default_dirs, dirs_below, load, load_files};
pub use master::{Arguments, DmaMaster, Patterns};
pub use right::{Grants, Right, Said};
pub use schema::schema;
pub use set::{DeviceKnowledge, HeapKnowledge, Override, PolicySet};
pub use view::{DeviceView, ParameterOf, Who, is_udev_property};
