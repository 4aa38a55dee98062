//! `exports`: the memory that a device's own driver allocates.

use super::reader::{Complaints, name};
use super::shape::{NAME, Shape};
use super::{Invalid, OriginOf, heap};
use crate::question::Exports;
use crate::value::{Node, Value};
use crate::{Heap, Name};

/// The properties of a heap that such memory has. It has no name to list it by, and nobody ranks it.
const PROPERTIES: [&str; 9] = [
    "contiguous",
    "address-bits",
    "address-window",
    "alignment",
    "access",
    "cached",
    "protected",
    "bank",
    "max-size",
];
/// How a client asks the driver for it.
const HOW: &str = "how";

/// Reads the table of an `exports` key. `owner` prefixes the keys of complaints.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn exports(node: &Node, owner: &str, origin: OriginOf) -> Result<Exports, Vec<Invalid>> {
    let Value::Table(table) = &node.value else {
        let mut complaints = Complaints::new(owner);
        let rule = format!("a table such as {{ how = \"GBM\" }}, found {}", node.value.kind());
        complaints.check_at("exports", node, Err::<(), _>(rule));
        return Err(complaints.list);
    };
    let mut complaints = Complaints::new(format!("{owner}.exports"));
    let mut memory = Heap::new("");
    let mut how = Name::from("");
    for entry in &table.entries {
        let read = match PROPERTIES.into_iter().chain([HOW]).find(|key| *key == entry.key) {
            None => {
                complaints.unknown(entry, &[&[HOW], PROPERTIES.as_slice()].concat());
                continue;
            }
            Some(HOW) => name(&entry.node).map(|name| how = name),
            Some(key) => {
                memory.origins.insert(key, origin(entry.at.or(entry.node.at).or(node.at)));
                heap::property(&mut memory, entry)
            }
        };
        complaints.check(entry, read);
    }
    complaints.require(table, &[HOW]);
    complaints.finish(Exports { heap: memory, how, origin: origin(node.at) })
}

/// What `exports` takes.
pub(super) fn shape() -> Shape {
    let stated = PROPERTIES.iter().filter_map(|key| Some((*key, heap::shape(key)?)));
    let keys = std::iter::once((HOW, (NAME.shape)())).chain(stated).collect();
    Shape::Table { keys, required: vec![HOW] }
}
