//! `[[participant]]`, its alternatives, and the constraint keys of a policy's rule.

use super::reader::{Complaints, boolean, list, name, shortened, shown};
use super::{Invalid, OriginOf, bounds, constraint, cross, format};
use crate::question::Alternative;
use crate::value::{Entry, Node, Table, Value};
use crate::{Constraint, Fact, Participant};

/// Keys of a participant that a table of its alternatives cannot have.
const OWN: [&str; 5] = ["name", "device", "optional", "alternatives", "exports"];
/// Keys that say who the participant is, beside its constraints.
const WHO: [&str; 2] = ["usage", "driver"];

/// Reads one `[[participant]]`, its formats and alternatives included.
///
/// # Errors
/// All complaints about it, in the order of the source; keys are prefixed with its name.
pub fn participant(table: &Table, origin: OriginOf) -> Result<Participant, Vec<Invalid>> {
    let owner = match table.get("name").map(|node| &node.value) {
        Some(Value::Text(name)) => shortened(name),
        _ => "participant".into(),
    };
    let mut complaints = Complaints::new(owner);
    let mut read = Participant::new("");
    let mut beside = Alternative::default();
    for entry in &table.entries {
        match entry.key.as_str() {
            "name" => complaints.check(entry, name(&entry.node).map(|name| read.name = name)),
            "device" => {
                complaints.check(entry, name(&entry.node).map(|name| read.device = Some(name)))
            }
            "optional" => {
                complaints.check(entry, boolean(&entry.node).map(|value| read.optional = value))
            }
            "exports" => {
                let owner = complaints.owner.clone();
                match super::exports(&entry.node, &owner, origin) {
                    Ok(exports) => read.exports = Some(exports.into()),
                    Err(mut list) => complaints.list.append(&mut list),
                }
                None
            }
            "alternatives" => {
                read.alternatives = group(table, &entry.node, &mut complaints, origin);
                None
            }
            _ => {
                stated(&mut beside, entry, &mut complaints, origin, &OWN);
                None
            }
        };
    }
    complaints.require(table, &["name"]);
    (read.usage, read.driver, read.facts) = (beside.usage, beside.driver, beside.facts);
    if complaints.list.is_empty() {
        let places = |key: &str| table.get(key).and_then(|node| node.at);
        complaints.list.extend(cross::contradiction(&read).map(|mut found| {
            found.at = found.key.rsplit('.').next().and_then(places);
            found
        }));
    }
    complaints.finish(read)
}

/// Reads the constraint keys of a policy rule's table: what `participant` reads but for
/// `name device usage driver optional alternatives exports`. `owner` prefixes the keys of complaints.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn facts(table: &Table, owner: &str, origin: OriginOf) -> Result<Vec<Fact>, Vec<Invalid>> {
    let mut complaints = Complaints::new(owner);
    let mut facts = Vec::new();
    for entry in &table.entries {
        if !needs(&mut facts, entry, &mut complaints, origin) {
            complaints.unknown(entry, &known(&[]));
        }
    }
    complaints.finish(facts)
}

fn known(further: &[&'static str]) -> Vec<&'static str> {
    further.iter().copied().chain(constraint::CONSTRAINTS).collect()
}

/// Reads the tables of a group. A key stands beside the group or inside it, not both.
fn group(
    table: &Table,
    node: &Node,
    complaints: &mut Complaints<'_>,
    origin: OriginOf,
) -> Vec<Alternative> {
    let tables = complaints.check_at(
        "alternatives",
        node,
        list(node, bounds::ALTERNATIVES, |one| match &one.value {
            Value::Table(inner) => Ok(inner),
            other => Err(format!("a list of tables, found {} in it", other.kind())),
        }),
    );
    let mut inside = Complaints::new(format!("{}.alternatives", complaints.owner));
    let mut read = Vec::new();
    for one in tables.unwrap_or_default() {
        let mut alternative = Alternative::default();
        for entry in &one.entries {
            if table.get(&entry.key).is_some() && entry.key != "attribute" {
                twice(entry, &entry.key, &mut inside);
            }
            stated(&mut alternative, entry, &mut inside, origin, &[]);
        }
        attributes_twice(table, one, &mut inside);
        read.push(alternative);
    }
    complaints.list.append(&mut inside.list);
    read
}

fn attributes_twice(beside: &Table, inside: &Table, complaints: &mut Complaints<'_>) {
    let attributes = |table: &Table| match table.get("attribute").map(|node| node.value.clone()) {
        Some(Value::Table(attributes)) => attributes.entries,
        _ => Vec::new(),
    };
    let known = attributes(beside);
    for entry in attributes(inside) {
        if known.iter().any(|other| other.key == entry.key) {
            twice(&entry, &format!("attribute.{}", shortened(&entry.key)), complaints);
        }
    }
}

fn twice(entry: &Entry, key: &str, complaints: &mut Complaints<'_>) {
    let rule = "a key stands beside the alternatives or inside them, not both".to_owned();
    complaints.add(key, shown(&entry.node.value), rule, entry.at.or(entry.node.at));
}

/// One key of a participant or of a table of its alternatives.
fn stated(
    into: &mut Alternative,
    entry: &Entry,
    complaints: &mut Complaints<'_>,
    origin: OriginOf,
    own: &[&'static str],
) {
    let node = &entry.node;
    match entry.key.as_str() {
        "usage" => {
            complaints.check(entry, constraint::usage(node).map(|usage| into.usage = usage));
        }
        "driver" => {
            complaints.check(entry, name(node).map(|name| into.driver = Some(name)));
        }
        _ if needs(&mut into.facts, entry, complaints, origin) => {}
        _ => complaints.unknown(entry, &known(&[&WHO, own].concat())),
    }
}

/// The facts that one constraint key states. False: it is not a constraint key.
fn needs(
    into: &mut Vec<Fact>,
    entry: &Entry,
    complaints: &mut Complaints<'_>,
    origin: OriginOf,
) -> bool {
    let origin = || origin(entry.at.or(entry.node.at));
    match entry.key.as_str() {
        "attribute" => {
            for constraint in attributes(entry, complaints) {
                into.push(Fact { constraint, origin: origin() });
            }
        }
        "format" => {
            if let Some(entries) = format::entries(&entry.node, complaints) {
                into.push(Fact { constraint: Constraint::Format(entries), origin: origin() });
            }
        }
        key => match constraint::plain(key, &entry.node) {
            None => return false,
            Some(read) => into.extend(
                complaints
                    .check(entry, read)
                    .map(|constraint| Fact { constraint, origin: origin() }),
            ),
        },
    }
    true
}

fn attributes(entry: &Entry, complaints: &mut Complaints<'_>) -> Vec<Constraint> {
    let Value::Table(table) = &entry.node.value else {
        let rule = format!("a table of lists, found {}", entry.node.value.kind());
        complaints.check(entry, Err::<(), _>(rule));
        return Vec::new();
    };
    if table.entries.len() > bounds::LIST {
        let rule = format!("at most {} attributes; it has {}", bounds::LIST, table.entries.len());
        complaints.check(entry, Err::<(), _>(rule));
        return Vec::new();
    }
    let mut read = Vec::new();
    for one in &table.entries {
        let key = format!("attribute.{}", shortened(&one.key));
        let called = name(&Node::new(Value::Text(one.key.clone())));
        let values = super::reader::some(&one.node, bounds::LIST, name);
        let both = called.and_then(|called| Ok(Constraint::Attribute(called, values?)));
        read.extend(complaints.check_at(&key, &one.node, both));
    }
    read
}
