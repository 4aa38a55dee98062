//! What a buffer from a heap is, and which heap's buffers serve in another's place.

pub use crate::heap_set::HeapSet;

use crate::fact::{AccessSet, Windows};
use crate::{Name, Origin};
use std::collections::BTreeMap;

/// One candidate: a source of buffers with the properties that every buffer from it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heap {
    /// Its first name.
    pub name: Name,
    /// Further names of the same pool.
    pub aliases: Vec<Name>,
    /// Names for its meaning that survive kernel renames, e.g. `default-contiguous`.
    pub roles: Vec<Name>,
    /// Its buffers are physically contiguous.
    pub contiguous: bool,
    /// 1 to 64: every byte lies below 2^bits.
    pub address_bits: u8,
    /// Where its buffers may lie, CPU-physical; `None`: anywhere that `address_bits` reaches.
    pub address_window: Option<Windows>,
    /// Base alignment in bytes that every buffer has.
    pub alignment: u64,
    /// What touching it by CPU costs.
    pub access: AccessSet,
    /// Mapped cached.
    pub cached: bool,
    /// The CPU and ordinary devices cannot see it.
    pub protected: bool,
    /// A memory bank or firewall domain of its own.
    pub bank: Option<Name>,
    /// Largest single buffer in bytes, as allocated.
    pub max_size: Option<u64>,
    /// What all buffers of an answer may take, in bytes, as allocated; `None`: unknown.
    pub capacity: Option<u64>,
    /// It is on this host.
    pub present: bool,
    /// It may be opened (by this caller).
    pub permitted: bool,
    /// Usage words or drivers it is kept for; every participant must have one. Empty: for all.
    pub reserved_for: Vec<Name>,
    /// Larger is preferred among heaps that satisfy everybody.
    pub weight: i64,
    /// Who says so, by key; keys that are not here have the vocabulary's default.
    pub origins: BTreeMap<&'static str, Origin>,
}

impl Heap {
    /// A heap of which nothing but the name is stated: the vocabulary's defaults.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            roles: Vec::new(),
            contiguous: false,
            address_bits: 64,
            address_window: None,
            alignment: 4096,
            access: AccessSet::ALL,
            cached: true,
            protected: false,
            bank: None,
            max_size: None,
            capacity: None,
            present: true,
            permitted: true,
            reserved_for: Vec::new(),
            weight: 0,
            origins: BTreeMap::new(),
        }
    }

    /// Whether `name` is its name or one of its aliases.
    #[must_use]
    pub fn bears(&self, name: &str) -> bool {
        &*self.name == name || self.aliases.iter().any(|alias| &**alias == name)
    }
}

/// A stated edge of the compatibility graph: a buffer from `from` serves wherever memory from `to`
/// is accepted. Names that no heap bears take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The stricter side.
    pub from: Name,
    /// The side it stands in for.
    pub to: Name,
    /// Who says so.
    pub origin: Origin,
}
