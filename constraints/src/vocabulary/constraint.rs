//! The constraint keys: those that participants, alternatives, policy rules and planes share.

use super::reader::{Rule, list, some, word};
use super::shape::{
    BITS, BOOLEAN, BYTES, BYTES_FROM_1, COUNT, COUNT_FROM_1, Kind, NAMES, SOME_NAMES, Shape,
    WINDOWS,
};
use super::{bounds, shape};
use crate::Constraint;
use crate::fact::{Access, AccessSet, Protection};
use crate::question::{Usage, Usages};
use crate::value::Node;

/// The keys that state a constraint: what a participant, an alternative and a policy's rule take.
pub const CONSTRAINTS: [&str; 22] = [
    "link",
    "heaps",
    "avoid",
    "prefer",
    "contiguous",
    "address-bits",
    "address-window",
    "base-alignment",
    "access",
    "dma-coherent",
    "protected",
    "held",
    "dedicated",
    "shared",
    "min-count",
    "max-count",
    "min-size",
    "max-size",
    "padding",
    "attribute",
    "format",
    "unknown",
];

/// Those of them that `format.plane` takes.
pub(super) const OF_PLANES: [&str; 7] =
    ["heaps", "link", "avoid", "contiguous", "address-bits", "address-window", "base-alignment"];

/// A row for each plain key: what kind of value it takes, and the constraint that it states.
macro_rules! plain_keys {
    ($($key:literal: $kind:expr => $constraint:expr,)*) => {
        /// The constraint that `key` states with the value `node`. `None`: `key` is not a plain one.
        pub(super) fn plain(key: &str, node: &Node) -> Option<Result<Constraint, Rule>> {
            match key {
                $($key => Some(($kind.read)(node).map($constraint)),)*
                _ => None,
            }
        }

        /// What a plain key takes.
        pub(super) fn shape(key: &str) -> Option<Shape> {
            match key {
                $($key => Some(($kind.shape)()),)*
                _ => None,
            }
        }
    };
}

plain_keys! {
    "link": NAMES => Constraint::Link,
    "heaps": SOME_NAMES => Constraint::Heaps,
    "avoid": NAMES => Constraint::Avoid,
    "prefer": NAMES => Constraint::Prefer,
    "contiguous": BOOLEAN => Constraint::Contiguous,
    "address-bits": BITS => Constraint::AddressBits,
    "address-window": WINDOWS => Constraint::AddressWindow,
    "base-alignment": BYTES_FROM_1 => Constraint::BaseAlignment,
    "access": ACCESS => Constraint::Access,
    "dma-coherent": BOOLEAN => Constraint::DmaCoherent,
    "protected": PROTECTION => Constraint::Protected,
    "unknown": BOOLEAN => Constraint::Unknown,
    "held": COUNT => Constraint::Held,
    "dedicated": COUNT => Constraint::Dedicated,
    "shared": COUNT => Constraint::Shared,
    "min-count": COUNT => Constraint::MinCount,
    "max-count": COUNT_FROM_1 => Constraint::MaxCount,
    "min-size": BYTES => Constraint::MinSize,
    "max-size": BYTES => Constraint::MaxSize,
    "padding": BYTES => Constraint::Padding,
}

const MODES: [(&str, Access); 3] =
    [("coherent", Access::Coherent), ("sync", Access::Sync), ("none", Access::None)];
const PROTECTIONS: [(&str, Protection); 3] = [
    ("required", Protection::Required),
    ("accepted", Protection::Accepted),
    ("refused", Protection::Refused),
];
pub(super) const ACCESS: Kind<AccessSet> =
    Kind { read: access, shape: || shape::list(shape::words(&MODES), 1, bounds::LIST) };
const PROTECTION: Kind<Protection> =
    Kind { read: |node| word(node, &PROTECTIONS), shape: || shape::words(&PROTECTIONS) };

/// A list of access modes, not empty.
fn access(node: &Node) -> Result<AccessSet, Rule> {
    let modes = some(node, bounds::LIST, |mode| word(mode, &MODES))?;
    let has = |mode| modes.contains(&mode);
    Ok(AccessSet {
        coherent: has(Access::Coherent),
        sync: has(Access::Sync),
        none: has(Access::None),
    })
}

/// A list of usage words; it may be empty.
pub(super) fn usage(node: &Node) -> Result<Usages, Rule> {
    let words = Usage::ALL.map(|usage| (usage.word(), usage));
    Ok(list(node, bounds::LIST, |usage| word(usage, &words))?.into_iter().collect())
}
