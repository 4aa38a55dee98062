//! Typed values from untyped ones, and the list of complaints that grows meanwhile.

use super::{Invalid, bounds, nearest};
use crate::Name;
use crate::fact::Windows;
use crate::value::{Entry, Node, Place, Table, Value};
use std::borrow::Cow;

/// What should have stood there instead.
pub(super) type Rule = String;

/// Complaints about the keys of one owner, in the order of the source.
pub(super) struct Complaints<'o> {
    pub(super) owner: Cow<'o, str>,
    pub(super) list: Vec<Invalid>,
}

impl<'o> Complaints<'o> {
    pub(super) fn new(owner: impl Into<Cow<'o, str>>) -> Self {
        Self { owner: owner.into(), list: Vec::new() }
    }

    /// Notes that `key` of the owner breaks `rule`.
    pub(super) fn add(&mut self, key: &str, value: String, rule: Rule, at: Option<Place>) {
        self.list.push(Invalid { key: format!("{}.{key}", self.owner), value, rule, at });
    }

    /// Notes a key that nobody knows.
    pub(super) fn unknown(&mut self, entry: &Entry, known: &[&str]) {
        let rule = match nearest(&entry.key, known) {
            Some(near) => format!("an unknown key; did you mean `{near}`?"),
            None => format!("an unknown key; known are {}", known.join(", ")),
        };
        let key = shortened(&entry.key);
        self.add(&key, shown(&entry.node.value), rule, entry.at.or(entry.node.at));
    }

    /// The value of `entry` if it was good, else a complaint.
    pub(super) fn check<T>(&mut self, entry: &Entry, read: Result<T, Rule>) -> Option<T> {
        self.check_at(&entry.key, &entry.node, read)
    }

    /// As [`Self::check`], under another key.
    pub(super) fn check_at<T>(
        &mut self,
        key: &str,
        node: &Node,
        read: Result<T, Rule>,
    ) -> Option<T> {
        read.map_err(|rule| self.add(key, shown(&node.value), rule, node.at)).ok()
    }

    /// Notes each of `keys` that `table` lacks.
    pub(super) fn require(&mut self, table: &Table, keys: &[&str]) {
        for key in keys {
            if table.get(key).is_none() {
                self.add(key, "(absent)".to_owned(), "required".to_owned(), None);
            }
        }
    }

    /// `value` when there is nothing to complain about.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Vec<Invalid>> {
        if self.list.is_empty() { Ok(value) } else { Err(self.list) }
    }
}

/// A value for a complaint, cut to a length that a line has room for.
pub(super) fn shown(value: &Value) -> String {
    /// Elements of a list that are worth showing.
    const SHOWN: usize = 4;
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Text(text) => format!("{:?}", shortened(text)),
        Value::List(list) => {
            let inner = |node: &Node| match &node.value {
                Value::List(_) => "[…]".to_owned(),
                Value::Table(_) => "{…}".to_owned(),
                plain => shown(plain),
            };
            let mut parts: Vec<String> = list.iter().take(SHOWN).map(inner).collect();
            if list.len() > SHOWN {
                parts.push(format!("… {} in all", list.len()));
            }
            format!("[{}]", parts.join(", "))
        }
        other => other.kind().to_owned(),
    }
}

/// At most 48 characters of `text`.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 48;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]).into(),
        None => text.into(),
    }
}

fn expected(what: &str, node: &Node) -> Rule {
    format!("expected {what}, found {}", node.value.kind())
}

pub(super) fn boolean(node: &Node) -> Result<bool, Rule> {
    match &node.value {
        Value::Bool(value) => Ok(*value),
        _ => Err(expected("a boolean", node)),
    }
}

/// An integer from `least` to the largest that `T` has.
pub(super) fn integer<T>(node: &Node, least: T) -> Result<T, Rule>
where
    T: TryFrom<i128> + Into<i128> + Copy + Bounded,
{
    let Value::Integer(value) = node.value else { return Err(expected("an integer", node)) };
    T::try_from(value)
        .ok()
        .filter(|_| value >= least.into())
        .ok_or_else(|| format!("an integer from {} to {}", least.into(), T::MOST))
}

/// The largest value of a type, for complaints.
pub(super) trait Bounded {
    const MOST: i128;
}
impl Bounded for u32 {
    const MOST: i128 = u32::MAX as i128;
}
impl Bounded for u64 {
    const MOST: i128 = u64::MAX as i128;
}
impl Bounded for i64 {
    const MOST: i128 = i64::MAX as i128;
}

/// 1 to 64.
pub(super) fn bits(node: &Node) -> Result<u8, Rule> {
    let rule = "an integer from 1 to 64";
    let Value::Integer(value) = node.value else { return Err(expected("an integer", node)) };
    u8::try_from(value).ok().filter(|bits| (1..=64).contains(bits)).ok_or(rule.to_owned())
}

/// A string that can be a name: not empty, not longer than a name may be, no control characters.
pub(super) fn name(node: &Node) -> Result<Name, Rule> {
    let Value::Text(text) = &node.value else { return Err(expected("a string", node)) };
    let good =
        (1..=bounds::NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if good {
        Ok(text.as_str().into())
    } else {
        Err(format!("a name: 1 to {} bytes without control characters", bounds::NAME_BYTES))
    }
}

/// A list of at most `most` elements that `read` accepts.
pub(super) fn list<'a, T>(
    node: &'a Node,
    most: usize,
    read: impl FnMut(&'a Node) -> Result<T, Rule>,
) -> Result<Vec<T>, Rule> {
    let Value::List(nodes) = &node.value else { return Err(expected("a list", node)) };
    if nodes.len() > most {
        return Err(format!("a list of at most {most} elements; it has {}", nodes.len()));
    }
    nodes.iter().map(read).collect()
}

/// As [`list`], and not empty.
pub(super) fn some<'a, T>(
    node: &'a Node,
    most: usize,
    read: impl FnMut(&'a Node) -> Result<T, Rule>,
) -> Result<Vec<T>, Rule> {
    let found = list(node, most, read)?;
    if found.is_empty() { Err("a list that is not empty".to_owned()) } else { Ok(found) }
}

/// One of `words`, by what it stands for.
pub(super) fn word<T: Copy>(node: &Node, words: &[(&'static str, T)]) -> Result<T, Rule> {
    let Value::Text(text) = &node.value else { return Err(expected("a string", node)) };
    words.iter().find(|(word, _)| word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        match nearest(text, &known) {
            Some(near) => format!("unknown; did you mean `{near}`?"),
            None => format!("one of {}", known.join(", ")),
        }
    })
}

/// Intervals `[first, end]`, not empty, each with its first below its end.
pub(super) fn windows(node: &Node) -> Result<Windows, Rule> {
    let pairs = some(node, bounds::LIST, |node| pair(node, |part| integer::<u64>(part, 0)))?;
    Windows::new(pairs.into_iter().map(|[first, end]| (first, end)).collect())
        .ok_or_else(|| "each [first, end] with its first below its end".to_owned())
}

/// A list of exactly two.
pub(super) fn pair<'a, T>(
    node: &'a Node,
    read: impl FnMut(&'a Node) -> Result<T, Rule>,
) -> Result<[T; 2], Rule> {
    let Value::List(_) = node.value else { return Err(expected("a list of two", node)) };
    list(node, 2, read)?.try_into().map_err(|_| "a list of two".to_owned())
}
