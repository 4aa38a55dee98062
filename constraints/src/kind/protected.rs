//! `protected`: or of need, and of acceptance. Both are about single heaps: who requires it leaves
//! the protected ones, who refuses it the others, and together they leave none.

use crate::bits::HeapBits;
use crate::fact::{AccessSet, Protection};
use crate::question::Usages;
use crate::{Constraint, HeapSet, Name};

/// The heaps that suit a participant of this mind.
pub(crate) fn allowed(set: &HeapSet, protection: Protection) -> HeapBits {
    let traits = set.traits();
    match protection {
        Protection::Required => traits.protected,
        Protection::Accepted => traits.all,
        Protection::Refused => traits.all.without(traits.protected),
    }
}

/// What silence means: a refusal, unless the participant can do without CPU access and names a
/// protected heap itself.
pub(crate) fn unsaid<'a>(
    set: &HeapSet,
    usage: Usages,
    access: AccessSet,
    mut stated: impl Iterator<Item = &'a Constraint>,
) -> Protection {
    let protected = |heaps: HeapBits| !heaps.and(set.traits().protected).is_empty();
    let bearer = |name: &Name| set.graph().heap(name).into_iter().collect();
    let names_one = stated.any(|constraint| match constraint {
        Constraint::Heaps(names) => names.iter().any(|name| protected(set.graph().heaps_of(name))),
        Constraint::Link(names) => names.iter().any(|name| protected(bearer(name))),
        _ => false,
    });
    if names_one && !usage.cpu() && access.none {
        Protection::Accepted
    } else {
        Protection::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{heaps, named};
    use crate::question::Usage;

    fn set() -> HeapSet {
        heaps(&[("secure", |h| h.protected = true), ("system", |_| {})])
    }

    #[test]
    fn need_and_refusal_split_the_heaps() {
        let table: [(Protection, &[&str]); 3] = [
            (Protection::Required, &["secure"]),
            (Protection::Accepted, &["secure", "system"]),
            (Protection::Refused, &["system"]),
        ];
        for (protection, expected) in table {
            assert_eq!(named(&set(), allowed(&set(), protection)), expected);
        }
    }

    #[test]
    fn silence_is_a_refusal_but_for_who_names_a_protected_heap() {
        let heaps = |name: &str| Constraint::Heaps(vec![name.into()]);
        let link = |name: &str| Constraint::Link(vec![name.into()]);
        let cpu = Usages::from_iter([Usage::CpuRead]);
        let table = [
            (Usages::default(), AccessSet::ALL, None, Protection::Refused),
            (Usages::default(), AccessSet::ALL, Some(heaps("system")), Protection::Refused),
            (Usages::default(), AccessSet::ALL, Some(heaps("secure")), Protection::Accepted),
            (Usages::default(), AccessSet::ALL, Some(link("secure")), Protection::Accepted),
            (Usages::default(), AccessSet::CPU, Some(heaps("secure")), Protection::Refused),
            (cpu, AccessSet::ALL, Some(heaps("secure")), Protection::Refused),
        ];
        for (usage, access, stated, expected) in table {
            assert_eq!(unsaid(&set(), usage, access, stated.iter()), expected, "{stated:?}");
        }
    }
}
