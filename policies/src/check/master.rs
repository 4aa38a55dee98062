//! `[[device]]` with `dma-master`: where the device is looked for that masters the DMA of another.

use super::device::situations;
use super::read::{self, Rule};
use super::source::Complaints;
use crate::condition::{Condition, Subject};
use crate::diagnostic::Code;
use crate::master::{Arguments, DmaMaster, Patterns};
use crate::rule::MasterRule;
use heapq_constraints::Name;
use heapq_constraints::value::{Node, Table, Value};

pub(crate) const WAYS: [&str; 5] = ["property", "ports-of", "first", "parent", "bus"];
/// Most cells that follow a phandle.
pub(crate) const CELLS_MAX: i128 = 8;

pub(super) fn read(rule: &Rule<'_>, complaints: &mut Complaints<'_>) -> Option<MasterRule> {
    let known = ["match", "unless", "dma-master"];
    let table = rule.keep_known("`[[device]]` with `dma-master` has no key", &known, complaints);
    let stated = |key: &str, complaints: &mut Complaints<'_>| {
        table.get(key).map(|node| situations(key, node, complaints)).unwrap_or_default()
    };
    let (matches, unless) = (stated("match", complaints), stated("unless", complaints));
    if table.get("match").is_none() {
        let message = "`[[device]]` without `match`";
        let help = "add `match = { driver = \"…\" }`".to_owned();
        complaints.tell(Code::MissingKey, rule.at, message, Some(help));
    }
    let node = table.get("dma-master")?;
    if matches.iter().chain(&unless).flatten().any(is_found_out_later) {
        let message = "`dma-master` hangs on what is found out later";
        let help = "IOMMUs, parameters, nodes and their names, udev and DMI: match something else";
        let help = help.to_owned();
        complaints.tell(Code::InvalidValue, node.at, message, Some(help));
    }
    let (ways, origin) = (ways(node, complaints), complaints.source().origin(rule.at));
    Some(MasterRule { matches, unless, ways, origin })
}

/// What translates is known once the master is; and a device has one, whatever node is meant.
fn is_found_out_later(condition: &Condition) -> bool {
    match condition {
        Condition::HasIommu(_) | Condition::IommuPresent(_) => true,
        Condition::Parameter { .. } | Condition::Udev { .. } => true,
        Condition::Text(subject, _) => {
            matches!(subject, Subject::Name | Subject::Node | Subject::Dmi)
        }
        Condition::Kernel(_) => false,
    }
}

/// One way, or a list of ways that are tried in order.
fn ways(node: &Node, complaints: &mut Complaints<'_>) -> Vec<DmaMaster> {
    let ways = read::one_or_more("dma-master", node, complaints);
    ways.iter().filter_map(|way| one(way, complaints)).collect()
}

fn one(node: &Node, complaints: &mut Complaints<'_>) -> Option<DmaMaster> {
    let Value::Table(table) = &node.value else {
        let wanted = "a table such as `{ property = \"renesas,fcp\" }`";
        read::wrong_type("dma-master", wanted, node, complaints);
        return None;
    };
    for entry in &table.entries {
        if entry.key != "cells" && !WAYS.contains(&entry.key.as_str()) {
            let known = [WAYS.as_slice(), &["cells"]].concat();
            complaints.unknown(Code::UnknownKey, entry, "`dma-master` has no key", &known);
        }
    }
    let mut stated = WAYS.iter().filter_map(|key| Some((*key, table.get(key)?)));
    let (Some((key, value)), None) = (stated.next(), stated.next()) else {
        let help = format!("name one of {}; for several, write a list of tables", WAYS.join(", "));
        complaints.tell(Code::InvalidValue, node.at, "`dma-master` is no single way", Some(help));
        return None;
    };
    if let Some(cells) = table.get("cells").filter(|_| key != "property") {
        let help = "they follow the phandles of a `property`".to_owned();
        complaints.tell(
            Code::InvalidValue,
            cells.at,
            format!("`cells` beside `{key}`"),
            Some(help),
        );
        return None;
    }
    way(key, value, table, complaints)
}

fn way(
    key: &str,
    value: &Node,
    table: &Table,
    complaints: &mut Complaints<'_>,
) -> Option<DmaMaster> {
    match key {
        "property" => {
            let name = name(key, value, complaints)?;
            Some(DmaMaster::Property(name, arguments(table.get("cells"), complaints)?))
        }
        "ports-of" => name(key, value, complaints).map(DmaMaster::PortsOf),
        "parent" => match read::flag(key, value, complaints)? {
            true => Some(DmaMaster::Parent),
            false => {
                let help = "write `{ parent = true }`, or leave the key out".to_owned();
                complaints.tell(Code::InvalidValue, value.at, "`parent` is false", Some(help));
                None
            }
        },
        _ => {
            let patterns = Patterns(read::globs(key, value, complaints));
            let way = if key == "first" { DmaMaster::First } else { DmaMaster::Bus };
            (!patterns.0.is_empty()).then(|| way(patterns))
        }
    }
}

fn name(key: &str, node: &Node, complaints: &mut Complaints<'_>) -> Option<Name> {
    match &node.value {
        Value::Text(name) if !name.is_empty() && !name.contains('/') => Some(name.as_str().into()),
        Value::Text(_) => {
            let message = format!("`{key}` is no property's name");
            complaints.tell(Code::InvalidValue, node.at, message, None);
            None
        }
        _ => {
            read::wrong_type(key, "a property's name", node, complaints);
            None
        }
    }
}

fn arguments(node: Option<&Node>, complaints: &mut Complaints<'_>) -> Option<Arguments> {
    let Some(node) = node else { return Some(Arguments::Fixed(0)) };
    match &node.value {
        Value::Integer(count @ 0..=CELLS_MAX) => usize::try_from(*count).ok().map(Arguments::Fixed),
        Value::Text(_) => name("cells", node, complaints).map(Arguments::Counted),
        _ => {
            let wanted =
                format!("a number up to {CELLS_MAX}, or a property such as \"#dma-cells\"");
            read::wrong_type("cells", &wanted, node, complaints);
            None
        }
    }
}
