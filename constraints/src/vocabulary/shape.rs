//! What a key takes, as data: the same kinds of value that the readers use, for those who describe
//! the vocabulary to others (a JSON Schema).

use super::reader::{self, Rule};
use super::{bounds, constraint, exports, format, heap};
use crate::Name;
use crate::fact::Windows;
use crate::value::Node;

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer {
        /// The smallest.
        least: i128,
        /// The largest.
        most: i128,
    },
    /// A name without control characters.
    Name {
        /// Bytes of the longest.
        most: usize,
    },
    /// A text of printable ASCII, at most so long in bytes.
    Code {
        /// Bytes of the longest.
        most: usize,
    },
    /// One of these words.
    Word(Vec<&'static str>),
    /// A list.
    List {
        /// Its elements.
        of: Box<Shape>,
        /// Elements of the shortest.
        least: usize,
        /// Elements of the longest.
        most: usize,
    },
    /// A table of these keys and no others.
    Table {
        /// Its keys.
        keys: Vec<(&'static str, Shape)>,
        /// Those that must be there.
        required: Vec<&'static str>,
    },
    /// A table of keys that the writer chooses.
    Map {
        /// Its values.
        of: Box<Shape>,
        /// Entries of the largest.
        most: usize,
    },
}

/// A kind of value: how it is read, and what it looks like. They stand together so that what is
/// described is what is read.
pub(super) struct Kind<T> {
    pub(super) read: fn(&Node) -> Result<T, Rule>,
    pub(super) shape: fn() -> Shape,
}

pub(super) const BOOLEAN: Kind<bool> = Kind { read: reader::boolean, shape: || Shape::Boolean };
pub(super) const BITS: Kind<u8> =
    Kind { read: reader::bits, shape: || Shape::Integer { least: 1, most: 64 } };
pub(super) const COUNT: Kind<u32> =
    Kind { read: |node| reader::integer(node, 0), shape: || integer(0, u32::MAX) };
pub(super) const COUNT_FROM_1: Kind<u32> =
    Kind { read: |node| reader::integer(node, 1), shape: || integer(1, u32::MAX) };
pub(super) const BYTES: Kind<u64> =
    Kind { read: |node| reader::integer(node, 0), shape: || integer(0, u64::MAX) };
pub(super) const BYTES_FROM_1: Kind<u64> =
    Kind { read: |node| reader::integer(node, 1), shape: || integer(1, u64::MAX) };
pub(super) const WEIGHT: Kind<i64> =
    Kind { read: |node| reader::integer(node, i64::MIN), shape: || integer(i64::MIN, i64::MAX) };
pub(super) const NAME: Kind<Name> =
    Kind { read: reader::name, shape: || Shape::Name { most: bounds::NAME_BYTES } };
pub(super) const NAMES: Kind<Vec<Name>> = Kind {
    read: |node| reader::list(node, bounds::LIST, reader::name),
    shape: || list((NAME.shape)(), 0, bounds::LIST),
};
pub(super) const SOME_NAMES: Kind<Vec<Name>> = Kind {
    read: |node| reader::some(node, bounds::LIST, reader::name),
    shape: || list((NAME.shape)(), 1, bounds::LIST),
};
pub(super) const WINDOWS: Kind<Windows> =
    Kind { read: reader::windows, shape: || list(list((BYTES.shape)(), 2, 2), 1, bounds::LIST) };
pub(super) const EXTENT: Kind<[u32; 2]> = Kind {
    read: |node| reader::pair(node, COUNT_FROM_1.read),
    shape: || list((COUNT_FROM_1.shape)(), 2, 2),
};

pub(super) fn integer(least: impl Into<i128>, most: impl Into<i128>) -> Shape {
    Shape::Integer { least: least.into(), most: most.into() }
}

pub(super) fn list(of: Shape, least: usize, most: usize) -> Shape {
    Shape::List { of: Box::new(of), least, most }
}

pub(super) fn words<T>(words: &[(&'static str, T)]) -> Shape {
    Shape::Word(words.iter().map(|(word, _)| *word).collect())
}

/// What a constraint key takes: those of [`super::CONSTRAINTS`].
#[must_use]
pub fn constraint_shape(key: &str) -> Option<Shape> {
    match key {
        "attribute" => Some(Shape::Map { of: Box::new((SOME_NAMES.shape)()), most: bounds::LIST }),
        "format" => Some(list(format::shape(), 1, bounds::FORMATS)),
        _ => constraint::shape(key),
    }
}

/// What a property of a heap takes, `name` included.
#[must_use]
pub fn heap_shape(key: &str) -> Option<Shape> {
    heap::shape(key)
}

/// What `exports` takes.
#[must_use]
pub fn exports_shape() -> Shape {
    exports::shape()
}

/// What a `[[compatibility]]` takes.
#[must_use]
pub fn edge_shape() -> Shape {
    let keys = super::EDGE.map(|key| (key, (NAME.shape)())).to_vec();
    Shape::Table { keys, required: super::EDGE.to_vec() }
}
