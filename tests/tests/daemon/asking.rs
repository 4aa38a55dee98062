//! Questions, in few words.

use heapq_constraints::value::{Node, Table, Value};
use heapq_dbus::wire::Asked;

pub(crate) fn participant(name: &str, keys: &[(&str, Value)]) -> Table {
    let mut table = Table::default();
    table.push("name", text(name));
    for (key, value) in keys {
        table.push(*key, value.clone());
    }
    table
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(crate) fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|one| Node::new(text(one))).collect())
}

pub(crate) fn asked(participants: Vec<Table>) -> Asked {
    Asked { participants, request: Table::default() }
}

/// One participant that takes anything, with `count` buffers of `size` bytes.
pub(crate) fn simple(count: u32, size: u64) -> Asked {
    asked(vec![participant(
        "client",
        &[("min-count", Value::Integer(count.into())), ("min-size", Value::Integer(size.into()))],
    )])
}
