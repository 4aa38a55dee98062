//! TOML for tests: the product's own reader, with places, is in the policies crate above this one.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::type_complexity,
    reason = "a test helper: what it cannot read fails the test"
)]

pub(crate) mod case;
pub(crate) mod random;

use heapq_constraints::fact::{FormatEntry, Pick};
use heapq_constraints::question::Alternative;
use heapq_constraints::value::{Node, Table, Value};
use heapq_constraints::{Constraint, Fact, Name, Origin, Participant};
use std::collections::BTreeMap;

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

/// A participant with its needs, and its alternatives if there are any.
pub(crate) fn of(
    name: impl Into<Name>,
    facts: Vec<Constraint>,
    tables: Vec<Vec<Constraint>>,
) -> Participant {
    let stated = |constraints: Vec<Constraint>| -> Vec<Fact> {
        let fact = |constraint| Fact { constraint, origin: Origin::Client };
        constraints.into_iter().map(fact).collect()
    };
    let mut participant = Participant::new(name);
    participant.facts = stated(facts);
    participant.alternatives = tables
        .into_iter()
        .map(|table| Alternative { facts: stated(table), ..Alternative::default() })
        .collect();
    participant
}

/// An entry that covers everything linear and needs nothing.
pub(crate) fn any_entry() -> FormatEntry {
    FormatEntry {
        fourcc: Pick::Any,
        modifiers: vec![Pick::One("linear".into())],
        min_extent: None,
        max_extent: None,
        must_fit: vec![],
        extent_alignment: None,
        min_stride: None,
        max_stride: None,
        stride_alignment: None,
        whole_pixel_rows: false,
        block: None,
        offset_alignment: None,
        planes: None,
        plane: BTreeMap::new(),
        apart: vec![],
    }
}
