//! `[[grant]]`: who has which right.

use super::read::{self, Rule};
use super::source::{Complaints, shortened};
use crate::diagnostic::Code;
use crate::right::Right;
use crate::rule::{Account, GrantRule};
use heapq_constraints::value::{Node, Table, Value};

pub(crate) const KEYS: [&str; 6] = ["users", "groups", "allocate", "scarce", "open-heap", "reload"];

pub(super) fn read(rule: &Rule<'_>, complaints: &mut Complaints<'_>) -> Option<GrantRule> {
    let table = rule.keep_known("`[[grant]]` has no key", &KEYS, complaints);
    let nobody = table.get("users").is_none() && table.get("groups").is_none();
    if nobody {
        let help = "add `users = [\"…\"]` or `groups = [\"…\"]`; \"*\" is everybody";
        let message = "`[[grant]]` to nobody";
        complaints.tell(Code::MissingKey, rule.at, message, Some(help.to_owned()));
    }
    let nothing = Right::ALL.iter().all(|(key, _)| table.get(key).is_none());
    if nothing {
        let help = "add `allocate = true`, and `scarce = true` for scarce heaps too";
        let message = "`[[grant]]` of nothing";
        complaints.tell(Code::MissingKey, rule.at, message, Some(help.to_owned()));
    }
    let granted = GrantRule {
        users: accounts("users", &table, complaints),
        groups: accounts("groups", &table, complaints),
        allocate: flag("allocate", &table, complaints),
        scarce: flag("scarce", &table, complaints),
        open_heap: flag("open-heap", &table, complaints),
        reload: flag("reload", &table, complaints),
        origin: complaints.source().origin(rule.at),
    };
    (!nobody && !nothing).then_some(granted)
}

fn flag(key: &str, table: &Table, complaints: &mut Complaints<'_>) -> Option<bool> {
    table.get(key).and_then(|node| read::flag(key, node, complaints))
}

pub(super) fn accounts(key: &str, table: &Table, complaints: &mut Complaints<'_>) -> Vec<Account> {
    let Some(node) = table.get(key) else { return Vec::new() };
    let mut accounts = Vec::new();
    for item in read::one_or_more(key, node, complaints) {
        accounts.extend(account(key, item, complaints));
    }
    accounts
}

fn account(key: &str, node: &Node, complaints: &mut Complaints<'_>) -> Option<Account> {
    let refused = match &node.value {
        Value::Text(name) if name == "*" => return Some(Account::Everybody),
        // A name of digits would be taken for an id elsewhere, and patterns are not for people.
        Value::Text(name) if usable(name) => return Some(Account::Name(name.as_str().into())),
        Value::Text(name) => format!("`{key}` = \"{}\"", shortened(name)),
        Value::Integer(id) => match u32::try_from(*id) {
            Ok(id) => return Some(Account::Id(id)),
            Err(_) => format!("`{key}` = {id}"),
        },
        _ => {
            read::wrong_type(key, "names or numeric ids", node, complaints);
            return None;
        }
    };
    let help = "write a name, a numeric id from 0 to 4294967295, or \"*\" alone for everybody";
    complaints.tell(Code::InvalidValue, node.at, refused, Some(help.to_owned()));
    None
}

fn usable(name: &str) -> bool {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    !digits && !name.contains(['*', '?', ':', '/']) && !name.contains(char::is_whitespace)
}
