//! The rights that a `[[grant]]` gives, and what is said of each of one caller.

use heapq_constraints::Origin;
use std::collections::BTreeMap;

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Have buffers allocated.
    Allocate,
    /// Have them from scarce heaps too.
    Scarce,
    /// Have the descriptor of a heap itself, past all bounds.
    OpenHeap,
    /// Have the policies read again, and see what everybody holds.
    Reload,
}

impl Right {
    /// All of them, each with its key in a `[[grant]]`.
    pub const ALL: [(&'static str, Self); 4] = [
        ("allocate", Self::Allocate),
        ("scarce", Self::Scarce),
        ("open-heap", Self::OpenHeap),
        ("reload", Self::Reload),
    ];

    /// What one may do by it: `have scarce heaps`.
    #[must_use]
    pub fn deed(self) -> &'static str {
        match self {
            Self::Allocate => "allocate",
            Self::Scarce => "have scarce heaps",
            Self::OpenHeap => "open heaps",
            Self::Reload => "reload policies",
        }
    }

    /// Its key in a `[[grant]]`.
    #[must_use]
    pub fn key(self) -> &'static str {
        Self::ALL.iter().find(|(_, right)| *right == self).map_or("", |(key, _)| key)
    }
}

/// What the rules say of one right of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// No rule speaks of it: by itself that is no.
    #[default]
    Nothing,
    /// Granted, by the last rule that speaks of it.
    Yes(Origin),
    /// Denied by that rule.
    No(Origin),
}

impl Said {
    /// The rule that says so.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Yes(origin) | Self::No(origin) => Some(origin),
            Self::Nothing => None,
        }
    }
}

/// What a caller may do by the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<Right, Said>);

impl Grants {
    /// What is said of one right.
    #[must_use]
    pub fn of(&self, right: Right) -> &Said {
        self.0.get(&right).unwrap_or(&Said::Nothing)
    }

    /// Whether a right is granted.
    #[must_use]
    pub fn gives(&self, right: Right) -> bool {
        matches!(self.of(right), Said::Yes(_))
    }

    /// Takes a later rule's word over what was said before.
    pub(crate) fn say(&mut self, right: Right, granted: bool, origin: Origin) {
        self.0.insert(right, if granted { Said::Yes(origin) } else { Said::No(origin) });
    }
}
