//! Who is in, with which alternative and which entries of the chosen format, and all that they say.

use super::Asked;
use super::heaps::both;
use crate::fact::{Access, AccessSet, FormatEntry, Pick, Planes, Protection};
use crate::question::{Alternative, Usages};
use crate::{Constraint, HeapSet, Name, Participant};

/// A participant that is in.
#[derive(Clone, Copy)]
pub(super) struct Member<'q> {
    pub(super) who: &'q Participant,
    pub(super) table: Option<&'q Alternative>,
}

impl<'q> Member<'q> {
    pub(super) fn usage(&self) -> Usages {
        let chosen = self.table.map(|table| table.usage).unwrap_or_default();
        self.who.usage.union(chosen)
    }

    pub(super) fn drivers(&self) -> impl Iterator<Item = &'q Name> {
        self.who.driver.iter().chain(self.table.and_then(|table| table.driver.as_ref()))
    }

    pub(super) fn facts(&self) -> impl Iterator<Item = &'q Constraint> + use<'q> {
        let inside = self.table.into_iter().flat_map(|table| &table.facts);
        self.who.facts.iter().chain(inside).map(|fact| &fact.constraint)
    }

    /// Whether nothing is known of it.
    pub(super) fn unknown(&self) -> bool {
        self.facts().any(|fact| *fact == Constraint::Unknown(true))
    }

    /// What it says about protected memory, its default aside.
    fn minds(&self) -> impl Iterator<Item = Protection> + use<'q> {
        self.facts().filter_map(|fact| match fact {
            Constraint::Protected(mind) => Some(*mind),
            _ => None,
        })
    }

    /// Whether its default for `key` (`access`, `protected`) excludes something.
    pub(super) fn default_excludes(&self, set: &HeapSet, key: &str) -> bool {
        let stated = self.facts().any(|fact| fact.kind() == key);
        let access = key == "access" && self.access() != AccessSet::ALL;
        let protected = key == "protected" && self.accepts(set) == Protection::Refused;
        !stated && (access || protected)
    }

    /// The modes that it can do with, by default where it states none.
    fn access(&self) -> AccessSet {
        let stated = self.facts().filter_map(|fact| match fact {
            Constraint::Access(modes) => Some(*modes),
            _ => None,
        });
        stated.reduce(both).unwrap_or_else(|| {
            if self.minds().any(|mind| mind == Protection::Required) {
                AccessSet { coherent: false, sync: false, none: true }
            } else if self.usage().cpu() {
                AccessSet::CPU
            } else {
                AccessSet::ALL
            }
        })
    }

    /// Its default for `protected`.
    fn accepts(&self, set: &HeapSet) -> Protection {
        let named = |name: &Name, by_role: bool| {
            let bears =
                |heap: &&crate::Heap| heap.bears(name) || (by_role && heap.roles.contains(name));
            set.heaps().iter().filter(bears).any(|heap| heap.protected)
        };
        let lists = self.facts().any(|fact| match fact {
            Constraint::Heaps(names) => names.iter().any(|name| named(name, true)),
            Constraint::Link(names) => names.iter().any(|name| named(name, false)),
            _ => false,
        });
        if lists && !self.usage().cpu() && self.access().none {
            Protection::Accepted
        } else {
            Protection::Refused
        }
    }
}

/// A fourcc and a modifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) fourcc: Name,
    pub(super) modifier: Name,
}

impl Pair {
    /// The place of its modifier in `entry`, if the entry covers it; `*` is 0.
    pub(super) fn position(&self, entry: &FormatEntry) -> Option<usize> {
        let fourcc = |pick: &Pick| match pick {
            Pick::Any => true,
            Pick::One(name) => *name == self.fourcc,
        };
        let named = |pick: &Pick| matches!(pick, Pick::One(name) if alike(name, &self.modifier));
        let by_name = entry.modifiers.iter().position(named);
        let any = entry.modifiers.contains(&Pick::Any).then_some(0);
        by_name.or(any).filter(|_| fourcc(&entry.fourcc))
    }

    pub(super) fn linear(&self) -> bool {
        alike(&self.modifier, "linear")
    }
}

/// Whether two spellings are one modifier: numbers by value, 0 is `linear`.
pub(super) fn alike(a: &str, b: &str) -> bool {
    let number = |name: &str| match name.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => (name == "linear").then_some(0),
    };
    a == b || number(a).is_some_and(|a| number(b) == Some(a))
}

/// Everybody who is in.
#[derive(Clone)]
pub(super) struct Cast<'q> {
    pub(super) members: Vec<Member<'q>>,
    pub(super) pair: Option<Pair>,
    /// The entries that cover the pair.
    pub(super) entries: Vec<&'q FormatEntry>,
    access: AccessSet,
    minds: Vec<Protection>,
}

impl<'q> Cast<'q> {
    /// `members` without a choice of format.
    pub(super) fn plain(asked: &Asked, members: Vec<Member<'q>>) -> Self {
        let access = members.iter().map(Member::access).reduce(both).unwrap_or(AccessSet::ALL);
        let default =
            |member: &Member| member.minds().next().is_none().then(|| member.accepts(asked.set));
        let mut minds: Vec<_> = members.iter().flat_map(Member::minds).collect();
        minds.extend(members.iter().filter_map(default));
        Self { members, pair: None, entries: Vec::new(), access, minds }
    }

    /// The same with `pair`; `None` where somebody's list does not cover it, or it is one
    /// that nobody names.
    pub(super) fn with(&self, pair: Option<Pair>) -> Option<Self> {
        let covering = |list: &'q [FormatEntry]| {
            let pair = pair.as_ref()?;
            list.iter().find(|entry| pair.position(entry).is_some())
        };
        let entries: Vec<_> = self.format_lists().map(covering).collect::<Option<_>>()?;
        // Somebody who is in names each, be it in an entry for something else.
        let all = || self.format_lists().flatten();
        let pinned = pair.as_ref().is_some_and(|pair| {
            let fourcc = |entry: &FormatEntry| entry.fourcc == Pick::One(pair.fourcc.clone());
            let named =
                |pick: &Pick| matches!(pick, Pick::One(name) if alike(name, &pair.modifier));
            all().any(fourcc) && all().any(|entry| entry.modifiers.iter().any(named))
        });
        (pinned == pair.is_some()).then(|| Self { pair, entries, ..self.clone() })
    }

    pub(super) fn format_lists(&self) -> impl Iterator<Item = &'q [FormatEntry]> {
        self.facts().filter_map(|fact| match fact {
            Constraint::Format(entries) => Some(entries.as_slice()),
            _ => None,
        })
    }

    pub(super) fn facts(&self) -> impl Iterator<Item = &'q Constraint> {
        self.members.iter().flat_map(Member::facts)
    }

    /// What the entries need of one plane.
    pub(super) fn plane_facts(&self, plane: Option<u8>) -> impl Iterator<Item = &'q Constraint> {
        let needs = move |entry: &&'q FormatEntry| plane.and_then(|plane| entry.plane.get(&plane));
        self.entries.iter().filter_map(needs).flatten()
    }

    /// The modes that everybody can do with.
    pub(super) fn access(&self) -> AccessSet {
        self.access
    }

    /// What each says about protected memory, defaults included.
    pub(super) fn protection(&self) -> impl Iterator<Item = Protection> {
        self.minds.iter().copied()
    }

    /// Whether a device is in of which nothing is known.
    pub(super) fn assumed(&self) -> bool {
        self.members.iter().any(Member::unknown)
    }

    pub(super) fn separate(&self) -> bool {
        self.entries.iter().any(|entry| entry.planes == Some(Planes::Separate))
    }
}

/// The best of the modes.
pub(super) fn best(modes: AccessSet) -> Option<Access> {
    let all = [
        (modes.coherent, Access::Coherent),
        (modes.sync, Access::Sync),
        (modes.none, Access::None),
    ];
    all.into_iter().find(|(has, _)| *has).map(|(_, mode)| mode)
}
