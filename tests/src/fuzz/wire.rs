//! The arguments of a method call as they lie in a message.

use heapq_constraints::value::{Table, Value};
use heapq_constraints::{Heap, HeapSet, solve};
use heapq_dbus::wire::{Asked, Options, Participants, answer, plain};
use std::collections::HashMap;
use std::sync::LazyLock;
use zbus::Variant;
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{Endian, LE, to_bytes};

static HEAPS: LazyLock<Option<HeapSet>> = LazyLock::new(|| {
    let contiguous = Heap { contiguous: true, address_bits: 32, ..Heap::new("contiguous") };
    HeapSet::new(vec![contiguous, Heap::new("scattered")], &[]).ok()
});

/// The body of `Plan` or `Allocate`, and what the answer looks like on its way back.
pub(super) fn run(bytes: &[u8]) {
    let body = Data::new(bytes, Context::new(LE, 0));
    let plain = plain::read(bytes).filter(|_| Endian::native() == LE);
    let Ok(((participants, options), _)) = body.deserialize::<(Participants, Options)>() else {
        assert!(plain.is_none(), "zbus refuses what is read as {plain:?}");
        return;
    };
    let (Ok(participants), Ok(options)) = (participants.0, options.0) else { return };
    if let Some(plain) = plain {
        assert_eq!(plain, (participants.clone(), options.clone()));
    }
    let Ok((asked, _)) = Asked::from_call(participants, options) else { return };
    let (Ok(question), Some(heaps)) = (asked.question(), &*HEAPS) else { return };
    if let Ok(answer) = solve(heaps, &question) {
        let sent = answer::planned(&answer);
        assert!(to_bytes(Context::new(LE, 0), &sent).is_ok());
    }
}

/// The questions of the cases.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = super::files("cases", ".toml");
    let texts = texts.iter().filter_map(|bytes| std::str::from_utf8(bytes).ok());
    let tables = texts.filter_map(|text| heapq_policies::document::parse(text).ok());
    tables.filter_map(|table| body(&table)).collect()
}

fn body(case: &Table) -> Option<Vec<u8>> {
    let Value::List(items) = &case.get("participant")?.value else { return None };
    let participants = items.iter().filter_map(|item| table(&item.value));
    let participants: Vec<_> = participants.map(dictionary).collect();
    let options = case.get("request").and_then(|node| table(&node.value)).map(dictionary);
    let body = (participants, options.unwrap_or_default());
    Some(to_bytes(Context::new(LE, 0), &body).ok()?.to_vec())
}

fn table(value: &Value) -> Option<&Table> {
    if let Value::Table(table) = value { Some(table) } else { None }
}

fn dictionary(table: &Table) -> HashMap<String, Variant<'static>> {
    let entries = table.entries.iter();
    entries.map(|entry| (entry.key.clone(), variant(&entry.node.value))).collect()
}

fn variant(value: &Value) -> Variant<'static> {
    match value {
        Value::Bool(flag) => Variant::from(*flag),
        Value::Integer(number) => Variant::from(u64::try_from(*number).unwrap_or(u64::MAX)),
        Value::Text(text) => Variant::from(text.clone()),
        Value::Unfit(what) => Variant::from(*what),
        Value::Table(table) => Variant::from(dictionary(table)),
        Value::List(nodes) => {
            let each = nodes.iter().map(|node| Variant::Variant(Box::new(variant(&node.value))));
            Variant::from(each.collect::<Vec<_>>())
        }
    }
}
