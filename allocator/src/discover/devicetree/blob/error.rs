//! What can be wrong with a flattened devicetree.

use super::NAME_MAX;

/// Why a blob is no devicetree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("devicetree, byte {offset:#x}: {cause}")]
pub struct BlobError {
    /// Where in the blob.
    pub offset: usize,
    /// What is wrong there.
    pub cause: Cause,
}

/// What is wrong with a blob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It does not begin as devicetrees do.
    #[error("{0:#010x} is not the mark of a flattened devicetree, 0xd00dfeed")]
    Magic(u32),
    /// A version of the format that is not read.
    #[error("version {version}, compatible with {compatible}; 17 is read")]
    Version {
        /// The blob's own.
        version: u32,
        /// The oldest that it claims to be compatible with.
        compatible: u32,
    },
    /// It ends before what is announced.
    #[error("{what} ends at {end:#x}, and there are {length:#x} bytes")]
    Short {
        /// What is cut off.
        what: &'static str,
        /// Where it should end.
        end: usize,
        /// Where the blob, or the part of it, ends.
        length: usize,
    },
    /// Something exceeds its bound.
    #[error("more than {bound} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        bound: usize,
    },
    /// A name that has no end, is too long or is no text.
    #[error("a name of a {of} that is not UTF-8 of at most {NAME_MAX} bytes with an end")]
    Name {
        /// Whose name.
        of: &'static str,
    },
    /// A token that there is none of.
    #[error("token {0:#x} is none of the format's")]
    Token(u32),
    /// A token where it must not stand.
    #[error("{0}")]
    Misplaced(&'static str),
}
