//! How much a question may say. Real ones stay far below; the bounds keep what a stranger sends
//! from costing more than it is worth.

/// Bytes of a name: of a heap, a participant, a modifier, an attribute's value.
pub(crate) const NAME_BYTES: usize = 256;
/// Entries of a list of names or windows, and of `modifiers`.
pub(crate) const LIST: usize = 256;
/// `[[format]]` entries of one participant. GPUs state about a hundred.
pub(crate) const FORMATS: usize = 256;
/// Entries of `must-fit`.
pub(crate) const MUST_FIT: usize = 256;
/// Lists of `apart`; more than the subsets of four planes say nothing new.
pub(crate) const APART: usize = 16;
/// Tables of one group of alternatives.
pub(crate) const ALTERNATIVES: usize = 64;
/// Highest number of a plane: the kernel's framebuffers have four.
pub(crate) const LAST_PLANE: u8 = 3;
