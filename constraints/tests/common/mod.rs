//! TOML for tests: the product's own reader, with places, is in the policies crate above this one.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::type_complexity,
    reason = "a test helper: what it cannot read fails the test"
)]

pub(crate) mod case;

use heapq_constraints::value::{Node, Table, Value};

/// The document tree of a TOML text.
pub(crate) fn table(text: &str) -> Table {
    from(text.parse::<toml::Table>().unwrap())
}

fn from(table: toml::Table) -> Table {
    table.into_iter().map(|(key, value)| (key, convert(value))).collect()
}

fn convert(value: toml::Value) -> Value {
    match value {
        toml::Value::Boolean(value) => Value::Bool(value),
        toml::Value::Integer(value) => Value::Integer(value.into()),
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Array(list) => {
            Value::List(list.into_iter().map(|value| Node::new(convert(value))).collect())
        }
        toml::Value::Table(inner) => Value::Table(from(inner)),
        toml::Value::Float(_) => Value::Unfit("a float"),
        toml::Value::Datetime(_) => Value::Unfit("a date"),
    }
}
