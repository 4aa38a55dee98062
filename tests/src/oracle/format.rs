//! Step 3 of the order: the pair of fourcc and modifier, and what a pair's entries need.

use super::element::{Elements, Kept};
use super::needs::Needs;
use heapq_constraints::Name;
use heapq_constraints::fact::{FormatEntry, Pick};
use std::collections::BTreeMap;

/// One list of format entries.
#[derive(Clone, Debug)]
pub(super) struct Formats {
    /// The choice itself.
    pub(super) element: usize,
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
        Self { element, entries: entries.to_vec(), keys }
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

/// A fourcc with a modifier. `None`: nobody who is in names one, only wildcards cover it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) fourcc: Option<Name>,
    pub(super) modifier: Option<Name>,
}

fn covers(entry: &FormatEntry, pair: &Pair) -> bool {
    let matches = |pick: &Pick, name: &Option<Name>| match pick {
        Pick::Any => true,
        Pick::One(one) => name.as_ref() == Some(one),
    };
    matches(&entry.fourcc, &pair.fourcc)
        && entry.modifiers.iter().any(|pick| matches(pick, &pair.modifier))
}

/// The pairs that somebody's entries cover. Empty when nobody brings formats.
pub(super) fn pool(needs: &Needs) -> Vec<Pair> {
    let entries = || needs.formats.iter().flat_map(|formats| &formats.entries);
    let fourccs = named(entries().map(|entry| &entry.fourcc));
    let modifiers = named(entries().flat_map(|entry| &entry.modifiers));
    let mut pairs = Vec::new();
    for fourcc in &fourccs {
        for modifier in &modifiers {
            let pair = Pair { fourcc: fourcc.clone(), modifier: modifier.clone() };
            if entries().any(|entry| covers(entry, &pair)) {
                pairs.push(pair);
            }
        }
    }
    pairs
}

/// The names among `picks`, each once; nothing but "some" when there are only wildcards.
fn named<'a>(picks: impl Iterator<Item = &'a Pick>) -> Vec<Option<Name>> {
    let names = picks.filter_map(|pick| match pick {
        Pick::Any => None,
        Pick::One(name) => Some(Some(name.clone())),
    });
    let mut names: Vec<Option<Name>> = names.collect();
    names.sort();
    names.dedup();
    if names.is_empty() { vec![None] } else { names }
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
        let is =
            |pick: &Pick| matches!(pick, Pick::One(name) if Some(name) == pair.modifier.as_ref());
        entry.modifiers.iter().position(is).unwrap_or(0)
    };
    let first = entries.iter().map(|(place, _)| place).sum();
    (first, entries.iter().map(|(_, entry)| place(entry)).sum(), pair.clone())
}
