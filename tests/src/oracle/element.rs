//! The elements of conflicts, and sets of them.

/// Elements by number. Their names are as `conflicts` in a case spells them.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    pub(super) names: Vec<String>,
}

impl Elements {
    /// The number of `name`, a new one for a new name.
    pub(super) fn number(&mut self, name: impl Into<String>) -> usize {
        let name = name.into();
        self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }
}

/// Which elements hold; the others were dropped. One bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept(pub(super) u128);

impl Kept {
    /// All of them.
    pub(super) const ALL: Self = Self(u128::MAX);

    pub(super) fn has(self, element: usize) -> bool {
        self.0 >> element & 1 == 1
    }
}
