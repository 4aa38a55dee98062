//! `[[heap]]`: what a buffer from a heap is.

use super::constraint::ACCESS;
use super::reader::{Complaints, shortened, word};
use super::shape::{BITS, BOOLEAN, BYTES, BYTES_FROM_1, NAME, NAMES, Shape, WEIGHT, WINDOWS};
use super::{Invalid, OriginOf};
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

/// A row for each property: what kind of value it takes, and where it goes.
macro_rules! properties {
    ($($key:literal: $kind:expr => $field:ident $(.$some:ident)?,)*) => {
        /// Reads one property into `heap`.
        pub(super) fn property(heap: &mut Heap, entry: &Entry) -> Result<(), String> {
            let node = &entry.node;
            match entry.key.as_str() {
                $($key => heap.$field = ($kind.read)(node)$(.map($some))? ?,)*
                _ => word(node, &[("no-memory", ())])?,
            }
            Ok(())
        }

        /// What a property takes.
        pub(super) fn shape(key: &str) -> Option<Shape> {
            match key {
                $($key => Some(($kind.shape)()),)*
                _ => None,
            }
        }
    };
}

properties! {
    "name": NAME => name,
    "aliases": NAMES => aliases,
    "roles": NAMES => roles,
    "contiguous": BOOLEAN => contiguous,
    "address-bits": BITS => address_bits,
    "address-window": WINDOWS => address_window.Some,
    "alignment": BYTES_FROM_1 => alignment,
    "access": ACCESS => access,
    "cached": BOOLEAN => cached,
    "protected": BOOLEAN => protected,
    "bank": NAME => bank.Some,
    "max-size": BYTES => max_size.Some,
    "capacity": BYTES => capacity.Some,
    "present": BOOLEAN => present,
    "permitted": BOOLEAN => permitted,
    "reserved-for": NAMES => reserved_for,
    "weight": WEIGHT => weight,
}
