//! Rules that say different things of the same.
//!
//! Of two files with different numbers the later one is meant to win. Two of one number, or two
//! rules of one file, that say different things of the same are a mistake of somebody.

use super::{MAX_COMPARED, Review, bounds};
use crate::check::relation::{implies, weight};
use crate::diagnostic::Code;
use crate::limits::Limit;
use crate::overlay;
use crate::right::Right;
use crate::rule::{Account, GrantRule, HeapRule, LimitRule, MasterRule};
use heapq_constraints::{Heap, Origin};
use std::collections::HashMap;

impl Review {
    fn contradiction(&mut self, what: &str, before: &Origin, now: &Origin) {
        let message = format!("{what} is stated differently before");
        let help = "leave one of them, or give the one that is to win a file of a higher number";
        self.tell(Code::Contradiction, now, message, Some(help));
        self.also(before, "here");
    }

    /// One property of one heap name, stated twice for the same kernels.
    pub(super) fn heaps(&mut self, rules: &[HeapRule]) {
        let mut last: HashMap<(Scope, &str, &str), &HeapRule> = HashMap::new();
        for rule in rules {
            for (key, origin) in &rule.stated.origins {
                let earlier = rule.names.iter().filter_map(|name| {
                    let before = last.insert((scope(&rule.origin), name.as_str(), key), rule)?;
                    contradicts(before, rule, key).then_some((name.as_str(), before))
                });
                let Some((name, before)) = earlier.last() else { continue };
                let earlier = before.stated.origins.get(key).unwrap_or(&before.origin);
                self.contradiction(&format!("`{key}` of heap `{name}`"), earlier, origin);
            }
        }
    }

    /// One right of one account, granted and denied.
    pub(super) fn grants(&mut self, rules: &[GrantRule]) {
        let mut last: HashMap<(Scope, String, Right), (bool, &Origin)> = HashMap::new();
        for rule in rules {
            for who in accounts(&rule.users, &rule.groups) {
                for (right, given) in rule.said() {
                    let at = (scope(&rule.origin), who.clone(), right);
                    let before = last.insert(at, (given, &rule.origin));
                    if let Some((_, earlier)) = before.filter(|(other, _)| *other != given) {
                        let what = format!("`{}` of {who}", right.key());
                        self.contradiction(&what, earlier, &rule.origin);
                    }
                }
            }
        }
    }

    /// One bound of one account and the same heaps, with two figures.
    pub(super) fn limits(&mut self, rules: &[LimitRule]) {
        let mut last: HashMap<(Scope, String, String, &str), &Limit> = HashMap::new();
        for rule in rules {
            let units = rule.units.iter().map(|unit| format!("unit `{}`", unit.as_str()));
            let heaps = format!("{:?}", rule.heaps);
            for who in accounts(&rule.users, &rule.groups).chain(units) {
                for (key, limit) in bounds(rule) {
                    let at = (scope(&limit.origin), who.clone(), heaps.clone(), key);
                    let before = last.insert(at, limit);
                    if let Some(earlier) = before.filter(|other| other.most != limit.most) {
                        let what = format!("`{key}` of {who}");
                        self.contradiction(&what, &earlier.origin, &limit.origin);
                    }
                }
            }
        }
    }

    /// Devices with two DMA masters: a later rule holds wherever an earlier one does, and the last
    /// one says.
    pub(super) fn masters(&mut self, rules: &[MasterRule]) {
        let mut left = MAX_COMPARED;
        for (index, now) in rules.iter().enumerate() {
            let earlier = rules.iter().take(index);
            for before in earlier.filter(|one| scope(&one.origin) == scope(&now.origin)) {
                let compared = weight(&before.matches) * weight(&now.matches);
                let Some(rest) = left.checked_sub(compared) else { return };
                left = rest;
                if before.ways != now.ways && covers(now, before) {
                    self.contradiction(
                        "the DMA master of these devices",
                        &before.origin,
                        &now.origin,
                    );
                }
            }
        }
    }
}

/// What is meant to be of one mind: files of one number, else one file.
type Scope = String;

fn scope(origin: &Origin) -> Scope {
    let path = file(origin);
    let name = path.rsplit(['/', ':']).next().unwrap_or(path);
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    name.get(..digits).filter(|number| !number.is_empty()).unwrap_or(path).to_owned()
}

fn file(origin: &Origin) -> &str {
    match origin {
        Origin::Policy { file, .. } => file,
        _ => "",
    }
}

/// Whether two rules for one heap say different things of `key`. A rule for other kernels does not;
/// nor does, within a file, one for fewer names, which is an exception.
fn contradicts(before: &HeapRule, now: &HeapRule, key: &str) -> bool {
    let only = |heap: &Heap| {
        let mut only = Heap::new("");
        overlay::copy(&mut only, heap, key);
        only
    };
    let exception = file(&before.origin) == file(&now.origin) && before.names != now.names;
    !exception && before.kernel == now.kernel && only(&before.stated) != only(&now.stated)
}

/// Whether `wide` holds for every device for which `narrow` does.
fn covers(wide: &MasterRule, narrow: &MasterRule) -> bool {
    let within = |one| wide.matches.iter().any(|other| implies(one, other));
    let excluded = |one| narrow.unless.iter().any(|other| implies(one, other));
    narrow.matches.iter().all(within) && wide.unless.iter().all(excluded)
}

fn accounts(users: &[Account], groups: &[Account]) -> impl Iterator<Item = String> {
    let shown = |kind: &'static str| {
        move |account: &Account| match account {
            Account::Everybody => format!("every {kind}"),
            Account::Id(id) => format!("{kind} {id}"),
            Account::Name(name) => format!("{kind} `{name}`"),
        }
    };
    users.iter().map(shown("user")).chain(groups.iter().map(shown("group")))
}
