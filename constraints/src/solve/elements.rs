//! What can stand in a conflict: every constraint key of a required participant, the choice of
//! formats and each of their keys, alternatives as one, the state of heaps, what the request asks.

use super::causes::Subset;
use super::eliminate::format_origin;
use super::formats::{Active, Pair};
use super::model::{Model, Part, Table};
use super::needs::Needs;
use super::search::{Decision, Space, Strictness};
use super::shape::Terms;
use crate::answer::Element;
use crate::kind::count::Sum;
use crate::kind::format::{KEYS, Keys};
use crate::{Constraint, Fact, Name, Origin, spell};

/// An element with what it takes away.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) shown: Element,
    /// Where it stands in the question.
    place: usize,
    effect: Effect,
}

#[derive(Debug)]
enum Effect {
    Needs(Box<Needs>),
    /// The choice of format of a participant.
    Choice(usize),
    /// A key in all format entries of a participant.
    Key(usize, Keys),
    /// The alternatives of a participant.
    Group(usize),
    /// A default on which the alternatives of a participant make a difference: of `access` or of
    /// `protected`.
    Unsaid(usize, usize),
    /// That a heap is absent, not permitted or reserved.
    Heap(usize),
    Request(Ask),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Seed,
    Strict,
    Buffer,
    Total,
}

/// All elements of a question.
#[derive(Debug)]
pub(crate) struct Causative {
    /// By name, so that what is found first does not depend on the order of the question.
    pub(crate) causes: Vec<Cause>,
    /// What no element stands for: whom heaps are reserved for.
    base: Needs,
    terms: Terms,
    /// The lists of required participants, with nothing that binds yet (`planes` always does), and
    /// where those of each participant are among them.
    lists: Vec<Active>,
    lists_of: Vec<Vec<usize>>,
    /// By participant: its alternatives bring formats, or defaults of their own.
    names: Vec<bool>,
}

impl Causative {
    /// The elements of the question of `model`, whose request comes to `terms`.
    pub(crate) fn new(model: &Model, terms: Terms) -> Self {
        let mut causes = Vec::new();
        let mut base = Needs::any(model.set);
        let required = model.parts.iter().enumerate().filter(|(_, part)| !part.stated.optional);
        for (index, part) in required {
            // Whom heaps are reserved for is no constraint of his: the heap is the element.
            let unreserved = part.hull.as_ref().unwrap_or(&part.base.needs).unreserved;
            base.unreserved = base.unreserved.and(unreserved);
            of_part(model, index, part, &mut causes);
        }
        of_request(model, &mut causes);
        of_heaps(model, &mut causes);
        for (place, cause) in causes.iter_mut().enumerate() {
            cause.place = place;
        }
        causes.sort_by(|a, b| a.shown.name.cmp(&b.shown.name));
        let unbound = |list| Active { list, choice: false, keys: Keys::PLANES };
        let lists: Vec<Active> = model.binding_lists().into_iter().map(unbound).collect();
        let mut lists_of = vec![Vec::new(); model.parts.len()];
        for (index, active) in lists.iter().enumerate() {
            lists_of[model.formats.lists[active.list].part].push(index);
        }
        let says = |table: &Table| !table.lists.is_empty() || table.unsaid != [None, None];
        let bring = |part: &Part| part.tables.iter().any(says);
        let names = model.parts.iter().map(bring).collect();
        Self { causes, base, terms, lists, lists_of, names }
    }

    /// What is to be satisfied when only the elements of `kept` hold.
    pub(crate) fn space<'s>(&self, kept: &Subset, pairs: &'s [Pair]) -> Space<'s> {
        let mut space = Space {
            base: self.base.clone(),
            active: self.lists.clone(),
            decisions: Vec::new(),
            terms: self.terms,
            pairs,
            strict: Strictness { sized: false, pinned: true },
            waived: Vec::new(),
        };
        for (index, cause) in self.causes.iter().enumerate() {
            self.apply(&cause.effect, kept.contains(index), &mut space);
        }
        // In the order of the question, as the search wants them.
        space.decisions.sort_by_key(|decision| match decision {
            Decision::Join(part) | Decision::Choose(part) | Decision::Name(part) => *part,
        });
        space
    }

    fn apply(&self, effect: &Effect, kept: bool, space: &mut Space) {
        match effect {
            Effect::Needs(needs) if kept => space.base.meet(needs),
            Effect::Choice(part) if kept => {
                self.bind(space, *part, |active| active.choice = true);
            }
            Effect::Key(part, key) if kept => {
                self.bind(space, *part, |active| active.keys = active.keys.or(*key));
            }
            Effect::Group(part) if kept => space.decisions.push(Decision::Choose(*part)),
            // What its entries name is still named.
            Effect::Group(part) if self.names[*part] => {
                space.decisions.push(Decision::Name(*part));
            }
            Effect::Unsaid(part, which) if !kept => waive_unsaid(space, *part, *which),
            Effect::Heap(heap) if !kept => space.terms.lifted.insert(*heap),
            Effect::Request(ask) if !kept => waive(&mut space.terms, *ask),
            _ => {}
        }
    }

    fn bind(&self, space: &mut Space, part: usize, change: impl Fn(&mut Active)) {
        self.lists_of[part].iter().for_each(|list| change(&mut space.active[*list]));
    }

    /// The elements of a set, in the order of the question.
    pub(crate) fn shown(&self, set: &Subset) -> Vec<Element> {
        let mut causes: Vec<&Cause> =
            set.iter().filter_map(|index| self.causes.get(index)).collect();
        causes.sort_by_key(|cause| cause.place);
        causes.into_iter().map(|cause| cause.shown.clone()).collect()
    }
}

fn waive(terms: &mut Terms, ask: Ask) {
    match ask {
        Ask::Seed => terms.sum = Sum::Dropped,
        Ask::Strict => terms.strict = false,
        Ask::Buffer => terms.buffer = u64::MAX,
        Ask::Total => terms.total = u64::MAX,
    }
}

fn waive_unsaid(space: &mut Space, part: usize, which: usize) {
    match space.waived.iter_mut().find(|(other, _)| *other == part) {
        Some((_, waived)) => waived[which] = true,
        None => space.waived.push((part, [which == 0, which == 1])),
    }
}

fn cause(shown: Element, effect: Effect) -> Cause {
    Cause { shown, place: 0, effect }
}

fn of_part(model: &Model, index: usize, part: &Part, causes: &mut Vec<Cause>) {
    let name = &part.stated.name;
    let mut keys: Vec<String> = Vec::new();
    for fact in &part.base.facts {
        let key = fact.constraint.key();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    for key in keys {
        let facts: Vec<&Fact> = part
            .base
            .facts
            .iter()
            .map(AsRef::as_ref)
            .filter(|fact| fact.constraint.key() == key)
            .collect();
        match key.as_str() {
            "prefer" => {}
            "format" => of_formats(model, index, part, &facts, causes),
            _ => {
                let needs = Needs::all(model.set, facts.iter().map(|fact| &fact.constraint));
                // What excludes nothing on these heaps can be no part of a conflict.
                if needs != Needs::any(model.set) {
                    let shown = element(name, &key, &facts);
                    causes.push(cause(shown, Effect::Needs(Box::new(needs))));
                }
            }
        }
    }
    of_silence(index, part, causes);
    if !part.tables.is_empty() {
        let facts: Vec<&Fact> =
            part.tables.iter().flat_map(|table| &table.facts).map(AsRef::as_ref).collect();
        let shown = Element {
            name: format!("{name}.alternatives"),
            participant: Some(name.clone()),
            stated: format!("one of its {} alternatives", part.tables.len()),
            origins: origins(facts.into_iter()),
        };
        causes.push(cause(shown, Effect::Group(index)));
    }
}

/// The defaults that depend on the table: an element each, as if they were stated beside it.
fn of_silence(index: usize, part: &Part, causes: &mut Vec<Cause>) {
    for (which, key) in ["access", "protected"].into_iter().enumerate() {
        let silent = part.tables.iter().filter(|table| table.unsaid[which].is_some());
        let mut facts = silent.flat_map(|table| &table.facts).map(AsRef::as_ref);
        let default = |fact: &&Fact| fact.origin == Origin::Default && fact.constraint.key() == key;
        if let Some(fact) = facts.find(default) {
            let shown = element(&part.stated.name, key, &[fact]);
            causes.push(cause(shown, Effect::Unsaid(index, which)));
        }
    }
}

fn of_formats(model: &Model, index: usize, part: &Part, facts: &[&Fact], causes: &mut Vec<Cause>) {
    let name = &part.stated.name;
    causes.push(cause(element(name, "format", facts), Effect::Choice(index)));
    for (key, bit) in KEYS {
        let mut values: Vec<String> = Vec::new();
        let mut stating = Vec::new();
        for list in &part.base.lists {
            let before = values.len();
            for entry in &model.formats.lists[*list].entries {
                values.extend(spell::format_key(entry.stated, bit));
            }
            if values.len() > before {
                stating.push(format_origin(model, *list));
            }
        }
        values.dedup();
        if !values.is_empty() {
            let shown = Element {
                name: format!("{name}.format.{key}"),
                participant: Some(name.clone()),
                stated: format!("{key} = {}", values.join(" or ")),
                origins: stating,
            };
            causes.push(cause(shown, Effect::Key(index, bit)));
        }
    }
}

fn of_request(model: &Model, causes: &mut Vec<Cause>) {
    let request = &model.question.request;
    let mut add = |key: &str, stated: Option<String>, ask| {
        causes.extend(stated.map(|stated| {
            let shown = Element {
                name: format!("request.{key}"),
                participant: None,
                stated: format!("{key} = {stated}"),
                origins: vec![Origin::Client],
            };
            cause(shown, Effect::Request(ask))
        }));
    };
    add("seed-count", request.seed_count.map(|count| count.to_string()), Ask::Seed);
    add("strict", request.strict.then(|| "true".to_owned()), Ask::Strict);
    add("limit-buffer", request.limit_buffer.map(|bytes| bytes.to_string()), Ask::Buffer);
    add("limit-total", request.limit_total.map(|bytes| bytes.to_string()), Ask::Total);
}

/// Heaps that are absent or not permitted, or reserved for others than who asks.
fn of_heaps(model: &Model, causes: &mut Vec<Cause>) {
    for (index, heap) in model.set.heaps().iter().enumerate() {
        let key = if !heap.present {
            "absent"
        } else if !heap.permitted {
            "not-permitted"
        } else if !heap.reserved_for.is_empty() {
            "reserved"
        } else {
            continue;
        };
        let origin =
            heap.origins.get(spell::heap_key(heap, key)).cloned().unwrap_or(Origin::Default);
        let shown = Element {
            name: format!("heap.{}", heap.name),
            participant: None,
            stated: spell::heap_has(heap, key),
            origins: vec![origin],
        };
        causes.push(cause(shown, Effect::Heap(index)));
    }
}

fn element(participant: &Name, key: &str, facts: &[&Fact]) -> Element {
    let stated = |fact: &&Fact| match &fact.constraint {
        Constraint::Format(entries) => format!("format = {}", spell::choices(entries)),
        other => spell::constraint(other),
    };
    let stated: Vec<String> = facts.iter().map(stated).collect();
    Element {
        name: format!("{participant}.{key}"),
        participant: Some(participant.clone()),
        stated: stated.join(", "),
        origins: origins(facts.iter().copied()),
    }
}

fn origins<'f>(facts: impl Iterator<Item = &'f Fact>) -> Vec<Origin> {
    let mut origins: Vec<Origin> = Vec::new();
    for fact in facts {
        if !origins.contains(&fact.origin) {
            origins.push(fact.origin.clone());
        }
    }
    origins
}
