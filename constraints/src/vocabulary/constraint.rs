//! The constraint keys: those that participants, alternatives, policy rules and planes share.

use super::bounds;
use super::reader::{Rule, bits, boolean, integer, list, name, some, windows, word};
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

/// The constraint that `key` states with the value `node`. `None`: `key` is not a plain one.
pub(super) fn plain(key: &str, node: &Node) -> Option<Result<Constraint, Rule>> {
    let names = |node| list(node, bounds::LIST, name);
    let read = match key {
        "link" => names(node).map(Constraint::Link),
        "heaps" => some(node, bounds::LIST, name).map(Constraint::Heaps),
        "avoid" => names(node).map(Constraint::Avoid),
        "prefer" => names(node).map(Constraint::Prefer),
        "contiguous" => boolean(node).map(Constraint::Contiguous),
        "address-bits" => bits(node).map(Constraint::AddressBits),
        "address-window" => windows(node).map(Constraint::AddressWindow),
        "base-alignment" => integer(node, 1).map(Constraint::BaseAlignment),
        "access" => access(node).map(Constraint::Access),
        "dma-coherent" => boolean(node).map(Constraint::DmaCoherent),
        "protected" => protection(node).map(Constraint::Protected),
        "unknown" => boolean(node).map(Constraint::Unknown),
        _ => return figure(key, node),
    };
    Some(read)
}

fn figure(key: &str, node: &Node) -> Option<Result<Constraint, Rule>> {
    let read = match key {
        "held" => integer(node, 0).map(Constraint::Held),
        "dedicated" => integer(node, 0).map(Constraint::Dedicated),
        "shared" => integer(node, 0).map(Constraint::Shared),
        "min-count" => integer(node, 0).map(Constraint::MinCount),
        "max-count" => integer(node, 1).map(Constraint::MaxCount),
        "min-size" => integer(node, 0).map(Constraint::MinSize),
        "max-size" => integer(node, 0).map(Constraint::MaxSize),
        "padding" => integer(node, 0).map(Constraint::Padding),
        _ => return None,
    };
    Some(read)
}

/// A list of access modes, not empty.
pub(super) fn access(node: &Node) -> Result<AccessSet, Rule> {
    let words = [("coherent", Access::Coherent), ("sync", Access::Sync), ("none", Access::None)];
    let modes = some(node, bounds::LIST, |mode| word(mode, &words))?;
    let has = |mode| modes.contains(&mode);
    Ok(AccessSet {
        coherent: has(Access::Coherent),
        sync: has(Access::Sync),
        none: has(Access::None),
    })
}

fn protection(node: &Node) -> Result<Protection, Rule> {
    let words = [
        ("required", Protection::Required),
        ("accepted", Protection::Accepted),
        ("refused", Protection::Refused),
    ];
    word(node, &words)
}

/// A list of usage words; it may be empty.
pub(super) fn usage(node: &Node) -> Result<Usages, Rule> {
    let words = Usage::ALL.map(|usage| (usage.word(), usage));
    Ok(list(node, bounds::LIST, |usage| word(usage, &words))?.into_iter().collect())
}
