//! How conditions stand to each other, as far as that is certain without any device.

use crate::condition::{Condition, Subject};
use crate::glob::Glob;
use crate::rule::Situation;

/// Whether every device in the one situation is in the other too.
pub(super) fn implies(one: &Situation, other: &Situation) -> bool {
    other.iter().all(|wanted| one.iter().any(|given| entails(given, wanted)))
}

/// Whether no device is in both situations; of one with itself, whether any device is in it.
pub(super) fn excludes(one: &Situation, other: &Situation) -> bool {
    one.iter().any(|a| other.iter().any(|b| clash(a, b)))
}

/// How many patterns are in it: comparing takes time in proportion to the product of two of these.
pub(super) fn weight(situations: &[Situation]) -> usize {
    let weight = |condition: &Condition| match condition {
        Condition::Text(_, patterns)
        | Condition::Parameter { values: patterns, .. }
        | Condition::Udev { values: patterns, .. } => patterns.len(),
        _ => 1,
    };
    situations.iter().flatten().map(weight).sum()
}

fn entails(given: &Condition, wanted: &Condition) -> bool {
    match (given, wanted) {
        (Condition::Text(a, narrow), Condition::Text(b, wide)) => a == b && within(narrow, wide),
        (
            Condition::Parameter { name: a, values: narrow },
            Condition::Parameter { name: b, values: wide },
        ) => a == b && within(narrow, wide),
        (
            Condition::Udev { property: a, values: narrow },
            Condition::Udev { property: b, values: wide },
        ) => a == b && within(narrow, wide),
        (Condition::Kernel(narrow), Condition::Kernel(wide)) => narrow.is_within(wide),
        (Condition::HasIommu(true), Condition::IommuPresent(true))
        | (Condition::IommuPresent(false), Condition::HasIommu(false)) => true,
        (given, wanted) => given == wanted,
    }
}

fn within(narrow: &[Glob], wide: &[Glob]) -> bool {
    narrow.iter().all(|one| wide.iter().any(|other| one.is_within(other)))
}

fn clash(a: &Condition, b: &Condition) -> bool {
    match (a, b) {
        (Condition::Text(a, left), Condition::Text(b, right)) => {
            a == b && is_one_text(*a) && apart(left, right)
        }
        (
            Condition::Parameter { name: a, values: left },
            Condition::Parameter { name: b, values: right },
        ) => a == b && apart(left, right),
        (
            Condition::Udev { property: a, values: left },
            Condition::Udev { property: b, values: right },
        ) => a == b && apart(left, right),
        (Condition::Kernel(a), Condition::Kernel(b)) => !a.meets(b),
        (Condition::HasIommu(a), Condition::HasIommu(b))
        | (Condition::IommuPresent(a), Condition::IommuPresent(b)) => a != b,
        (Condition::HasIommu(true), Condition::IommuPresent(false))
        | (Condition::IommuPresent(false), Condition::HasIommu(true)) => true,
        _ => false,
    }
}

fn apart(left: &[Glob], right: &[Glob]) -> bool {
    !left.iter().any(|one| right.iter().any(|other| one.may_meet(other)))
}

/// A device has one driver, and its devicetree node several `compatible` strings.
fn is_one_text(subject: Subject) -> bool {
    !matches!(subject, Subject::Compatible | Subject::Board)
}
