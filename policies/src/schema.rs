//! The JSON Schema of policy files, made from the tables by which they are checked: the keys from
//! `check`, what constraints and properties take from the vocabulary.
//!
//! An editor that knows it completes keys and marks slips while they are typed. It says what one
//! value may be; what several keys mean together, only the checker knows.

use crate::check::read::MAX_PATTERN;
use crate::check::{TABLES, device, grant, heap, limit, master};
use crate::right::Right;
use crate::view::UDEV_PROPERTIES;
use heapq_constraints::question::Usage;
use heapq_constraints::vocabulary::{
    CONSTRAINTS, FORM, Shape, constraint_shape, edge_shape, exports_shape, form_shape, heap_shape,
};
use serde_json::{Map, Value, json};

/// The schema, draft 2020-12. It describes the tables of a TOML file as JSON would have them.
#[must_use]
pub fn schema() -> Value {
    let rules = |table: &&'static str| (*table, json!({"type": "array", "items": rule(table)}));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy file of heapq, as heapq-policy(5) describes it",
        "type": "object",
        "additionalProperties": false,
        "properties": object(TABLES.iter().map(rules)),
        "$defs": {
            "pattern": text(1, MAX_PATTERN),
            "patterns": one_or_more(&reference("pattern")),
            "kernel": {
                "type": "string",
                "pattern": "^[ ,]*((>=|<=|>|<|=)?[0-9]+\\.[0-9]+([ ,]+|$))+$",
            },
            "conditions": conditions(),
            "usage": {"enum": Usage::ALL.map(Usage::word)},
        },
    })
}

fn rule(table: &str) -> Value {
    match table {
        "heap" => heap_rule(),
        "device" => {
            json!({"if": {"required": ["dma-master"]}, "then": master_rule(), "else": device_rule()})
        }
        "grant" => grant_rule(),
        "limit" => limit_rule(),
        _ => shaped(&edge_shape()),
    }
}

fn heap_rule() -> Value {
    let properties = heap::PROPERTIES.iter();
    let properties = properties.filter_map(|key| Some((*key, shaped(&heap_shape(key)?))));
    let names = [("name", reference("pattern")), ("names", reference("patterns"))];
    let mut rule = table(properties.chain(names).chain([("kernel", reference("kernel"))]));
    rule["oneOf"] = json!([{"required": ["name"]}, {"required": ["names"]}]);
    rule["not"] = json!({"required": ["names", "aliases"]});
    rule
}

fn device_rule() -> Value {
    let needs = CONSTRAINTS.iter();
    let needs = needs.filter_map(|key| Some((*key, shaped(&constraint_shape(key)?))));
    let own = device::RULE.iter().map(|key| (*key, own(key)));
    let mut rule = table(needs.chain(own));
    rule["required"] = json!(["match"]);
    rule
}

/// What a key of `[[device]]` takes that is no constraint.
fn own(key: &str) -> Value {
    match key {
        "match" | "unless" => one_or_more(&reference("conditions")),
        "when" => one_or_more(&when()),
        "usage" => one_or_more(&reference("usage")),
        "exports" => shaped(&exports_shape()),
        _ => one_or_more(&overridden()),
    }
}

/// A table of `when`.
fn when() -> Value {
    let form = FORM.iter().filter_map(|key| {
        let value = shaped(&form_shape(key)?);
        let several = matches!(*key, "fourcc" | "modifier");
        Some((*key, if several { one_or_more(&value) } else { value }))
    });
    let mut when = table(form.chain([("usage", one_or_more(&reference("usage")))]));
    when["minProperties"] = json!(1);
    when
}

fn overridden() -> Value {
    let keys = CONSTRAINTS.iter().filter(|key| **key != "attribute");
    let keys: Vec<&str> = keys.copied().collect();
    json!({"anyOf": [{"enum": keys}, {"type": "string", "pattern": "^attribute\\.."}]})
}

fn conditions() -> Value {
    let keys = device::known_conditions();
    let mut conditions = table(keys.into_iter().map(|key| (key, condition(key))));
    conditions["minProperties"] = json!(1);
    conditions
}

fn condition(key: &str) -> Value {
    match key {
        "kernel" => reference("kernel"),
        "has-iommu" | "iommu-present" => json!({"type": "boolean"}),
        "module-parameter" => {
            let value = json!({"anyOf": [
                {"type": ["boolean", "integer"]},
                reference("pattern"),
            ]});
            json!({"type": "object", "additionalProperties": one_or_more(&value)})
        }
        "udev" => {
            let names = UDEV_PROPERTIES.map(|name| match name.strip_suffix('*') {
                Some(begin) => format!("^{begin}"),
                None => format!("^{name}$"),
            });
            let properties = names.into_iter().map(|name| (name, reference("patterns")));
            json!({
                "type": "object",
                "additionalProperties": false,
                "patternProperties": properties.collect::<Map<_, _>>(),
            })
        }
        _ => reference("patterns"),
    }
}

fn master_rule() -> Value {
    let name = json!({"type": "string", "pattern": "^[^/]+$"});
    let ways = master::WAYS.iter().map(|key| {
        let value = match *key {
            "property" | "ports-of" => name.clone(),
            "parent" => json!({"const": true}),
            _ => reference("patterns"),
        };
        (*key, value)
    });
    let cells =
        json!({"anyOf": [{"type": "integer", "minimum": 0, "maximum": master::CELLS_MAX}, name]});
    let mut way = table(ways.chain([("cells", cells)]));
    way["oneOf"] = master::WAYS.iter().map(|key| json!({"required": [key]})).collect();
    way["dependentRequired"] = json!({"cells": ["property"]});
    let situations = one_or_more(&reference("conditions"));
    let mut rule = table([
        ("match", situations.clone()),
        ("unless", situations),
        ("dma-master", one_or_more(&way)),
    ]);
    rule["required"] = json!(["match"]);
    rule
}

fn grant_rule() -> Value {
    let (rights, who): (Vec<&str>, Vec<&str>) =
        grant::KEYS.iter().partition(|key| Right::ALL.iter().any(|(right, _)| right == *key));
    let flags = rights.iter().map(|key| (*key, json!({"type": "boolean"})));
    let mut rule = table(flags.chain(who.iter().map(|key| (*key, accounts()))));
    rule["allOf"] = json!([one_of_them(&who), one_of_them(&rights)]);
    rule
}

fn limit_rule() -> Value {
    let bound = json!({"type": "integer", "minimum": 0, "maximum": u64::MAX});
    let bounds = limit::BOUNDS.iter().map(|key| (*key, bound.clone()));
    let who = limit::WHO.iter().map(|key| match *key {
        "units" => (*key, reference("patterns")),
        _ => (*key, accounts()),
    });
    let mut rule = table(bounds.chain(who).chain([(limit::HEAPS, reference("patterns"))]));
    rule["allOf"] = json!([one_of_them(&limit::WHO), one_of_them(&limit::BOUNDS)]);
    rule
}

/// Users or groups.
fn accounts() -> Value {
    one_or_more(&json!({"anyOf": [
        {"const": "*"},
        {"type": "integer", "minimum": 0, "maximum": u32::MAX},
        {"type": "string", "pattern": "^(?![0-9]*$)[^*?:/\\s]+$"},
    ]}))
}

/// At least one of these keys is there.
fn one_of_them(keys: &[&str]) -> Value {
    json!({"anyOf": keys.iter().map(|key| json!({"required": [key]})).collect::<Vec<_>>()})
}

/// What the vocabulary says of a value.
fn shaped(shape: &Shape) -> Value {
    match shape {
        Shape::Boolean => json!({"type": "boolean"}),
        // JSON has no integers of 128 bits; those of the vocabulary have 64.
        Shape::Integer { least, most } => json!({
            "type": "integer",
            "minimum": i64::try_from(*least).unwrap_or(i64::MIN),
            "maximum": u64::try_from(*most).unwrap_or(u64::MAX),
        }),
        Shape::Name { most } => {
            let mut name = text(1, *most);
            name["pattern"] = json!("^[^\\u0000-\\u001f\\u007f-\\u009f]*$");
            name
        }
        Shape::Code { most } => {
            json!({"type": "string", "pattern": format!("^[!-~]{{1,{most}}} *$")})
        }
        Shape::Word(words) => json!({"enum": words}),
        Shape::List { of, least, most } => json!({
            "type": "array", "items": shaped(of), "minItems": least, "maxItems": most,
        }),
        Shape::Table { keys, required } => {
            let mut whole = table(keys.iter().map(|(key, shape)| (*key, shaped(shape))));
            whole["required"] = json!(required);
            whole
        }
        Shape::Map { of, most } => json!({
            "type": "object", "additionalProperties": shaped(of), "maxProperties": most,
        }),
    }
}

fn table<'a>(keys: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": object(keys)})
}

fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// One of it, or a list of several that is not empty.
fn one_or_more(one: &Value) -> Value {
    json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// A text, in bytes; a schema counts characters, of which there are at most as many.
fn text(least: usize, most: usize) -> Value {
    json!({"type": "string", "minLength": least, "maxLength": most})
}
