//! `[[device]]`: what devices that match need.

use super::read::{self, Rule};
use super::source::{Complaints, shortened, suggestion};
use crate::condition::{Condition, Subject};
use crate::diagnostic::Code;
use crate::glob::Glob;
use crate::rule::{DeviceRule, Situation, When};
use crate::view::{UDEV_PROPERTIES, is_udev_property};
use heapq_constraints::question::Exports;
use heapq_constraints::value::{Entry, Node, Table, Value};
use heapq_constraints::vocabulary::{CONSTRAINTS, FORM};
use heapq_constraints::{Fact, Name, Origin, vocabulary};
use std::sync::Arc;

pub(crate) const RULE: [&str; 6] = ["match", "unless", "when", USAGE, "override", "exports"];
const USAGE: &str = "usage";
const OTHER_CONDITIONS: [&str; 5] =
    ["udev", "module-parameter", "kernel", "has-iommu", "iommu-present"];

pub(super) fn read(rule: &Rule<'_>, complaints: &mut Complaints<'_>) -> Option<DeviceRule> {
    let known = [RULE.as_slice(), &CONSTRAINTS].concat();
    let table = rule.keep_known("`[[device]]` has no key", &known, complaints);
    let matches = match table.get("match") {
        Some(node) => situations("match", node, complaints),
        None => {
            let help = "add `match = { driver = \"…\" }`";
            let message = "`[[device]]` without `match`";
            complaints.tell(Code::MissingKey, rule.at, message, Some(help.to_owned()));
            Vec::new()
        }
    };
    let unless = table.get("unless");
    Some(DeviceRule {
        matches,
        unless: unless.map(|node| situations("unless", node, complaints)).unwrap_or_default(),
        when: table.get("when").map(|node| when(rule, node, complaints)).unwrap_or_default(),
        usage: table.get("usage").map(|node| usage(node, complaints)).unwrap_or_default(),
        overrides: overrides(&table, complaints),
        exports: table
            .get("exports")
            .and_then(|node| exports(rule, node, complaints))
            .map(Arc::new),
        facts: facts(rule, &table, complaints).unwrap_or_default(),
        origin: complaints.source().origin(rule.at),
    })
}

fn usage(
    node: &Node,
    complaints: &mut Complaints<'_>,
) -> Vec<(heapq_constraints::question::Usage, Origin)> {
    let words = read::usages(node, complaints);
    words.into_iter().map(|(usage, at)| (usage, complaints.source().origin(at))).collect()
}

fn exports(rule: &Rule<'_>, node: &Node, complaints: &mut Complaints<'_>) -> Option<Exports> {
    let source = complaints.source();
    match vocabulary::exports(node, "device", &|at| source.origin(at.or(rule.at))) {
        Ok(exports) => Some(exports),
        Err(list) => {
            super::invalid(list, rule, complaints);
            None
        }
    }
}

fn facts(rule: &Rule<'_>, table: &Table, complaints: &mut Complaints<'_>) -> Option<Vec<Fact>> {
    let stated = read::only(table, &CONSTRAINTS);
    let source = complaints.source();
    match vocabulary::facts(&stated, "device", &|at| source.origin(at.or(rule.at))) {
        Ok(facts) => Some(facts),
        Err(list) => {
            super::invalid(list, rule, complaints);
            None
        }
    }
}

/// One table, or a list of which one must hold.
pub(super) fn situations(
    key: &str,
    node: &Node,
    complaints: &mut Complaints<'_>,
) -> Vec<Situation> {
    let tables = read::one_or_more(key, node, complaints);
    tables.iter().map(|table| conditions(key, table, complaints)).collect()
}

fn conditions(key: &str, node: &Node, complaints: &mut Complaints<'_>) -> Situation {
    let wanted = "a table such as `{ driver = \"…\" }`";
    let entries = read::entries(key, wanted, node, complaints);
    if entries.is_empty() && matches!(node.value, Value::Table(_)) {
        let message = format!("`{key}` is empty");
        let help = format!("name what to look at: {}", known_conditions().join(", "));
        complaints.tell(Code::MissingKey, node.at, message, Some(help));
    }
    let mut conditions = Vec::new();
    for entry in entries {
        conditions.extend(condition(key, entry, complaints));
    }
    conditions
}

pub(crate) fn known_conditions() -> Vec<&'static str> {
    Subject::ALL.iter().map(|(key, _)| *key).chain(OTHER_CONDITIONS).collect()
}

fn condition(within: &str, entry: &Entry, complaints: &mut Complaints<'_>) -> Vec<Condition> {
    let key = entry.key.as_str();
    if let Some((_, subject)) = Subject::ALL.iter().find(|(known, _)| *known == key) {
        let mut patterns = read::globs(key, &entry.node, complaints);
        if *subject == Subject::Module {
            patterns = patterns.iter().map(Glob::with_underscores).collect();
        }
        return vec![Condition::Text(*subject, patterns)];
    }
    let one = match key {
        "kernel" => read::kernel(&entry.node, complaints).map(Condition::Kernel),
        "has-iommu" => read::flag(key, &entry.node, complaints).map(Condition::HasIommu),
        "iommu-present" => read::flag(key, &entry.node, complaints).map(Condition::IommuPresent),
        "module-parameter" => return parameters(&entry.node, complaints),
        "udev" => return udev(&entry.node, complaints),
        _ => {
            let what = format!("`{within}` has no key");
            complaints.unknown(Code::UnknownKey, entry, &what, &known_conditions());
            None
        }
    };
    one.into_iter().collect()
}

fn parameters(node: &Node, complaints: &mut Complaints<'_>) -> Vec<Condition> {
    let wanted = "a table such as `{ allocators = 1 }`";
    let mut conditions = Vec::new();
    for entry in read::entries("module-parameter", wanted, node, complaints) {
        let mut values = Vec::new();
        for item in read::one_or_more(&entry.key, &entry.node, complaints) {
            match &item.value {
                // As sysfs shows them.
                Value::Bool(flag) => values.push(Glob::new(if *flag { "Y" } else { "N" })),
                Value::Integer(number) => values.push(Glob::new(&number.to_string())),
                Value::Text(text) => {
                    values.extend(read::glob(&entry.key, text, item.at, complaints));
                }
                _ => read::wrong_type(&entry.key, "a value or a list of them", item, complaints),
            }
        }
        conditions.push(Condition::Parameter { name: entry.key.clone(), values });
    }
    conditions
}

fn udev(node: &Node, complaints: &mut Complaints<'_>) -> Vec<Condition> {
    let wanted = "a table such as `{ ID_V4L_PRODUCT = \"…\" }`";
    let mut conditions = Vec::new();
    for entry in read::entries("udev", wanted, node, complaints) {
        if !is_udev_property(&entry.key) {
            let message = format!("`udev` has no property `{}`", shortened(&entry.key));
            let help = format!("known: {}", UDEV_PROPERTIES.join(", "));
            complaints.tell(Code::UnknownKey, entry.at, message, Some(help));
            continue;
        }
        let values = read::globs(&entry.key, &entry.node, complaints);
        conditions.push(Condition::Udev { property: entry.key.as_str().into(), values });
    }
    conditions
}

fn when(rule: &Rule<'_>, node: &Node, complaints: &mut Complaints<'_>) -> Vec<When> {
    let known = [[USAGE].as_slice(), &FORM].concat();
    let wanted = "tables such as `{ usage = [\"scanout\"] }`";
    let mut list = Vec::new();
    for item in read::one_or_more("when", node, complaints) {
        let mut table = Table::default();
        for entry in read::entries("when", wanted, item, complaints) {
            if known.contains(&entry.key.as_str()) {
                table.entries.push(entry.clone());
            } else {
                complaints.unknown(Code::UnknownKey, entry, "`when` has no key", &known);
            }
        }
        if matches!(&item.value, Value::Table(stated) if stated.entries.is_empty()) {
            let help = format!("name what must be so: {}", known.join(", "));
            complaints.tell(Code::MissingKey, item.at, "`when` is empty", Some(help));
        }
        let usage = table.get(USAGE).map(|node| read::usages(node, complaints)).unwrap_or_default();
        let usage = usage.into_iter().map(|(word, _)| word).collect();
        match vocabulary::form(&read::only(&table, &FORM), "when") {
            Ok(form) => list.push(When { usage, form }),
            Err(faults) => super::invalid(faults, rule, complaints),
        }
    }
    list
}

fn overrides(table: &Table, complaints: &mut Complaints<'_>) -> Option<(Vec<Name>, Origin)> {
    let node = table.get("override")?;
    let mut keys = Vec::new();
    for (key, at) in read::texts("override", node, complaints) {
        let attribute = key.strip_prefix("attribute.").is_some_and(|name| !name.is_empty());
        if attribute || (CONSTRAINTS.contains(&key) && key != "attribute") {
            keys.push(key.into());
        } else if key == "attribute" {
            let help = "name the attribute: `attribute.NAME`";
            let message = "`override` of every attribute";
            complaints.tell(Code::InvalidValue, at, message, Some(help.to_owned()));
        } else {
            let message = format!("`{}` is no constraint", shortened(key));
            complaints.tell(Code::InvalidValue, at, message, Some(suggestion(key, &CONSTRAINTS)));
        }
    }
    Some((keys, complaints.source().origin(node.at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constraint_keys_are_those_of_the_vocabulary() {
        let origin = |_| Origin::Client;
        let complaint = |key: &str| {
            let mut table = Table::default();
            table.push(key, Value::Unfit("a float"));
            vocabulary::facts(&table, "device", &origin).unwrap_err().remove(0).to_string()
        };
        for key in CONSTRAINTS {
            assert!(!complaint(key).contains("unknown key"), "{}", complaint(key));
        }
        for key in ["name", "driver", "usage", "optional", "alternatives", "exports", "colour"] {
            assert!(complaint(key).contains("unknown key"), "{}", complaint(key));
        }
    }
}
