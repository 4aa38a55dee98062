//! The one reader of the vocabulary: from a [`Table`] to the model, with every complaint naming
//! key, value and rule.

use crate::heap::Edge;
use crate::value::{Place, Table};
use crate::{Fact, Heap, Origin, Participant, Request};

/// A complaint about one key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key} = {value}: {rule}")]
pub struct Invalid {
    /// As a case's `invalid-key` names it: `P.max-count`, `P.format.block`, `heap.NAME.access`,
    /// `request.strict`, or a bare key such as `min-size` that nobody stated.
    pub key: String,
    /// What stands there, shortened; `(absent)` where nothing does.
    pub value: String,
    /// What should stand there; for an unknown key, the nearest known one.
    pub rule: String,
    /// Where, in a source that is text.
    pub at: Option<Place>,
}

/// Who states something at a place: a policy's line, or always the client.
pub type OriginOf<'a> = &'a dyn Fn(Option<Place>) -> Origin;

/// Reads one `[[heap]]` of a case, snapshot or board.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn heap(_table: &Table, _origin: OriginOf) -> Result<Heap, Vec<Invalid>> {
    unimplemented!()
}

/// Reads one `[[compatibility]]`.
///
/// # Errors
/// All complaints about it.
pub fn edge(_table: &Table, _origin: OriginOf) -> Result<Edge, Vec<Invalid>> {
    unimplemented!()
}

/// Reads one `[[participant]]`, its formats and alternatives included.
///
/// # Errors
/// All complaints about it, in the order of the source; keys are prefixed with its name.
pub fn participant(_table: &Table, _origin: OriginOf) -> Result<Participant, Vec<Invalid>> {
    unimplemented!()
}

/// Reads the constraint keys of a policy rule's table: what `participant` reads but for
/// `name device usage driver optional alternatives`. `owner` prefixes the keys of complaints.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn facts(_table: &Table, _owner: &str, _origin: OriginOf) -> Result<Vec<Fact>, Vec<Invalid>> {
    unimplemented!()
}

/// Reads `[request]`.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn request(_table: &Table) -> Result<Request, Vec<Invalid>> {
    unimplemented!()
}

/// The known word nearest to `word`, when one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(_word: &str, _known: &[&'a str]) -> Option<&'a str> {
    unimplemented!()
}
