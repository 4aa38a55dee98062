//! Why each rule applies to a device, or does not.

use crate::PolicySet;
use crate::condition::Condition;
use crate::rule::{DeviceRule, Situation};
use crate::view::DeviceView;
use heapq_constraints::Origin;
use heapq_constraints::choice::Choice;
use serde::Serialize;
use std::fmt::Write as _;

/// One rule as it looks from one device in one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Considered {
    /// The rule.
    pub origin: Origin,
    /// Whether it applies.
    #[serde(flatten)]
    pub state: RuleState,
}

/// Whether a rule applies. Texts are TOML as a rule would spell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RuleState {
    /// It does.
    Applies,
    /// It describes the device, and says nothing of this use.
    NotInThisUse {
        /// The tables of its `when`, none of which holds.
        when: Vec<String>,
    },
    /// It describes the device, and says nothing where this holds.
    Excluded {
        /// The table of its `unless` that holds.
        unless: String,
    },
    /// It speaks of other devices.
    DoesNotMatch {
        /// The first condition that does not hold, in the table of `match` that comes closest.
        condition: String,
        /// What the rule asks for there.
        wanted: String,
        /// What the device has there; `None`: it is not known.
        has: Option<String>,
    },
}

impl PolicySet {
    /// How each `[[device]]` rule stands to a device, in the order in which they take effect. Rules
    /// that have nothing in common with the device are left out, but for those that are `named`: it
    /// says so of their origins.
    #[must_use]
    pub fn explain<'c>(
        &self,
        view: &DeviceView<'_>,
        choice: impl Into<Choice<'c>>,
        named: &dyn Fn(&Origin) -> bool,
    ) -> Vec<Considered> {
        let choice = choice.into();
        let rules = self.devices.iter();
        let considered = rules.filter_map(|rule| {
            let state = state(rule, view, &choice, named(&rule.origin))?;
            Some(Considered { origin: rule.origin.clone(), state })
        });
        considered.collect()
    }
}

fn state(
    rule: &DeviceRule,
    view: &DeviceView<'_>,
    choice: &Choice<'_>,
    named: bool,
) -> Option<RuleState> {
    if !rule.describes(view) {
        let closest = closest(rule, view).or_else(|| rule.matches.first().filter(|_| named))?;
        let failing = closest.iter().find(|condition| !condition.holds(view))?;
        return Some(RuleState::DoesNotMatch {
            condition: failing.key(),
            wanted: failing.wanted(),
            has: failing.has(view),
        });
    }
    if let Some(unless) = rule.excluded(view) {
        return Some(RuleState::Excluded { unless: written(unless) });
    }
    if !rule.is_of(choice) {
        let when = rule.when.iter().map(ToString::to_string).collect();
        return Some(RuleState::NotInThisUse { when });
    }
    Some(RuleState::Applies)
}

/// The table of `match` of which most holds; `None` where nothing that tells something of a device
/// holds in any.
fn closest<'r>(rule: &'r DeviceRule, view: &DeviceView<'_>) -> Option<&'r Situation> {
    let telling = |one: &Condition| !one.is_general() && one.holds(view);
    let near = rule.matches.iter().filter(|table| table.iter().any(telling));
    let holding = |table: &&Situation| table.iter().filter(|one| one.holds(view)).count();
    // Of several the first: `max_by_key` takes the last.
    near.rev().max_by_key(holding)
}

fn written(conditions: &Situation) -> String {
    let mut text = "{ ".to_owned();
    for (n, condition) in conditions.iter().enumerate() {
        let gap = if n == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{gap}{} = {}", condition.key(), condition.wanted());
    }
    text + " }"
}
