//! Which pairs of fourcc and modifier the participants' entries cover, and which entry covers each.

use crate::fact::{FormatEntry, Pick};
use crate::kind::format::Keys;
use crate::kind::plane::PlaneNeeds;
use crate::vocabulary::modifier_key;
use crate::{HeapSet, Name};
use std::collections::{BTreeMap, HashSet};

/// The entries of one format fact.
#[derive(Debug)]
pub(crate) struct List<'a> {
    /// Whose it is.
    pub(crate) part: usize,
    pub(crate) entries: Vec<Entry<'a>>,
    /// Entries by stated fourcc, sorted, and those for any.
    stated: Vec<(u32, usize)>,
    any: Vec<usize>,
}

/// One entry with its names as numbers.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) stated: &'a FormatEntry,
    pub(crate) planes: PlaneNeeds,
    fourcc: Option<u32>,
    /// Sorted, each with its position in the list.
    modifiers: Vec<(u32, u32)>,
    any_modifier: bool,
}

/// A list that takes part in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Active {
    pub(crate) list: usize,
    /// Its choice of pairs binds.
    pub(crate) choice: bool,
    /// The keys of its entries that bind.
    pub(crate) keys: Keys,
}

/// A fourcc and a modifier, by number.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) fourcc: u32,
    pub(crate) modifier: u32,
    /// For each list the entry that covers it.
    pub(crate) covers: Vec<Option<Cover>>,
}

/// The number of a name that nobody gives: what only wildcards cover.
pub(crate) const UNNAMED: u32 = u32::MAX;

/// How one list covers a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cover {
    pub(crate) entry: usize,
    /// Where the modifier stands in the entry's list; 0 for `*`.
    pub(crate) position: u32,
}

/// Names as numbers, in the order of the names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    spelled: Vec<Name>,
    numbers: BTreeMap<Name, u32>,
}

impl Names {
    /// From `(what makes it the same, as written)`; of several spellings the first in order stays.
    fn new(mut all: Vec<(Name, Name)>) -> Self {
        all.sort_unstable();
        all.dedup_by(|later, earlier| later.0 == earlier.0);
        let numbers = all.iter().zip(0..).map(|((key, _), number)| (key.clone(), number));
        Self {
            numbers: numbers.collect(),
            spelled: all.into_iter().map(|(_, name)| name).collect(),
        }
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    /// The name as written.
    pub(crate) fn name(&self, number: u32) -> Option<&Name> {
        self.spelled.get(usize::try_from(number).ok()?)
    }

    fn all(&self) -> impl Iterator<Item = u32> + '_ {
        self.numbers.values().copied()
    }
}

/// All lists of a question, with what their names are.
#[derive(Debug, Default)]
pub(crate) struct Formats<'a> {
    pub(crate) lists: Vec<List<'a>>,
    pub(crate) fourccs: Names,
    pub(crate) modifiers: Names,
}

impl<'a> Formats<'a> {
    /// `stated`: each format fact with the participant that it is of.
    pub(crate) fn new(set: &HeapSet, stated: &[(usize, &'a [FormatEntry])]) -> Self {
        if stated.is_empty() {
            return Self::default();
        }
        let entries = || stated.iter().flat_map(|(_, entries)| entries.iter());
        let fourccs = entries().filter_map(|entry| match &entry.fourcc {
            Pick::Any => None,
            Pick::One(name) => Some((name.clone(), name.clone())),
        });
        let modifiers = entries().flat_map(|entry| &entry.modifiers).filter_map(|one| match one {
            Pick::Any => None,
            Pick::One(name) => {
                let key: Name = modifier_key(name).into();
                let spelled =
                    if &*key == crate::layout::LINEAR { key.clone() } else { name.clone() };
                Some((key, spelled))
            }
        });
        let (fourccs, modifiers) = (Names::new(fourccs.collect()), Names::new(modifiers.collect()));
        let list = |(part, entries): &(usize, &'a [FormatEntry])| {
            List::new(set, *part, entries, &fourccs, &modifiers)
        };
        Self { lists: stated.iter().map(list).collect(), fourccs, modifiers }
    }

    /// The pairs of stated names that every list of `must` covers; without such lists, those that
    /// any list covers. In the order of the names.
    pub(crate) fn pairs(&self, must: &[usize]) -> Vec<Pair> {
        match must.iter().min_by_key(|list| self.breadth_of(**list)) {
            Some(least) => self.sorted(self.stated_by(*least), must),
            None => {
                let all = (0..self.lists.len()).flat_map(|list| self.stated_by(list));
                self.sorted(all.collect(), &[])
            }
        }
    }

    /// The pairs that at least one of `lists` covers, of names that they give or of [`UNNAMED`]; in
    /// the order of the names.
    pub(crate) fn any_pairs(&self, lists: impl Iterator<Item = usize> + Clone) -> Vec<Pair> {
        let mut found: Vec<(u32, u32)> =
            lists.clone().flat_map(|list| self.stated_by(list)).collect();
        found.extend(self.unnamed_numbers());
        let mut pairs = self.sorted(found, &[]);
        let covered = |pair: &Pair| lists.clone().any(|list| pair.covers[list].is_some());
        pairs.retain(covered);
        pairs
    }

    /// The pairs that every list of `must` covers and in which something is [`UNNAMED`].
    pub(crate) fn unnamed(&self, must: &[usize]) -> Vec<Pair> {
        self.sorted(self.unnamed_numbers().collect(), must)
    }

    fn unnamed_numbers(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let codes = self.fourccs.all().chain([UNNAMED]).map(|code| (code, UNNAMED));
        codes.chain(self.modifiers.all().map(|modifier| (UNNAMED, modifier)))
    }

    /// Of pairs that the same entries cover and the same lists name, one: whether anything comes of
    /// them is the same.
    pub(crate) fn distinct(&self, pairs: Vec<Pair>) -> Vec<Pair> {
        let names = |list: &List, modifier| {
            let mut entries = list.entries.iter();
            entries.any(|e| e.modifiers.binary_search_by_key(&modifier, |(m, _)| *m).is_ok())
        };
        let alike = |pair: &Pair| -> Vec<(Option<usize>, bool)> {
            let covers = pair.covers.iter().zip(&self.lists);
            let entry = |cover: &Option<Cover>| cover.map(|cover| cover.entry);
            covers.map(|(cover, list)| (entry(cover), names(list, pair.modifier))).collect()
        };
        let mut seen = HashSet::new();
        let mut new =
            |pair: &Pair| seen.insert((pair.fourcc, pair.modifier == UNNAMED, alike(pair)));
        pairs.into_iter().filter(|pair| new(pair)).collect()
    }

    fn sorted(&self, mut found: Vec<(u32, u32)>, must: &[usize]) -> Vec<Pair> {
        found.sort_unstable();
        found.dedup();
        let pair = |(fourcc, modifier)| self.pair(fourcc, modifier, must);
        found.into_iter().filter_map(pair).collect()
    }

    fn pair(&self, fourcc: u32, modifier: u32, must: &[usize]) -> Option<Pair> {
        let cover = |list: &List| list.cover(fourcc, modifier);
        if must.iter().any(|list| cover(&self.lists[*list]).is_none()) {
            return None;
        }
        let covers: Vec<_> = self.lists.iter().map(cover).collect();
        let covered = covers.iter().any(Option::is_some);
        covered.then_some(Pair { fourcc, modifier, covers })
    }

    /// Whether lists among `active` name both the fourcc and the modifier of `pair`, be it in an
    /// entry for another: what only wildcards cover, nobody has chosen. [`UNNAMED`] stands for
    /// what none of them names.
    pub(crate) fn pinned(&self, pair: &Pair, active: impl Iterator<Item = usize> + Clone) -> bool {
        let entries = || active.clone().flat_map(|list| &self.lists[list].entries);
        let listed = |entry: &Entry| {
            entry.modifiers.binary_search_by_key(&pair.modifier, |(number, _)| *number).is_ok()
        };
        let fourcc = match pair.fourcc {
            UNNAMED => entries().all(|entry| entry.fourcc.is_none()),
            code => entries().any(|entry| entry.fourcc == Some(code)),
        };
        let modifier = match pair.modifier {
            UNNAMED => entries().all(|entry| entry.modifiers.is_empty()),
            _ => entries().any(listed),
        };
        fourcc && modifier
    }

    /// The key that no list among `active` pins, if there is one.
    pub(crate) fn unpinned(
        &self,
        active: impl Iterator<Item = usize> + Clone,
    ) -> Option<&'static str> {
        let entries = || active.clone().flat_map(|list| &self.lists[list].entries);
        if entries().next().is_none() {
            None
        } else if entries().all(|entry| entry.fourcc.is_none()) {
            Some("format.fourcc")
        } else {
            let unnamed = entries().all(|entry| entry.modifiers.is_empty());
            unnamed.then_some("format.modifiers")
        }
    }

    /// How many pairs the lists of `must` leave at most.
    pub(crate) fn breadth(&self, must: &[usize]) -> usize {
        must.iter().map(|list| self.breadth_of(*list)).min().unwrap_or_else(|| self.breadths())
    }

    /// How many pairs all lists cover at most.
    pub(crate) fn breadths(&self) -> usize {
        (0..self.lists.len()).map(|list| self.breadth_of(list)).fold(0, usize::saturating_add)
    }

    fn breadth_of(&self, list: usize) -> usize {
        let (fourccs, modifiers) = (self.fourccs.spelled.len(), self.modifiers.spelled.len());
        let breadth = |entry: &Entry| {
            let codes = if entry.fourcc.is_some() { 1 } else { fourccs };
            let choices = if entry.any_modifier { modifiers } else { entry.modifiers.len() };
            codes.saturating_mul(choices)
        };
        self.lists[list].entries.iter().map(breadth).fold(0, usize::saturating_add)
    }

    fn stated_by(&self, list: usize) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        for entry in &self.lists[list].entries {
            let codes: Vec<u32> = match entry.fourcc {
                Some(code) => vec![code],
                None => self.fourccs.all().collect(),
            };
            let choices: Vec<u32> = if entry.any_modifier {
                self.modifiers.all().collect()
            } else {
                entry.modifiers.iter().map(|(number, _)| *number).collect()
            };
            found.extend(codes.iter().flat_map(|code| choices.iter().map(move |m| (*code, *m))));
        }
        found
    }
}

impl<'a> List<'a> {
    fn new(
        set: &HeapSet,
        part: usize,
        entries: &'a [FormatEntry],
        fourccs: &Names,
        modifiers: &Names,
    ) -> Self {
        let entries: Vec<_> =
            entries.iter().map(|entry| Entry::new(set, entry, fourccs, modifiers)).collect();
        let with = |stated: bool| {
            entries.iter().enumerate().filter(move |(_, entry)| entry.fourcc.is_some() == stated)
        };
        let mut stated: Vec<_> =
            with(true).filter_map(|(index, entry)| Some((entry.fourcc?, index))).collect();
        stated.sort_unstable();
        let any = with(false).map(|(index, _)| index).collect();
        Self { part, entries, stated, any }
    }

    /// The one entry that covers the pair; entries of one list do not overlap.
    pub(crate) fn cover(&self, fourcc: u32, modifier: u32) -> Option<Cover> {
        let first = self.stated.partition_point(|(other, _)| *other < fourcc);
        let end = self.stated.partition_point(|(other, _)| *other <= fourcc);
        let stated = &self.stated[first..end];
        let candidates = stated.iter().map(|(_, entry)| entry).chain(&self.any);
        candidates.copied().find_map(|entry| self.entries[entry].cover(entry, modifier))
    }
}

impl<'a> Entry<'a> {
    fn new(set: &HeapSet, stated: &'a FormatEntry, fourccs: &Names, modifiers: &Names) -> Self {
        let fourcc = match &stated.fourcc {
            Pick::Any => None,
            Pick::One(name) => fourccs.number(name),
        };
        let named = stated.modifiers.iter().zip(0..).filter_map(|(one, position)| match one {
            Pick::Any => None,
            Pick::One(name) => Some((modifiers.number(&modifier_key(name))?, position)),
        });
        let mut named: Vec<(u32, u32)> = named.collect();
        named.sort_unstable();
        // Of one that stands twice the first position counts.
        named.dedup_by_key(|(number, _)| *number);
        let any_modifier = stated.modifiers.contains(&Pick::Any);
        let planes = PlaneNeeds::of(set, stated);
        Self { stated, planes, fourcc, modifiers: named, any_modifier }
    }

    fn cover(&self, entry: usize, modifier: u32) -> Option<Cover> {
        let found = self.modifiers.binary_search_by_key(&modifier, |(number, _)| *number);
        let listed = found.ok().map(|index| self.modifiers[index].1);
        let position = listed.or(self.any_modifier.then_some(0))?;
        Some(Cover { entry, position })
    }
}

impl Pair {
    /// Whether every list whose choice binds covers it, and some list does.
    pub(crate) fn chosen(&self, active: &[Active]) -> bool {
        let covered = |one: &Active| self.covers[one.list].is_some();
        active.iter().all(|one| !one.choice || covered(one)) && active.iter().any(covered)
    }

    /// What is tried first: least sum of the entries' positions, then of the modifier's positions.
    /// Pairs are kept in the order of their names, so an order that is stable settles the rest.
    pub(crate) fn rank(&self, active: &[Active]) -> (usize, u64) {
        let covers = active.iter().filter_map(|one| self.covers[one.list]);
        covers.fold((0, 0), |(entries, positions), cover| {
            (entries + cover.entry, positions + u64::from(cover.position))
        })
    }
}
