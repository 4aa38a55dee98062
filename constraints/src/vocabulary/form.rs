//! `fourcc`, `modifier`, `min-extent` and `min-size` of a rule's `when`: the buffers it speaks of.

use super::reader::{Complaints, Rule, some};
use super::shape::{BYTES_FROM_1, EXTENT, NAME, Shape};
use super::{Invalid, bounds, format};
use crate::Name;
use crate::choice::Form;
use crate::fact::Pick;
use crate::value::{Entry, Node, Table, Value};

/// The keys that state a form.
pub const FORM: [&str; 4] = ["fourcc", "modifier", "min-extent", "min-size"];

/// Reads the keys of [`FORM`] in `table`. `owner` prefixes the keys of complaints.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn form(table: &Table, owner: &str) -> Result<Form, Vec<Invalid>> {
    let mut complaints = Complaints::new(owner);
    let mut form = Form::default();
    for entry in &table.entries {
        if !FORM.contains(&entry.key.as_str()) {
            complaints.unknown(entry, &FORM);
            continue;
        }
        let read = property(&mut form, entry);
        complaints.check(entry, read);
    }
    complaints.finish(form)
}

fn property(form: &mut Form, entry: &Entry) -> Result<(), Rule> {
    let node = &entry.node;
    match entry.key.as_str() {
        "fourcc" => form.fourccs = names(node, format::code)?,
        "modifier" => form.modifiers = names(node, format::modifier)?,
        "min-extent" => form.min_extent = Some((EXTENT.read)(node)?),
        _ => form.min_size = Some((BYTES_FROM_1.read)(node)?),
    }
    Ok(())
}

/// One name, or a list of them.
fn names(node: &Node, read: fn(&Node) -> Result<Pick, Rule>) -> Result<Vec<Name>, Rule> {
    let one = |node: &Node| match read(node)? {
        Pick::One(name) => Ok(name),
        Pick::Any => Err("a name; any is what a rule means that leaves the key out".to_owned()),
    };
    match node.value {
        Value::List(_) => some(node, bounds::LIST, one),
        _ => Ok(vec![one(node)?]),
    }
}

/// What a key of [`FORM`] takes; of `fourcc` and `modifier` one, in whose place a list may stand.
#[must_use]
pub fn form_shape(key: &str) -> Option<Shape> {
    Some(match key {
        "fourcc" => (format::FOURCC.shape)(),
        "modifier" => (NAME.shape)(),
        "min-extent" => (EXTENT.shape)(),
        "min-size" => (BYTES_FROM_1.shape)(),
        _ => return None,
    })
}
