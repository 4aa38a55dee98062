//! `override` that drops nothing, or what cannot be dropped.

use super::{MAX_COMPARED, Review};
use crate::check::relation::{excludes, weight};
use crate::diagnostic::Code;
use crate::rule::DeviceRule;
use heapq_constraints::fact::Protection;
use heapq_constraints::{Constraint, Fact, Origin};
use std::collections::HashMap;

/// Needs that the kernel may show of any device: an `override` of them is against the kernel.
const KERNEL_STATES: [&str; 4] = ["link", "address-bits", "address-window", "dma-coherent"];

impl Review {
    /// An `override` should drop something: what the kernel states, or an earlier rule that may
    /// describe the same device.
    pub(super) fn overrides(&mut self, rules: &[DeviceRule]) {
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
