//! `attribute.NAME`: kinds of constraint that nobody has foreseen. They intersect by name, so that
//! an unknown one clashes instead of being ignored.

use crate::{Constraint, Name};
use std::collections::{BTreeMap, BTreeSet};

/// The values that are left for each name that somebody restricts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes(BTreeMap<Name, BTreeSet<Name>>);

impl Attributes {
    /// Nobody says anything.
    pub(crate) const NONE: Self = Self(BTreeMap::new());

    /// What one constraint says; nothing for other kinds and for `*`.
    pub(crate) fn of(constraint: &Constraint) -> Self {
        match constraint {
            Constraint::Attribute(name, values) if values.iter().all(|value| &**value != "*") => {
                Self([(name.clone(), values.iter().cloned().collect())].into())
            }
            _ => Self::default(),
        }
    }

    /// Both must hold. A name that only one side states is carried over.
    pub(crate) fn meet(&mut self, other: &Self) {
        for (name, values) in &other.0 {
            let mine = self.0.entry(name.clone()).or_insert_with(|| values.clone());
            mine.retain(|value| values.contains(value));
        }
    }

    /// What is certain of either.
    pub(crate) fn join(&mut self, other: &Self) {
        self.0.retain(|name, values| match other.0.get(name) {
            None => false,
            Some(further) => {
                values.extend(further.iter().cloned());
                true
            }
        });
    }

    /// Whether a name is left without a value.
    pub(crate) fn clash(&self) -> bool {
        self.0.values().any(BTreeSet::is_empty)
    }

    /// The values that everybody accepts, by name.
    pub(crate) fn agreed(&self) -> BTreeMap<Name, Vec<Name>> {
        let list = |values: &BTreeSet<Name>| values.iter().cloned().collect();
        self.0.iter().map(|(name, values)| (name.clone(), list(values))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, values: &[&str]) -> Attributes {
        let values = values.iter().map(|value| (*value).into()).collect();
        Attributes::of(&Constraint::Attribute(name.into(), values))
    }

    fn met(all: &[Attributes]) -> Attributes {
        let mut sum = Attributes::default();
        all.iter().for_each(|one| sum.meet(one));
        sum
    }

    #[test]
    fn values_intersect_by_name() {
        let table = [
            (vec![of("bank", &["0", "1"]), of("bank", &["1", "2"])], Some(of("bank", &["1"]))),
            (vec![of("bank", &["0"]), of("bank", &["*"])], Some(of("bank", &["0"]))),
            (vec![of("bank", &["0"]), of("bank", &["1"])], None),
            (vec![of("bank", &["*", "0"])], Some(Attributes::default())),
        ];
        for (all, expected) in table {
            let sum = met(&all);
            assert_eq!((!sum.clash()).then_some(sum), expected, "{all:?}");
        }
    }

    #[test]
    fn a_name_that_one_side_states_is_carried_over() {
        let sum = met(&[of("a", &["1"]), of("b", &["2"])]);
        assert_eq!(sum.agreed().len(), 2);
    }

    #[test]
    fn what_is_certain_of_two_alternatives() {
        let mut either = met(&[of("a", &["1"]), of("b", &["2"])]);
        either.join(&of("a", &["3"]));
        assert_eq!(either, of("a", &["1", "3"]));
    }
}
