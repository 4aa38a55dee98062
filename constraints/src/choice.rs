//! What one participant may still choose: the uses that a rule's `when` is held against.

use crate::question::Usages;

/// What a participant does with a buffer, before anything is decided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    usage: Usages,
}

impl Choice {
    /// What it does with a buffer.
    #[must_use]
    pub fn usage(&self) -> Usages {
        self.usage
    }
}

impl From<Usages> for Choice {
    fn from(usage: Usages) -> Self {
        Self { usage }
    }
}
