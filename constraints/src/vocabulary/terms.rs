//! The options of a collection, and its participants.

use super::reader::{Complaints, Rule, boolean, integer, name, shortened, shown, some, word};
use super::{Invalid, OriginOf, participant, request};
use crate::terms::{Awaited, Member, Terms};
use crate::value::{Entry, Node, Table, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// Most participants of a collection.
pub const MEMBERS: usize = 64;

/// Most uses of one token.
const JOINS: u32 = 4096;
/// A day: the longest life of a token, in milliseconds.
const LIFETIME: u64 = 24 * 60 * 60 * 1000;
/// Ten minutes: the longest that anybody may be waited for, in milliseconds.
const WAIT: u64 = 10 * 60 * 1000;

const KEYS: [&str; 8] = [
    "name",
    "participants",
    "migrate",
    "failure-domain",
    "ready-within",
    "move-within",
    "joins",
    "token-lifetime",
];

/// What one of those who negotiate is called that is none of them: the buffers that are there.
pub const ALLOCATION: &str = "allocation";

/// Reads the options of a collection: its own, and those of `[request]`.
///
/// # Errors
/// All complaints about them.
pub fn terms(table: &Table) -> Result<Terms, Vec<Invalid>> {
    let mut complaints = Complaints::new("collection");
    let mut terms = Terms::default();
    let mut rest = Table::default();
    for entry in &table.entries {
        if KEYS.contains(&entry.key.as_str()) {
            let read = option(&mut terms, entry);
            complaints.check(entry, read);
        } else if request::KEYS.contains(&entry.key.as_str()) {
            rest.entries.push(entry.clone());
        } else {
            complaints.unknown(entry, &[&KEYS[..], &request::KEYS].concat());
        }
    }
    match request(&rest) {
        Ok(request) => terms.request = request,
        Err(mut more) => complaints.list.append(&mut more),
    }
    complaints.finish(terms)
}

fn option(terms: &mut Terms, entry: &Entry) -> Result<(), Rule> {
    let node = &entry.node;
    match entry.key.as_str() {
        "name" => terms.name = own_name(node)?,
        "participants" => terms.awaited = awaited(node)?,
        "migrate" => terms.migrate = boolean(node)?,
        "failure-domain" => {
            let words = [("collection", true), ("participant", false)];
            terms.shared_fate = word(node, &words)?;
        }
        "ready-within" => terms.ready_within = milliseconds(node, WAIT)?,
        "move-within" => terms.move_within = milliseconds(node, WAIT)?,
        "joins" => terms.joins = up_to(node, JOINS)?,
        _ => terms.token_lifetime = milliseconds(node, LIFETIME)?,
    }
    Ok(())
}

fn awaited(node: &Node) -> Result<Awaited, Rule> {
    let most = u32::try_from(MEMBERS).unwrap_or(u32::MAX);
    if let Value::Integer(_) = node.value {
        return up_to(node, most).map(Awaited::Count);
    }
    let names = some(node, MEMBERS, own_name)?;
    let different: BTreeSet<_> = names.iter().collect();
    if different.len() < names.len() {
        return Err("names that are all different".to_owned());
    }
    Ok(Awaited::Names(names))
}

fn own_name(node: &Node) -> Result<crate::Name, Rule> {
    let name = name(node)?;
    if &*name == ALLOCATION {
        return Err(format!("another name: {ALLOCATION} is what the buffers are called"));
    }
    Ok(name)
}

fn up_to(node: &Node, most: u32) -> Result<u32, Rule> {
    let read = integer(node, 1)?;
    if read > most { Err(format!("an integer from 1 to {most}")) } else { Ok(read) }
}

fn milliseconds(node: &Node, most: u64) -> Result<Duration, Rule> {
    let read: u64 = integer(node, 1)?;
    if read > most {
        return Err(format!("milliseconds from 1 to {most}"));
    }
    Ok(Duration::from_millis(read))
}

/// Reads a participant that joins a collection: the keys of `[[participant]]`, and `dispensable`.
///
/// # Errors
/// All complaints about it.
pub fn member(table: &Table, origin: OriginOf) -> Result<Member, Vec<Invalid>> {
    let owner = table.get("name").map_or("participant".to_owned(), |node| match &node.value {
        Value::Text(name) => shortened(name).into_owned(),
        _ => "participant".to_owned(),
    });
    let mut complaints = Complaints::new(owner);
    let mut rest = Table::default();
    let (mut dispensable, mut states) = (false, false);
    for entry in &table.entries {
        match entry.key.as_str() {
            "dispensable" => {
                dispensable = complaints.check(entry, boolean(&entry.node)).unwrap_or_default();
                continue;
            }
            "name" => {
                // What is no name at all is complained of below.
                if let (Ok(_), Err(rule)) = (name(&entry.node), own_name(&entry.node)) {
                    complaints.add("name", shown(&entry.node.value), rule, entry.at);
                }
            }
            "optional" => {}
            _ => states = true,
        }
        rest.entries.push(entry.clone());
    }
    match participant(&rest, origin) {
        Ok(participant) => complaints.finish(Member { participant, states, dispensable }),
        Err(mut more) => {
            complaints.list.append(&mut more);
            Err(complaints.list)
        }
    }
}
