//! `[[limit]]`: how much somebody may have.

use super::grant::accounts;
use super::read::{self, Rule};
use super::source::Complaints;
use crate::diagnostic::Code;
use crate::glob::Glob;
use crate::limits::{Limit, Limits};
use crate::rule::LimitRule;
use heapq_constraints::value::{Table, Value};

/// Whose accounts a rule bounds.
pub(crate) const WHO: [&str; 3] = ["users", "groups", "units"];
/// What of them.
pub(crate) const BOUNDS: [&str; 3] = ["bytes", "buffers", "leases"];
/// From which heaps.
pub(crate) const HEAPS: &str = "heaps";

pub(super) fn read(rule: &Rule<'_>, complaints: &mut Complaints<'_>) -> Option<LimitRule> {
    let known = [WHO.as_slice(), &BOUNDS, &[HEAPS]].concat();
    let table = rule.keep_known("`[[limit]]` has no key", &known, complaints);
    let none_of = |keys: &[&str]| keys.iter().all(|key| table.get(key).is_none());
    let (nobody, nothing) = (none_of(&WHO), none_of(&BOUNDS));
    if nobody {
        let help = "add `users`, `groups` or `units`; `users = [\"*\"]` is each user by itself";
        let message = "`[[limit]]` of nobody";
        complaints.tell(Code::MissingKey, rule.at, message, Some(help.to_owned()));
    }
    if nothing {
        let help = "add `bytes`, `buffers` or `leases`";
        let message = "`[[limit]]` of nothing";
        complaints.tell(Code::MissingKey, rule.at, message, Some(help.to_owned()));
    }
    let limit = LimitRule {
        users: accounts("users", &table, complaints),
        groups: accounts("groups", &table, complaints),
        units: globs("units", &table, complaints),
        heaps: globs(HEAPS, &table, complaints),
        limits: Limits {
            leases: bound("leases", &table, complaints),
            buffers: bound("buffers", &table, complaints),
            bytes: bound("bytes", &table, complaints),
        },
    };
    (!nobody && !nothing).then_some(limit)
}

fn globs(key: &str, table: &Table, complaints: &mut Complaints<'_>) -> Vec<Glob> {
    table.get(key).map(|node| read::globs(key, node, complaints)).unwrap_or_default()
}

fn bound(key: &str, table: &Table, complaints: &mut Complaints<'_>) -> Option<Limit> {
    let entry = table.entries.iter().find(|entry| entry.key == key)?;
    let Value::Integer(stated) = entry.node.value else {
        read::wrong_type(key, "a number", &entry.node, complaints);
        return None;
    };
    let Ok(most) = u64::try_from(stated) else {
        let help = format!("write a number from 0 to {}", u64::MAX);
        let message = format!("`{key}` = {stated}");
        complaints.tell(Code::InvalidValue, entry.node.at, message, Some(help));
        return None;
    };
    Some(Limit { most, origin: complaints.source().origin(entry.at.or(entry.node.at)) })
}
