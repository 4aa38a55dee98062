//! `heaps`, `link` and `avoid`: which heaps are named, and what serves in their place.

use crate::bits::HeapBits;
use crate::{HeapSet, Name};

/// `heaps`: those that a list permits, by name, alias or role.
pub(crate) fn listed(set: &HeapSet, names: &[Name]) -> HeapBits {
    union(names, |name| set.graph().heaps_of(name))
}

/// `link`: what a device takes that takes memory from `names`; closed over the graph.
pub(crate) fn linked(set: &HeapSet, names: &[Name]) -> HeapBits {
    union(names, |name| set.graph().serving(name))
}

/// `avoid`: all but those named.
pub(crate) fn not_avoided(set: &HeapSet, names: &[Name]) -> HeapBits {
    let avoided = names.iter().filter_map(|name| set.graph().heap(name)).collect();
    set.traits().all.without(avoided)
}

fn union(names: &[Name], heaps: impl Fn(&Name) -> HeapBits) -> HeapBits {
    names.iter().fold(HeapBits::EMPTY, |found, name| found.or(heaps(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{heaps, named};

    fn set() -> HeapSet {
        heaps(&[
            ("cma", |h| {
                h.contiguous = true;
                h.roles = vec!["default-contiguous".into()];
                h.aliases = vec!["reserved".into()];
            }),
            ("system", |_| {}),
        ])
    }

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn lists_know_names_aliases_and_roles() {
        let table: [(&[&str], &[&str]); 5] = [
            (&["system"], &["system"]),
            (&["reserved"], &["cma"]),
            (&["default-contiguous"], &["cma"]),
            (&["nobody"], &[]),
            (&["nobody", "system", "cma"], &["cma", "system"]),
        ];
        for (list, expected) in table {
            assert_eq!(named(&set(), listed(&set(), &names(list))), expected, "{list:?}");
        }
    }

    #[test]
    fn links_are_closed_and_know_no_roles() {
        let table: [(&[&str], &[&str]); 4] = [
            (&["system"], &["cma", "system"]),
            (&["reserved"], &["cma"]),
            (&["default-contiguous"], &[]),
            (&[], &[]),
        ];
        for (list, expected) in table {
            assert_eq!(named(&set(), linked(&set(), &names(list))), expected, "{list:?}");
        }
    }

    #[test]
    fn what_is_avoided_is_out_under_any_of_its_names() {
        let table: [(&[&str], &[&str]); 3] = [
            (&["reserved"], &["system"]),
            (&["default-contiguous", "nobody"], &["cma", "system"]),
            (&["cma", "system"], &[]),
        ];
        for (list, expected) in table {
            assert_eq!(named(&set(), not_avoided(&set(), &names(list))), expected, "{list:?}");
        }
    }
}
