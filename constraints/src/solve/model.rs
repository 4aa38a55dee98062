//! A question as the search wants it: names resolved, defaults made facts, sums prepared.

use super::formats::Formats;
use super::needs::Needs;
use crate::bits::HeapBits;
use crate::fact::{AccessSet, Protection};
use crate::kind::{access, protected};
use crate::question::{Alternative, Usages};
use crate::{Constraint, Fact, HeapSet, Name, Origin, Participant, Question};
use std::borrow::Cow;

/// A question on a set of heaps.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) set: &'a HeapSet,
    pub(crate) question: &'a Question,
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) formats: Formats<'a>,
    /// Heaps that are there and may be opened.
    pub(crate) open: HeapBits,
}

/// A participant.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) stated: &'a Participant,
    /// What stands beside its alternatives.
    pub(crate) base: Table<'a>,
    pub(crate) tables: Vec<Table<'a>>,
    /// What is certain before a table is chosen; `None` without alternatives.
    pub(crate) hull: Option<Needs>,
}

/// Facts that hold together.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    /// Defaults that exclude something are among them.
    pub(crate) facts: Vec<Cow<'a, Fact>>,
    pub(crate) usage: Usages,
    /// Their sum, formats aside.
    pub(crate) needs: Needs,
    /// The sum of what is stated, without defaults.
    pub(crate) stated: Needs,
    /// In a table of alternatives, the defaults that other tables do not share: of `access` and of
    /// `protected`.
    pub(crate) unsaid: [Option<Needs>; 2],
    /// Its format lists, by index.
    pub(crate) lists: Vec<usize>,
}

impl<'a> Model<'a> {
    /// Prepares `question`, which is well-formed.
    pub(crate) fn new(set: &'a HeapSet, question: &'a Question) -> Self {
        let heaps = set.heaps().iter().enumerate();
        let open = heaps.filter(|(_, heap)| heap.present && heap.permitted);
        let open = open.map(|(index, _)| index).collect();
        let mut parts: Vec<Part<'a>> =
            question.participants.iter().map(|stated| Part::new(set, stated)).collect();
        let mut stated = Vec::new();
        for (index, part) in parts.iter_mut().enumerate() {
            for table in std::iter::once(&mut part.base).chain(&mut part.tables) {
                for fact in &table.facts {
                    // Defaults are never formats: those that are borrow from the question.
                    if let Cow::Borrowed(Fact { constraint: Constraint::Format(entries), .. }) =
                        fact
                    {
                        table.lists.push(stated.len());
                        stated.push((index, entries.as_slice()));
                    }
                }
            }
        }
        let formats = Formats::new(set, &stated);
        Self { set, question, parts, formats, open }
    }

    /// The format lists that bind whatever is chosen: those of participants that must be in.
    pub(crate) fn binding_lists(&self) -> Vec<usize> {
        let required = self.parts.iter().filter(|part| !part.stated.optional);
        required.flat_map(|part| part.base.lists.iter().copied()).collect()
    }
}

impl<'a> Part<'a> {
    fn new(set: &'a HeapSet, stated: &'a Participant) -> Self {
        let mut base = Table::new(&stated.facts, stated.usage);
        let mut tables: Vec<_> = stated
            .alternatives
            .iter()
            .map(|table| Table::new(&table.facts, stated.usage.union(table.usage)))
            .collect();
        add_defaults(set, &mut base, &mut tables);
        base.sum_up(set);
        tables.iter_mut().for_each(|table| table.sum_up(set));
        for (table, alternative) in tables.iter_mut().zip(&stated.alternatives) {
            table.needs.unreserved = unreserved(set, stated, Some(alternative));
            table.stated.unreserved = table.needs.unreserved;
        }
        if tables.is_empty() {
            base.needs.unreserved = unreserved(set, stated, None);
        }
        let mut needs = tables.iter().map(|table| &table.needs);
        let mut hull = needs.next().cloned();
        if let Some(hull) = &mut hull {
            needs.for_each(|further| hull.join(further));
        }
        Self { stated, base, tables, hull }
    }

    /// What it does with a buffer when `table` is chosen.
    pub(crate) fn usage(&self, table: Option<usize>) -> Usages {
        table.and_then(|table| self.tables.get(table)).map_or(self.base.usage, |table| table.usage)
    }

    /// The facts that hold when `table` is chosen.
    pub(crate) fn facts(&self, table: Option<usize>) -> impl Iterator<Item = &Fact> {
        let chosen = table.and_then(|table| self.tables.get(table));
        let inside = chosen.map_or(&[][..], |table| &table.facts);
        self.base.facts.iter().chain(inside).map(AsRef::as_ref)
    }
}

impl<'a> Table<'a> {
    fn new(facts: &'a [Fact], usage: Usages) -> Self {
        // With room for two defaults.
        let mut all = Vec::with_capacity(facts.len() + 2);
        all.extend(facts.iter().map(Cow::Borrowed));
        // The sum is made once the defaults are in.
        Self {
            facts: all,
            usage,
            needs: Needs::EMPTY,
            stated: Needs::EMPTY,
            unsaid: [None, None],
            lists: Vec::new(),
        }
    }

    fn sum_up(&mut self, set: &HeapSet) {
        let own = |fact: &&Cow<Fact>| matches!(fact, Cow::Owned(_));
        let stated = self.facts.iter().filter(|fact| !own(fact));
        self.stated = Needs::all(set, stated.map(|fact| &fact.constraint));
        self.needs = self.stated.clone();
        for fact in self.facts.iter().filter(own) {
            let needs = Needs::of(set, &fact.constraint);
            self.needs.meet(&needs);
            let which = usize::from(matches!(fact.constraint, Constraint::Protected(_)));
            self.unsaid[which] = Some(needs);
        }
    }

    /// The sum without those defaults of this table that are waived.
    pub(crate) fn needs_without(&self, waived: [bool; 2]) -> Needs {
        let mut needs = self.stated.clone();
        self.unsaid_without(waived).for_each(|unsaid| needs.meet(unsaid));
        needs
    }

    /// Its defaults that are not waived.
    pub(crate) fn unsaid_without(&self, waived: [bool; 2]) -> impl Iterator<Item = &Needs> {
        let both = self.unsaid.iter().zip(waived).filter(|(_, waived)| !waived);
        both.filter_map(|(unsaid, _)| unsaid.as_ref())
    }

    fn add(&mut self, constraint: Constraint) {
        self.facts.push(Cow::Owned(Fact { constraint, origin: Origin::Default }));
    }
}

/// What nobody stated and still excludes something becomes a fact with its own origin. It stands
/// beside the alternatives, unless they make a difference to it: then it is part of each table.
fn add_defaults(set: &HeapSet, base: &mut Table, tables: &mut [Table]) {
    let unsaid = |table: Option<&Table>| {
        let inside = table.map_or(&[][..], |table| &table.facts);
        let usage = table.map_or(base.usage, |table| table.usage);
        defaults(set, usage, || base.facts.iter().chain(inside).map(|fact| &fact.constraint))
    };
    let Some(first) = tables.first() else {
        let found = unsaid(None);
        found.into_iter().flatten().for_each(|constraint| base.add(constraint));
        return;
    };
    let first = unsaid(Some(first));
    let further: Vec<_> = tables.iter().map(|table| unsaid(Some(table))).collect();
    for (which, beside) in first.into_iter().enumerate() {
        if further.iter().all(|found| found[which] == beside) {
            beside.into_iter().for_each(|constraint| base.add(constraint));
        } else {
            for (table, found) in tables.iter_mut().zip(&further) {
                found[which].clone().into_iter().for_each(|constraint| table.add(constraint));
            }
        }
    }
}

/// The defaults of `access` and `protected`, where they exclude something.
fn defaults<'c, I: Iterator<Item = &'c Constraint>>(
    set: &HeapSet,
    usage: Usages,
    stated: impl Fn() -> I,
) -> [Option<Constraint>; 2] {
    let modes = stated().filter_map(|one| match one {
        Constraint::Access(modes) => Some(*modes),
        _ => None,
    });
    let minds = || {
        stated().filter_map(|one| match one {
            Constraint::Protected(mind) => Some(*mind),
            _ => None,
        })
    };
    let mind = minds().min();
    let said = modes.reduce(access::both);
    let modes = said.unwrap_or_else(|| access::unsaid(usage, mind));
    let default_access = said.is_none() && modes != AccessSet::ALL;
    let refuses =
        mind.is_none() && protected::unsaid(set, usage, modes, stated()) == Protection::Refused;
    [
        default_access.then_some(Constraint::Access(modes)),
        refuses.then_some(Constraint::Protected(Protection::Refused)),
    ]
}

/// The heaps that are not reserved, or reserved for this participant among others.
fn unreserved(set: &HeapSet, stated: &Participant, table: Option<&Alternative>) -> HeapBits {
    let driver = table.and_then(|table| table.driver.as_deref()).or(stated.driver.as_deref());
    let usage = table.map_or(stated.usage, |table| stated.usage.union(table.usage));
    let meant =
        |name: &Name| driver == Some(&**name) || usage.iter().any(|usage| usage.word() == &**name);
    let reserved = set.traits().reserved;
    let shut = |heap: &usize| !set.heaps()[*heap].reserved_for.iter().any(meant);
    set.traits().all.without(reserved.iter().filter(shut).collect())
}
