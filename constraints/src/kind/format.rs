//! `format.KEY`: the keys of an entry that can stand in a conflict, each by itself.

/// A set of keys of format entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(u16);

/// All keys that need something, in the order of the vocabulary. The choice of `fourcc` and
/// `modifiers` is `P.format` itself, and `planes` never stands in a conflict.
pub(crate) const KEYS: [(&str, Keys); 12] = [
    ("min-extent", Keys::MIN_EXTENT),
    ("max-extent", Keys::MAX_EXTENT),
    ("must-fit", Keys::MUST_FIT),
    ("extent-alignment", Keys::EXTENT_ALIGNMENT),
    ("min-stride", Keys::MIN_STRIDE),
    ("max-stride", Keys::MAX_STRIDE),
    ("stride-alignment", Keys::STRIDE_ALIGNMENT),
    ("whole-pixel-rows", Keys::WHOLE_PIXEL_ROWS),
    ("block", Keys::BLOCK),
    ("offset-alignment", Keys::OFFSET_ALIGNMENT),
    ("plane", Keys::PLANE),
    ("apart", Keys::APART),
];

impl Keys {
    pub(crate) const MIN_EXTENT: Self = Self(1);
    pub(crate) const MAX_EXTENT: Self = Self(1 << 1);
    pub(crate) const MUST_FIT: Self = Self(1 << 2);
    pub(crate) const EXTENT_ALIGNMENT: Self = Self(1 << 3);
    pub(crate) const MIN_STRIDE: Self = Self(1 << 4);
    pub(crate) const MAX_STRIDE: Self = Self(1 << 5);
    pub(crate) const STRIDE_ALIGNMENT: Self = Self(1 << 6);
    pub(crate) const WHOLE_PIXEL_ROWS: Self = Self(1 << 7);
    pub(crate) const BLOCK: Self = Self(1 << 8);
    pub(crate) const OFFSET_ALIGNMENT: Self = Self(1 << 9);
    pub(crate) const PLANE: Self = Self(1 << 10);
    pub(crate) const APART: Self = Self(1 << 11);
    /// No element by itself: beside a group it always binds, inside it goes with the group.
    pub(crate) const PLANES: Self = Self(1 << 12);
    /// None of them.
    pub(crate) const NONE: Self = Self(0);
    /// All of them.
    pub(crate) const ALL: Self = Self((1 << 13) - 1);

    /// Whether `key` is in.
    pub(crate) fn has(self, key: Self) -> bool {
        self.0 & key.0 != 0
    }

    /// Those of both.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
