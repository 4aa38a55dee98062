//! Steps 1 and 2 of the order of what is tried: who is in, and with which alternative.

use heapq_constraints::question::{Alternative, Usages};
use heapq_constraints::{Fact, Name, Participant, Question};

/// Participants that are in, each with its chosen table where it has a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) who: Vec<usize>,
    pub(super) tables: Vec<Option<usize>>,
}

impl Choice {
    /// Everyone, with the first alternatives.
    pub(super) fn everyone(question: &Question) -> Self {
        let who: Vec<usize> = (0..question.participants.len()).collect();
        let first = |who: &usize| first(question, *who);
        Self { tables: who.iter().map(first).collect(), who }
    }

    /// Those who are in, each as its chosen table makes it.
    pub(super) fn present<'a>(&self, question: &'a Question) -> Vec<Present<'a>> {
        let present = |(who, table): (&usize, &Option<usize>)| {
            let one = &question.participants[*who];
            Present::new(one, table.map(|table| &one.alternatives[table]))
        };
        self.who.iter().zip(&self.tables).map(present).collect()
    }
}

/// A participant under a choice.
#[derive(Clone, Debug)]
pub(super) struct Present<'a> {
    pub(super) one: &'a Participant,
    pub(super) usage: Usages,
    pub(super) drivers: Vec<&'a Name>,
    /// The facts of its chosen table.
    pub(super) table: &'a [Fact],
}

impl<'a> Present<'a> {
    pub(super) fn new(one: &'a Participant, table: Option<&'a Alternative>) -> Self {
        let words = one.usage.iter().chain(table.iter().flat_map(|table| table.usage.iter()));
        let drivers = one.driver.iter().chain(table.iter().flat_map(|table| &table.driver));
        Self {
            one,
            usage: words.collect(),
            drivers: drivers.collect(),
            table: table.map_or(&[], |table| &table.facts),
        }
    }
}

fn first(question: &Question, who: usize) -> Option<usize> {
    (!question.participants[who].alternatives.is_empty()).then_some(0)
}

/// Who is in: fewest optional ones left out first; among equals the first optional one stays if
/// it can, then the second.
pub(super) fn subsets(question: &Question) -> Vec<Vec<usize>> {
    let optional: Vec<usize> = (0..question.participants.len())
        .filter(|who| question.participants[*who].optional)
        .collect();
    let mut sets: Vec<Vec<bool>> = vec![vec![]];
    for _ in &optional {
        sets = sets.iter().flat_map(|set| [with(set, false), with(set, true)]).collect();
    }
    // A set says who is left out; `false` sorts first, so earlier ones stay.
    sets.sort_by_key(|set| (set.iter().filter(|out| **out).count(), set.clone()));
    let is_out = |set: &[bool], who: usize| {
        optional.iter().position(|it| *it == who).is_some_and(|place| set[place])
    };
    let all = 0..question.participants.len();
    sets.iter().map(|set| all.clone().filter(|who| !is_out(set, *who)).collect()).collect()
}

fn with<T: Clone>(list: &[T], item: T) -> Vec<T> {
    let mut list = list.to_vec();
    list.push(item);
    list
}

/// All choices of tables for those who are in: the first group keeps the earliest longest.
pub(super) fn choices(question: &Question, who: &[usize]) -> Vec<Choice> {
    let mut tables: Vec<Vec<Option<usize>>> = vec![vec![]];
    for one in who {
        let count = question.participants[*one].alternatives.len();
        let options: Vec<Option<usize>> =
            if count == 0 { vec![None] } else { (0..count).map(Some).collect() };
        tables = tables
            .iter()
            .flat_map(|chosen| options.iter().map(|option| with(chosen, *option)))
            .collect();
    }
    tables.into_iter().map(|tables| Choice { who: who.to_vec(), tables }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use heapq_constraints::Participant;

    #[test]
    fn later_ones_go() {
        let mut question = Question::default();
        for (name, optional) in [("a", true), ("b", false), ("c", true)] {
            question.participants.push(Participant { optional, ..Participant::new(name) });
        }
        assert_eq!(subsets(&question), [vec![0, 1, 2], vec![0, 1], vec![1, 2], vec![1]]);
    }

    #[test]
    fn the_first_group_gives_way_last() {
        let mut question = Question::default();
        for name in ["a", "b"] {
            let alternatives = vec![Alternative::default(); 2];
            question.participants.push(Participant { alternatives, ..Participant::new(name) });
        }
        let tables: Vec<_> = choices(&question, &[0, 1]).into_iter().map(|it| it.tables).collect();
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
        assert_eq!(tables, pairs.map(|(a, b)| vec![Some(a), Some(b)]));
    }
}
