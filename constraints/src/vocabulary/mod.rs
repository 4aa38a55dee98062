//! The one reader of the vocabulary: from a [`Table`] to the model, with every complaint naming
//! key, value and rule.
//!
//! Everything read here may come from a stranger: strings and lists are bounded, nesting is as deep
//! as the vocabulary and no deeper, and each complaint shows at most a short piece of the value.

mod bounds;
mod constraint;
mod cross;
mod exports;
mod form;
mod format;
mod heap;
mod nearest;
mod participant;
mod reader;
mod request;
mod shape;
mod terms;

use crate::Origin;
use crate::heap::Edge;
use crate::value::{Place, Table};

pub use constraint::CONSTRAINTS;
pub use exports::exports;
pub use form::{FORM, form, form_shape};
pub use heap::heap;
pub use nearest::nearest;
pub use participant::{facts, participant};
pub use request::request;
pub use shape::{Shape, constraint_shape, edge_shape, exports_shape, heap_shape};
pub use terms::{ALLOCATION, MEMBERS, member, terms};

pub(crate) use cross::contradiction;
pub(crate) use format::{modifier_key, overlapping};

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

/// The keys of `[[compatibility]]`, both required.
const EDGE: [&str; 2] = ["from", "to"];

/// Reads one `[[compatibility]]`.
///
/// # Errors
/// All complaints about it.
pub fn edge(table: &Table, origin: OriginOf) -> Result<Edge, Vec<Invalid>> {
    let mut complaints = reader::Complaints::new("compatibility");
    let (mut from, mut to) = (None, None);
    let mut at = None;
    for entry in &table.entries {
        let slot = match entry.key.as_str() {
            "from" => &mut from,
            "to" => &mut to,
            _ => {
                complaints.unknown(entry, &EDGE);
                continue;
            }
        };
        at = at.or(entry.at);
        *slot = complaints.check(entry, reader::name(&entry.node));
    }
    complaints.require(table, &EDGE);
    match (from, to) {
        (Some(from), Some(to)) => complaints.finish(Edge { from, to, origin: origin(at) }),
        _ => Err(complaints.list),
    }
}
