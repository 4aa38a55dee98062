//! What explanations say of the heaps of a machine: spelt when an answer first says it, and kept
//! with the topology, since thousands of answers say the same.

use crate::heap::Heap;
use crate::{Constraint, Name, Origin, spell};
use std::sync::OnceLock;

/// A key under which a heap can be ruled out, and the column of [`Words`] that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(usize, &'static str);

impl Key {
    pub(crate) const ACCESS: Self = Self(4, "access");
    pub(crate) const DMA_COHERENT: Self = Self(5, "dma-coherent");
    pub(crate) const MAX_SIZE: Self = Self(7, "max-size");
    pub(crate) const CAPACITY: Self = Self(8, "capacity");
    pub(crate) const ABSENT: Self = Self(9, "absent");
    pub(crate) const NOT_PERMITTED: Self = Self(10, "not-permitted");
    pub(crate) const RESERVED: Self = Self(11, "reserved");

    /// That of `constraint`.
    pub(crate) fn of(constraint: &Constraint) -> Self {
        let column = match constraint {
            Constraint::Contiguous(_) => 1,
            Constraint::AddressBits(_) => 2,
            Constraint::AddressWindow(_) => 3,
            Constraint::Access(_) => Self::ACCESS.0,
            Constraint::DmaCoherent(_) => Self::DMA_COHERENT.0,
            Constraint::Protected(_) => 6,
            Constraint::MaxSize(_) => Self::MAX_SIZE.0,
            Constraint::BaseAlignment(_) => 12,
            // The heap itself is what these are about.
            _ => 0,
        };
        Self(column, constraint.kind())
    }

    /// As the vocabulary spells it.
    pub(crate) fn name(self) -> &'static str {
        self.1
    }
}

/// How many columns [`Key`] tells apart.
const COLUMNS: usize = 13;

/// What one heap has under each key, and who says so.
#[derive(Debug, Default)]
pub(crate) struct Words([OnceLock<(Name, Origin)>; COLUMNS]);

impl Words {
    /// What `heap`, whose words these are, has under `key`.
    pub(crate) fn of(&self, heap: &Heap, key: Key) -> &(Name, Origin) {
        let Key(column, name) = key;
        self.0[column].get_or_init(|| {
            let origin = heap.origins.get(spell::heap_key(heap, name)).cloned();
            (spell::heap_has(heap, name).into(), origin.unwrap_or(Origin::Default))
        })
    }
}
