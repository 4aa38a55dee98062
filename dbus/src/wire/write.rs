//! Tables of the vocabulary as arguments of a call.

use crate::error::Error;
use heapq_constraints::value::{Node, Table, Value};
use std::collections::HashMap;
use zbus::Variant;

/// `a{sv}` of a table.
pub(crate) fn dictionary(table: &Table) -> Result<HashMap<&str, Variant<'_>>, Error> {
    table
        .entries
        .iter()
        .map(|entry| Ok((entry.key.as_str(), variant(&entry.key, &entry.node.value)?)))
        .collect()
}

fn variant<'v>(key: &str, value: &'v Value) -> Result<Variant<'v>, Error> {
    Ok(match value {
        Value::Bool(bool) => Variant::Bool(*bool),
        Value::Integer(number) => integer(key, *number)?,
        Value::Text(text) => Variant::from(text.as_str()),
        Value::List(nodes) => list(key, nodes)?,
        Value::Table(table) => Variant::from(dictionary(table)?),
        Value::Unfit(kind) => {
            return Err(Error::InvalidConstraint(format!("{key}: no key takes {kind}")));
        }
    })
}

fn integer(key: &str, number: i128) -> Result<Variant<'static>, Error> {
    let unsigned = u64::try_from(number).map(Variant::U64);
    unsigned.or_else(|_| i64::try_from(number).map(Variant::I64)).map_err(|_| {
        Error::InvalidConstraint(format!("{key} = {number}: does not fit into 64 bits"))
    })
}

fn list<'v>(key: &str, nodes: &'v [Node]) -> Result<Variant<'v>, Error> {
    let elements: Result<Vec<Variant<'v>>, Error> =
        nodes.iter().map(|node| variant(key, &node.value)).collect();
    Ok(Variant::from(elements?))
}
