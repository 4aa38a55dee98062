//! Which `[[device]]` rules can describe a device, without looking at all of them.

use crate::condition::{Condition, Subject};
use crate::rule::{DeviceRule, Situation};
use crate::view::DeviceView;
use std::collections::HashMap;

/// What a table of `match` may be found by, the most telling first.
const SUBJECTS: [Subject; 4] =
    [Subject::Driver, Subject::Compatible, Subject::Path, Subject::Module];

/// Rules by the texts that their tables of `match` name without a pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// For each of `SUBJECTS`, text to rules.
    exact: [HashMap<Box<str>, Vec<usize>>; SUBJECTS.len()],
    /// Rules with a table that names no such text.
    rest: Vec<usize>,
}

impl Index {
    /// Adds rules whose indices begin at `first`.
    pub(crate) fn add(&mut self, first: usize, rules: &[DeviceRule]) {
        for (index, rule) in (first..).zip(rules) {
            for table in &rule.matches {
                self.add_table(index, table);
            }
        }
    }

    fn add_table(&mut self, index: usize, table: &Situation) {
        for (subject, rules) in SUBJECTS.iter().zip(&mut self.exact) {
            let patterns = table.iter().find_map(|condition| match condition {
                Condition::Text(of, patterns) if of == subject => Some(patterns),
                _ => None,
            });
            let Some(patterns) = patterns.filter(|all| all.iter().all(|one| one.is_literal()))
            else {
                continue;
            };
            for pattern in patterns {
                rules.entry(pattern.as_str().into()).or_default().push(index);
            }
            return;
        }
        self.rest.push(index);
    }

    /// The rules that can describe a device, in order; all others certainly do not.
    pub(crate) fn candidates(&self, view: &DeviceView<'_>) -> Vec<usize> {
        let mut found = self.rest.clone();
        for (subject, rules) in SUBJECTS.iter().zip(&self.exact) {
            for text in subject.texts(view).iter() {
                found.extend(rules.get(text).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::condition::{Condition, Subject};
    use crate::view::DeviceView;
    use crate::{Kernel, PolicySet, load};
    use heapq_constraints::Name;

    /// Texts that some rule asks for under a key, patterns among them.
    fn asked(set: &PolicySet, subject: Subject) -> Vec<Name> {
        let tables = set.devices.iter().flat_map(|rule| rule.matches.iter().flatten());
        let patterns = tables.filter_map(|condition| match condition {
            Condition::Text(of, patterns) if *of == subject => Some(patterns),
            _ => None,
        });
        patterns.flatten().map(|pattern| pattern.as_str().into()).collect()
    }

    #[test]
    fn no_rule_that_describes_a_device_is_left_out() {
        let set = load(&[]).set;
        let kernel = Kernel { major: 7, minor: 0 };
        let drivers = asked(&set, Subject::Driver);
        let compatible = asked(&set, Subject::Compatible);
        assert!(drivers.len() > 50 && compatible.len() > 20);
        let of_driver = |driver| DeviceView { driver: Some(driver), ..DeviceView::new(kernel) };
        let with_driver = drivers.iter().map(|driver| of_driver(driver));
        let pairs = compatible.windows(2).zip(drivers.iter().cycle());
        let with_both =
            pairs.map(|(two, driver)| DeviceView { compatible: two, ..of_driver(driver) });
        for view in with_driver.chain(with_both) {
            let candidates = set.index.candidates(&view);
            assert!(candidates.is_sorted());
            for (index, rule) in set.devices.iter().enumerate() {
                assert!(!rule.describes(&view) || candidates.contains(&index), "{view:?} {rule:?}");
            }
            assert!(candidates.len() < set.devices.len() / 3, "{} for {view:?}", candidates.len());
        }
    }
}
