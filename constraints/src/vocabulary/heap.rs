//! `[[heap]]`: what a buffer from a heap is.

use super::reader::{Complaints, bits, boolean, integer, list, name, shortened, windows, word};
use super::{Invalid, OriginOf, bounds, constraint};
use crate::Heap;
use crate::value::{Entry, Table, Value};

const KEYS: [&str; 17] = [
    "name",
    "aliases",
    "roles",
    "contiguous",
    "address-bits",
    "address-window",
    "alignment",
    "access",
    "cached",
    "protected",
    "bank",
    "max-size",
    "capacity",
    "present",
    "permitted",
    "reserved-for",
    "weight",
];

/// The key of case files that says that a heap is out of memory. It describes a moment, not the
/// heap: it is checked here, and the case runner reads it.
const FAILS: &str = "fails";

/// Reads one `[[heap]]` of a case, snapshot or board.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn heap(table: &Table, origin: OriginOf) -> Result<Heap, Vec<Invalid>> {
    let mut complaints = Complaints::new(owner(table));
    let mut heap = Heap::new("");
    for entry in &table.entries {
        let Some(key) = KEYS.into_iter().chain([FAILS]).find(|key| *key == entry.key) else {
            complaints.unknown(entry, &KEYS);
            continue;
        };
        let read = property(&mut heap, entry);
        complaints.check(entry, read);
        heap.origins.insert(key, origin(entry.at.or(entry.node.at)));
    }
    heap.origins.remove(FAILS);
    complaints.require(table, &["name"]);
    complaints.finish(heap)
}

/// `heap.NAME`, as complaints name it; without a name, `heap`.
fn owner(table: &Table) -> String {
    match table.get("name").map(|node| &node.value) {
        Some(Value::Text(name)) => format!("heap.{}", shortened(name)),
        _ => "heap".to_owned(),
    }
}

/// Reads one property into `heap`.
pub(super) fn property(heap: &mut Heap, entry: &Entry) -> Result<(), String> {
    let node = &entry.node;
    match entry.key.as_str() {
        "name" => heap.name = name(node)?,
        "aliases" => heap.aliases = list(node, bounds::LIST, name)?,
        "roles" => heap.roles = list(node, bounds::LIST, name)?,
        "contiguous" => heap.contiguous = boolean(node)?,
        "address-bits" => heap.address_bits = bits(node)?,
        "address-window" => heap.address_window = Some(windows(node)?),
        "alignment" => heap.alignment = integer(node, 1)?,
        "access" => heap.access = constraint::access(node)?,
        "cached" => heap.cached = boolean(node)?,
        "protected" => heap.protected = boolean(node)?,
        "bank" => heap.bank = Some(name(node)?),
        "max-size" => heap.max_size = Some(integer(node, 0)?),
        "capacity" => heap.capacity = Some(integer(node, 0)?),
        "present" => heap.present = boolean(node)?,
        "permitted" => heap.permitted = boolean(node)?,
        "reserved-for" => heap.reserved_for = list(node, bounds::LIST, name)?,
        "weight" => heap.weight = integer(node, i64::MIN)?,
        _ => word(node, &[("no-memory", ())])?,
    }
    Ok(())
}
