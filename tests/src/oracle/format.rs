//! Step 3 of the order: the pair of fourcc and modifier, and what a pair's entries need.

use super::element::{Elements, Kept};
use super::needs::Needs;
use heapq_constraints::fact::{FormatEntry, Pick};
use heapq_constraints::{Constraint, Name, Question};
use std::collections::{BTreeMap, BTreeSet};

/// One list of format entries.
#[derive(Clone, Debug)]
pub(super) struct Formats {
    /// The choice itself.
    pub(super) element: usize,
    /// All of it stands inside a group.
    pub(super) grouped: bool,
    pub(super) entries: Vec<FormatEntry>,
    /// The element of each key that some entry states.
    keys: BTreeMap<&'static str, usize>,
}

impl Formats {
    pub(super) fn new(
        owner: &str,
        entries: &[FormatEntry],
        group: Option<&str>,
        elements: &mut Elements,
    ) -> Self {
        let own = format!("{owner}.format");
        let element = elements.number(group.unwrap_or(&own));
        let stated = entries.iter().flat_map(keys);
        let keys = stated
            .map(|key| (key, elements.number(group.map_or(format!("{own}.{key}"), str::to_owned))))
            .collect();
        Self { element, grouped: group.is_some(), entries: entries.to_vec(), keys }
    }

    /// The entry for `pair`, and its place in the list.
    pub(super) fn entry(&self, pair: &Pair) -> Option<(usize, &FormatEntry)> {
        self.entries.iter().enumerate().find(|(_, entry)| covers(entry, pair))
    }

    /// Whether some entry states `key` and the element of it is kept.
    pub(super) fn has(&self, key: &str, kept: Kept) -> bool {
        self.keys.get(key).is_some_and(|element| kept.has(*element))
    }
}

/// The constraint keys that `entry` states.
fn keys(entry: &FormatEntry) -> Vec<&'static str> {
    let stated = [
        ("min-extent", entry.min_extent.is_some()),
        ("max-extent", entry.max_extent.is_some()),
        ("must-fit", !entry.must_fit.is_empty()),
        ("extent-alignment", entry.extent_alignment.is_some()),
        ("min-stride", entry.min_stride.is_some()),
        ("max-stride", entry.max_stride.is_some()),
        ("stride-alignment", entry.stride_alignment.is_some()),
        ("whole-pixel-rows", entry.whole_pixel_rows),
        ("block", entry.block.is_some()),
        ("offset-alignment", entry.offset_alignment.is_some()),
        ("plane", !entry.plane.is_empty()),
        ("apart", !entry.apart.is_empty()),
    ];
    stated.into_iter().filter(|(_, is)| *is).map(|(key, _)| key).collect()
}

/// A fourcc with a modifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) fourcc: Name,
    pub(super) modifier: Name,
}

fn is(pick: &Pick, name: &Name) -> bool {
    *pick == Pick::One(name.clone())
}

fn covers(entry: &FormatEntry, pair: &Pair) -> bool {
    let matches = |pick: &Pick, name: &Name| *pick == Pick::Any || is(pick, name);
    matches(&entry.fourcc, &pair.fourcc)
        && entry.modifiers.iter().any(|pick| matches(pick, &pair.modifier))
}

/// What stands for a name that none of those who are in states.
const UNNAMED: &str = "?";

/// The pairs of names that somebody's entries cover.
pub(super) fn pool(formats: &[Formats]) -> Vec<Pair> {
    let entries: Vec<&FormatEntry> = formats.iter().flat_map(|list| &list.entries).collect();
    covered(&entries, &entries)
}

/// The pairs of names of the whole question that entries of those who are in cover.
pub(super) fn named_anywhere(question: &Question, needs: &Needs) -> Vec<Pair> {
    let facts = question.participants.iter().flat_map(|one| {
        one.facts.iter().chain(one.alternatives.iter().flat_map(|table| &table.facts))
    });
    let lists = facts.filter_map(|fact| match &fact.constraint {
        Constraint::Format(entries) => Some(entries),
        _ => None,
    });
    let own: Vec<&FormatEntry> = needs.formats.iter().flat_map(|list| &list.entries).collect();
    covered(&lists.flatten().collect::<Vec<_>>(), &own)
}

/// Names of `naming`, as far as entries of `own` cover them together.
fn covered(naming: &[&FormatEntry], own: &[&FormatEntry]) -> Vec<Pair> {
    let modifiers = named(naming.iter().flat_map(|entry| &entry.modifiers));
    let mut pairs = Vec::new();
    for fourcc in named(naming.iter().map(|entry| &entry.fourcc)) {
        for modifier in &modifiers {
            let pair = Pair { fourcc: fourcc.clone(), modifier: modifier.clone() };
            if own.iter().any(|entry| covers(entry, &pair)) {
                pairs.push(pair);
            }
        }
    }
    pairs
}

/// The names among `picks`.
fn named<'a>(picks: impl Iterator<Item = &'a Pick>) -> BTreeSet<Name> {
    let name = |pick: &Pick| if let Pick::One(name) = pick { Some(name.clone()) } else { None };
    let names: BTreeSet<Name> = picks.filter_map(name).collect();
    if names.is_empty() { BTreeSet::from([UNNAMED.into()]) } else { names }
}

impl Pair {
    /// Whether somebody who is in names the fourcc, and whether somebody names the modifier.
    pub(super) fn pinned(&self) -> (bool, bool) {
        (&*self.fourcc != UNNAMED, &*self.modifier != UNNAMED)
    }
}

/// Whether everybody whose choice of formats is kept can do with `pair`.
pub(super) fn common(needs: &Needs, pair: &Pair, kept: Kept) -> bool {
    needs.formats.iter().all(|formats| !kept.has(formats.element) || formats.entry(pair).is_some())
}

/// Step 3: sum of the entries' places, then of the modifier's places in their lists, then names.
pub(super) fn rank(needs: &Needs, pair: &Pair) -> (usize, usize, Pair) {
    let entries: Vec<(usize, &FormatEntry)> =
        needs.formats.iter().filter_map(|formats| formats.entry(pair)).collect();
    let place = |entry: &FormatEntry| {
        entry.modifiers.iter().position(|pick| is(pick, &pair.modifier)).unwrap_or(0)
    };
    let first = entries.iter().map(|(place, _)| place).sum();
    (first, entries.iter().map(|(_, entry)| place(entry)).sum(), pair.clone())
}
