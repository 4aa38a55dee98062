//! A small document tree that TOML files and D-Bus dictionaries are both turned into, so that one
//! reader ([`crate::vocabulary`]) checks every question, whatever its syntax.

/// Where a key or value stands in its source text, in bytes; `end` is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A value and, where its source is text, its place there.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What was said.
    pub value: Value,
    /// Where; `None` for sources that are no text (D-Bus).
    pub at: Option<Place>,
}

/// The kinds of value that the vocabulary knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// Any integer of TOML (64 bits, signed or not) or of D-Bus (any width).
    Integer(i128),
    /// Text; always valid UTF-8.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// A table or dictionary.
    Table(Table),
    /// A kind that no key takes (a float, a date, a file descriptor), by that kind's name.
    Unfit(&'static str),
}

/// Keys with their values, in the order of the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// One for each key. The sources see to it that no key stands twice.
    pub entries: Vec<Entry>,
}

/// One key of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Option<Place>,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// A value that stands in no text.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self { value, at: None }
    }
}

impl Value {
    /// The kind's name, for complaints: `expected a list, found an integer`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Unfit(kind) => kind,
        }
    }
}

impl Table {
    /// The value of `key`, if it is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// Adds a key that stands in no text.
    pub fn push(&mut self, key: impl Into<String>, value: Value) {
        self.entries.push(Entry { key: key.into(), at: None, node: Node::new(value) });
    }
}

impl FromIterator<(String, Value)> for Table {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        let entries = pairs
            .into_iter()
            .map(|(key, value)| Entry { key, at: None, node: Node::new(value) })
            .collect();
        Self { entries }
    }
}
