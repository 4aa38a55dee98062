//! The table of heaps that do not serve.

use super::choice::Choice;
use super::element::{Elements, Kept};
use super::figures::Figures;
use super::heap::ruled_out;
use super::needs::Needs;
use super::world::World;
use heapq_constraints::{Constraint, Name, Question};
use std::collections::{BTreeMap, BTreeSet};

/// By heap, or by a name that no heap bears: the keys that rule it out.
pub type Table = BTreeMap<String, BTreeSet<String>>;

/// In a conflict: everyone in, first alternatives, formats and sizes not counted.
pub(super) fn of_conflict(world: &World, question: &Question) -> Table {
    let choice = Choice::everyone(question);
    let needs = Needs::new(world, question, &choice, &mut Elements::default());
    table(world, &needs, &[], None)
}

/// Under the choice that was made. Of the planes with needs of their own, plane 0 is spoken of; the
/// names in the lists of all of them are looked up.
pub(super) fn of_plan(world: &World, needs: &Needs, figures: &Figures) -> Table {
    let own = figures.image.iter().flat_map(|image| &image.plane);
    let first = own.clone().filter(|(plane, _)| *plane == 0).map(|(_, need)| need);
    let mut table = table(world, needs, &first.collect::<Vec<_>>(), Some(figures));
    for name in own.flat_map(|(_, need)| names(world, need)) {
        table.insert(name.to_string(), BTreeSet::from(["absent".to_owned()]));
    }
    table
}

fn table(world: &World, needs: &Needs, own: &[&Constraint], figures: Option<&Figures>) -> Table {
    let mut table = Table::new();
    let all: Vec<&Constraint> = needs.kept(Kept::ALL).chain(own.iter().copied()).collect();
    for (index, heap) in world.heaps.iter().enumerate() {
        let mut keys: BTreeSet<String> = match needs.blocked[index] {
            Some((_, why)) => BTreeSet::from([why.to_owned()]),
            None => ruled_out(world, index, &all).into_iter().map(str::to_owned).collect(),
        };
        if let (Some(figures), None) = (figures, needs.blocked[index]) {
            let allocation = figures.buffers[0].1;
            let over = |bound: Option<u64>, bytes| bound.is_some_and(|most| bytes > most.into());
            keys.extend(over(heap.max_size, allocation).then(|| "max-size".to_owned()));
            let all = figures.count * allocation;
            keys.extend(over(heap.capacity, all).then(|| "capacity".to_owned()));
        }
        if !keys.is_empty() {
            table.insert(heap.name.to_string(), keys);
        }
    }
    for name in all.iter().flat_map(|need| names(world, need)).chain(wished(world, needs)) {
        table.insert(name.to_string(), BTreeSet::from(["absent".to_owned()]));
    }
    table
}

/// The names in one list that no heap bears.
fn names<'a>(world: &'a World, need: &'a Constraint) -> Vec<&'a Name> {
    let role = |name: &Name| world.heaps.iter().any(|heap| heap.roles.contains(name));
    match need {
        Constraint::Link(list) => list.iter().filter(|name| !world.borne(name)).collect(),
        Constraint::Heaps(list) => {
            list.iter().filter(|name| !world.borne(name) && !role(name)).collect()
        }
        _ => Vec::new(),
    }
}

fn wished<'a>(world: &'a World, needs: &'a Needs) -> impl Iterator<Item = &'a Name> {
    needs.wishes.iter().flatten().filter(|name| !world.borne(name))
}
