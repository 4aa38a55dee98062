//! A value as a case states it and as an answer holds it, so that the two can be compared and
//! both be shown.

use heapq_constraints::value::{Node, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What was expected or what came. In JSON the plain value, `null` for nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// There is no such thing in the answer, e.g. a heap where the verdict is a conflict.
    Nothing,
    /// A boolean.
    Bool(bool),
    /// A count or a number of bytes.
    Integer(u64),
    /// A name or a word.
    Text(String),
    /// Values in the order in which they were given.
    List(Vec<Shown>),
    /// Values by name.
    Table(BTreeMap<String, Shown>),
}

impl Shown {
    /// A list of texts.
    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// The members of a list; none for anything else.
    pub(super) fn members(&self) -> &[Self] {
        if let Self::List(members) = self { members } else { &[] }
    }

    /// A list and the lists in it without repetition and in one order: how sets are compared.
    pub(super) fn into_set(self) -> Self {
        match self {
            Self::List(members) => {
                let mut members: Vec<Self> = members.into_iter().map(Self::into_set).collect();
                members.sort();
                members.dedup();
                Self::List(members)
            }
            Self::Table(entries) => Self::Table(
                entries.into_iter().map(|(name, value)| (name, value.into_set())).collect(),
            ),
            other => other,
        }
    }

    /// Every text in it replaced by what `rename` makes of it; names of entries stay.
    pub(super) fn renamed(self, rename: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(rename(&text)),
            Self::List(members) => {
                Self::List(members.into_iter().map(|member| member.renamed(rename)).collect())
            }
            other => other,
        }
    }
}

/// `None` for what no expectation can be: a negative number, a float, a date.
impl TryFrom<&Node> for Shown {
    type Error = ();

    fn try_from(node: &Node) -> Result<Self, ()> {
        Ok(match &node.value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Integer(value) => Self::Integer(u64::try_from(*value).map_err(drop)?),
            Value::Text(value) => Self::Text(value.clone()),
            Value::List(nodes) => {
                Self::List(nodes.iter().map(Self::try_from).collect::<Result<_, ()>>()?)
            }
            Value::Table(table) => {
                let entries = table.entries.iter();
                let pairs =
                    entries.map(|entry| Ok((entry.key.clone(), Self::try_from(&entry.node)?)));
                Self::Table(pairs.collect::<Result<_, ()>>()?)
            }
            Value::Unfit(_) => return Err(()),
        })
    }
}

/// As the value would stand in a case file.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::List(members) => {
                f.write_str("[")?;
                separated(f, members, |f, member| write!(f, "{member}"))?;
                f.write_str("]")
            }
            Self::Table(entries) if entries.is_empty() => f.write_str("{}"),
            Self::Table(entries) => {
                f.write_str("{ ")?;
                separated(f, entries, |f, (name, value)| write!(f, "{name} = {value}"))?;
                f.write_str(" }")
            }
        }
    }
}

fn separated<'a, T>(
    f: &mut fmt::Formatter<'a>,
    members: impl IntoIterator<Item = T>,
    show: impl Fn(&mut fmt::Formatter<'a>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, member) in members.into_iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        show(f, member)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_forget_order_and_repetition() {
        let one = Shown::List(vec![Shown::texts(["b", "a"]), Shown::texts(["c"])]);
        let other = Shown::List(vec![Shown::texts(["c", "c"]), Shown::texts(["a", "b"])]);
        assert_ne!(one, other);
        assert_eq!(one.into_set(), other.into_set());
    }

    #[test]
    fn it_is_shown_as_a_case_spells_it() {
        let table = BTreeMap::from([("cma".to_owned(), Shown::texts(["link", "heaps"]))]);
        assert_eq!(Shown::Table(table).to_string(), r#"{ cma = ["link", "heaps"] }"#);
        assert_eq!(Shown::List(vec![]).to_string(), "[]");
        assert_eq!(Shown::Nothing.to_string(), "nothing");
    }

    #[test]
    fn a_negative_number_is_no_expectation() {
        assert_eq!(Shown::try_from(&Node::new(Value::Integer(-1))), Err(()));
        assert_eq!(Shown::try_from(&Node::new(Value::Unfit("a float"))), Err(()));
        assert_eq!(Shown::try_from(&Node::new(Value::Integer(7))), Ok(Shown::Integer(7)));
    }
}
