//! Rules beside each other, perhaps of several files: what contradicts, repeats or misses another.
//!
//! Of two files with different numbers the later one is meant to win. Two of one number, or two
//! rules of one file, that say different things of the same are a mistake of somebody.

use super::relation::{excludes, weight};
use super::source::Source;
use super::wording;
use crate::diagnostic::{Code, Diagnostic, Related};
use crate::kernel::Kernel;
use crate::limits::{Limit, Limits};
use crate::load::PolicyFile;
use crate::right::Right;
use crate::rule::{Account, DeviceRule, GrantRule, HeapRule, LimitRule};
use crate::{PolicySet, overlay};
use heapq_constraints::fact::Protection;
use heapq_constraints::heap::Edge;
use heapq_constraints::{Constraint, Fact, Heap, Name, Origin};
use std::collections::HashMap;
use std::sync::Arc;

/// Needs that the kernel may show of any device: an `override` of them is against the kernel.
const KERNEL_STATES: [&str; 4] = ["link", "address-bits", "address-window", "dma-coherent"];

/// Patterns that are compared with each other in search of what an `override` drops. More than any
/// real set needs; beyond it nothing is said of the rest.
const MAX_COMPARED: usize = 1 << 22;

/// What is told of the rules of all files together.
pub(crate) fn check(set: &PolicySet, files: &[PolicyFile]) -> Vec<Diagnostic> {
    let sources = files.iter().filter_map(|file| file.source.as_ref());
    let by_path = sources.map(|source| (Name::clone(source.file()), Arc::clone(source))).collect();
    let mut review = Review { sources: by_path, said: Vec::new() };
    review.heaps(&set.heaps);
    review.grants(&set.grants);
    review.limits(&set.limits);
    review.edges(set);
    review.overrides(&set.devices);
    review.duplicates(set);
    review.said
}

struct Review {
    sources: HashMap<Name, Arc<Source>>,
    said: Vec<Diagnostic>,
}

impl Review {
    fn tell(&mut self, code: Code, origin: &Origin, message: String, help: Option<&str>) {
        let Origin::Policy { file, line } = origin else { return };
        self.said.push(Diagnostic {
            line: *line,
            help: help.map(str::to_owned),
            excerpt: self.sources.get(file).and_then(|source| source.excerpt(*line)),
            ..Diagnostic::whole(code, file, message)
        });
    }

    /// Another place that the last complaint is about.
    fn also(&mut self, origin: &Origin, label: &str) {
        let Origin::Policy { file, line } = origin else { return };
        let excerpt = self.sources.get(file).and_then(|source| source.excerpt(*line));
        let related =
            Related { file: Name::clone(file), line: *line, label: label.to_owned(), excerpt };
        if let Some(last) = self.said.last_mut() {
            last.related.push(related);
        }
    }

    fn contradiction(&mut self, what: &str, before: &Origin, now: &Origin) {
        let message = format!("{what} is stated differently before");
        let help = "leave one of them, or give the one that is to win a file of a higher number";
        self.tell(Code::Contradiction, now, message, Some(help));
        self.also(before, "here");
    }

    /// One property of one heap name, stated twice for the same kernels.
    fn heaps(&mut self, rules: &[HeapRule]) {
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
    fn grants(&mut self, rules: &[GrantRule]) {
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
    fn limits(&mut self, rules: &[LimitRule]) {
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

    /// Edges that say a less strict heap serves in place of a stricter one.
    fn edges(&mut self, set: &PolicySet) {
        let mut known: HashMap<&str, Heap> = HashMap::new();
        let newest = Kernel { major: u16::MAX, minor: u16::MAX };
        for Edge { from, to, origin } in &set.edges {
            if from == to {
                let message = format!("`{from}` serves in place of itself anyway");
                self.tell(Code::NoEffect, origin, message, Some("leave the rule out"));
                continue;
            }
            for name in [from, to] {
                known.entry(name).or_insert_with(|| set.heap(name, newest).heap);
            }
            let (Some(less), Some(more)) = (known.get(&**from), known.get(&**to)) else { continue };
            let Some(key) = laxer(less, more) else { continue };
            let message =
                format!("`{from}` does not serve wherever `{to}` does: `{key}` is against it");
            let help = "say which heap stands in for which, or correct the property";
            let stated = [less, more].map(|heap| heap.origins.get(key).cloned());
            self.tell(Code::EdgeAgainstProperty, origin, message, Some(help));
            for origin in stated.iter().flatten() {
                self.also(origin, "stated here");
            }
        }
    }

    /// An `override` should drop something: what the kernel states, or an earlier rule that may
    /// describe the same device.
    fn overrides(&mut self, rules: &[DeviceRule]) {
        let stated = Stated::of(rules);
        let mut left = MAX_COMPARED;
        for (index, rule) in rules.iter().enumerate() {
            let Some((keys, origin)) = &rule.overrides else { continue };
            for key in keys.iter().filter(|key| !KERNEL_STATES.contains(&&***key)) {
                let Some(found) = stated.before(index, rule, key, &mut left) else { return };
                self.overridden(key, &found, origin);
            }
        }
    }

    fn overridden(&mut self, key: &str, found: &[&Fact], origin: &Origin) {
        let required =
            |fact: &&Fact| fact.constraint == Constraint::Protected(Protection::Required);
        let fixed: Vec<&&Fact> = found.iter().filter(|fact| required(fact)).collect();
        if fixed.len() < found.len() {
            return;
        }
        let Some(first) = fixed.first() else {
            let message = format!("`override` of `{key}`, which nothing states before");
            let help = "it drops what the kernel and earlier rules state: leave it out, or give \
                        this rule a file of a higher number";
            self.tell(Code::NothingToOverride, origin, message, Some(help));
            return;
        };
        let message =
            "`override` of `protected = \"required\"`, which cannot be dropped".to_owned();
        let help = "no file may let protected frames out: correct the rule that requires it";
        self.tell(Code::NothingToOverride, origin, message, Some(help));
        self.also(&first.origin, "required here");
    }

    /// The same rule twice, in whatever files.
    fn duplicates(&mut self, set: &PolicySet) {
        let heaps = set.heaps.iter().map(|rule| ("heap", wording::heap(rule), &rule.origin));
        let edges =
            set.edges.iter().map(|edge| ("compatibility", wording::edge(edge), &edge.origin));
        let devices =
            set.devices.iter().map(|rule| ("device", wording::device(rule), &rule.origin));
        let grants = set.grants.iter().map(|rule| ("grant", wording::grant(rule), &rule.origin));
        let limits = set.limits.iter();
        let limits =
            limits.filter_map(|rule| Some(("limit", wording::limit(rule), limit_origin(rule)?)));
        let mut seen: HashMap<(&str, String), &Origin> = HashMap::new();
        for (table, text, origin) in heaps.chain(edges).chain(devices).chain(grants).chain(limits) {
            let Some(first) = seen.insert((table, text), origin) else { continue };
            let message = format!("this `[[{table}]]` says what another one says");
            self.tell(Code::DuplicateRule, origin, message, Some("leave one of them out"));
            self.also(first, "the other one");
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

pub(super) fn bounds(rule: &LimitRule) -> impl Iterator<Item = (&'static str, &Limit)> {
    let Limits { leases, buffers, bytes } = &rule.limits;
    let stated = [("leases", leases), ("buffers", buffers), ("bytes", bytes)];
    stated.into_iter().filter_map(|(key, limit)| Some((key, limit.as_ref()?)))
}

/// The property by which `less` is laxer than `more`, both stated.
fn laxer(less: &Heap, more: &Heap) -> Option<&'static str> {
    let stated = |key: &str| less.origins.contains_key(key) && more.origins.contains_key(key);
    let found = [
        ("contiguous", !less.contiguous && more.contiguous),
        ("address-bits", less.address_bits > more.address_bits),
        ("cached", less.cached && !more.cached),
        ("protected", less.protected != more.protected),
    ];
    found.into_iter().find(|(key, laxer)| *laxer && stated(key)).map(|(key, _)| key)
}

/// The facts of all rules, by key, each with its rule's index.
struct Stated<'a>(HashMap<String, Vec<(usize, &'a DeviceRule, &'a Fact)>>);

impl<'a> Stated<'a> {
    fn of(rules: &'a [DeviceRule]) -> Self {
        let mut by_key: HashMap<_, Vec<_>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for fact in &rule.facts {
                by_key.entry(fact.constraint.key()).or_default().push((index, rule, fact));
            }
        }
        Self(by_key)
    }

    /// The facts with this key of rules before the one at `index` that may describe a device of it.
    /// `None` when too much was compared already.
    fn before(
        &self,
        index: usize,
        rule: &DeviceRule,
        key: &str,
        left: &mut usize,
    ) -> Option<Vec<&'a Fact>> {
        let mut found = Vec::new();
        let stated = self.0.get(key).map(Vec::as_slice).unwrap_or_default();
        for (_, earlier, fact) in stated.iter().take_while(|(other, ..)| *other < index) {
            *left = left.checked_sub(weight(&earlier.matches) * weight(&rule.matches))?;
            if may_meet(earlier, rule) {
                found.push(*fact);
            }
        }
        Some(found)
    }
}

fn may_meet(one: &DeviceRule, other: &DeviceRule) -> bool {
    one.matches.iter().any(|a| other.matches.iter().any(|b| !excludes(a, b)))
}

fn limit_origin(rule: &LimitRule) -> Option<&Origin> {
    bounds(rule).next().map(|(_, limit)| &limit.origin)
}
