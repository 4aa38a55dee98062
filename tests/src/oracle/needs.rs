//! Everything that holds under one choice, each with the element of conflicts that it belongs to.

use super::choice::{Choice, Present};
use super::element::{Elements, Kept};
use super::format::{Formats, Pair, pool};
use super::world::World;
use heapq_constraints::fact::{AccessSet, Protection};
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::{Constraint, Fact, Heap, Name, Participant, Question};

/// One constraint that holds.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) element: usize,
    pub(super) what: Constraint,
}

/// All that holds for one choice of participants and tables, defaults included.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    pub(super) choice: Choice,
    pub(super) all: Vec<Need>,
    pub(super) formats: Vec<Formats>,
    pub(super) seed_count: Option<(usize, u32)>,
    pub(super) strict: Option<usize>,
    pub(super) limit_buffer: Option<(usize, u64)>,
    pub(super) limit_total: Option<(usize, u64)>,
    /// Why each heap of the world is out of reach, if it is, and the element for it.
    pub(super) blocked: Vec<Option<(usize, &'static str)>>,
    pub(super) cpu_read: bool,
    /// The `prefer` lists: they rank and are no elements.
    pub(super) wishes: Vec<Vec<Name>>,
    /// The pairs of fourcc and modifier to choose from; none for a plain byte buffer.
    pub(super) pool: Vec<Pair>,
    /// Bytes of a page.
    pub(super) page: u128,
}

impl Needs {
    pub(super) fn new(
        world: &World,
        question: &Question,
        choice: &Choice,
        elements: &mut Elements,
    ) -> Self {
        let request = &question.request;
        let mut of = |key: &str| elements.number(format!("request.{key}"));
        let mut needs = Self {
            choice: choice.clone(),
            all: Vec::new(),
            formats: Vec::new(),
            seed_count: request.seed_count.map(|count| (of("seed-count"), count)),
            strict: request.strict.then(|| of("strict")),
            limit_buffer: request.limit_buffer.map(|limit| (of("limit-buffer"), limit)),
            limit_total: request.limit_total.map(|limit| (of("limit-total"), limit)),
            blocked: Vec::new(),
            cpu_read: false,
            wishes: Vec::new(),
            pool: Vec::new(),
            page: world.page.into(),
        };
        let present = choice.present(question);
        for heap in &world.heaps {
            let cause = blocked(heap, &present);
            let cause = cause.map(|why| (elements.number(format!("heap.{}", heap.name)), why));
            needs.blocked.push(cause);
        }
        needs.cpu_read = present.iter().any(|it| it.usage.contains(Usage::CpuRead));
        for it in &present {
            let group = format!("{}.alternatives", it.one.name);
            needs.state(it.one, &it.one.facts, None, elements);
            needs.state(it.one, it.table, Some(&group), elements);
            needs.default_access_and_protection(world, it, elements);
        }
        if !needs.formats.is_empty() {
            needs.pool = pool(&needs.formats);
        }
        needs
    }

    /// Adds stated constraints, under their own keys or under that of the group.
    fn state(
        &mut self,
        one: &Participant,
        facts: &[Fact],
        group: Option<&str>,
        elements: &mut Elements,
    ) {
        for what in facts.iter().map(|fact| &fact.constraint) {
            match what {
                Constraint::Format(entries) => {
                    self.formats.push(Formats::new(&one.name, entries, group, elements));
                }
                Constraint::Prefer(names) => self.wishes.push(names.clone()),
                _ => {
                    let own = format!("{}.{}", one.name, what.key());
                    let element = elements.number(group.map_or(own, str::to_owned));
                    self.all.push(Need { element, what: what.clone() });
                }
            }
        }
    }

    /// What holds of `access` and `protected` where nobody states them.
    fn default_access_and_protection(
        &mut self,
        world: &World,
        it: &Present,
        elements: &mut Elements,
    ) {
        let facts = it.one.facts.iter().chain(it.table);
        let written: Vec<&Constraint> = facts.map(|fact| &fact.constraint).collect();
        let stated = modes(written.iter().copied());
        let modes = stated.unwrap_or_else(|| default_access(it.usage, &written));
        if stated.is_none() && modes != AccessSet::ALL {
            let element = elements.number(format!("{}.access", it.one.name));
            self.all.push(Need { element, what: Constraint::Access(modes) });
        }
        let silent = !written.iter().any(|what| matches!(what, Constraint::Protected(_)));
        // Where no heap is protected, a refusal excludes nothing.
        let matters = world.heaps.iter().any(|heap| heap.protected);
        if silent && matters && !accepts(world, it.usage, modes, &written) {
            let element = elements.number(format!("{}.protected", it.one.name));
            self.all.push(Need { element, what: Constraint::Protected(Protection::Refused) });
        }
    }

    /// The constraints whose elements are kept.
    pub(super) fn kept(&self, kept: Kept) -> impl Iterator<Item = &Constraint> {
        self.all.iter().filter(move |need| kept.has(need.element)).map(|need| &need.what)
    }

    /// Whether the heap at `index` can be had at all.
    pub(super) fn reachable(&self, index: usize, kept: Kept) -> bool {
        self.blocked[index].is_none_or(|(element, _)| !kept.has(element))
    }
}

/// The first of the three causes that keep a heap out of reach for those who are in.
fn blocked(heap: &Heap, present: &[Present]) -> Option<&'static str> {
    let listed = |word: &str| heap.reserved_for.iter().any(|it| &**it == word);
    let welcome = |it: &Present| {
        it.usage.iter().any(|usage| listed(usage.word()))
            || it.drivers.iter().any(|driver| listed(driver))
    };
    if !heap.present {
        Some("absent")
    } else if !heap.permitted {
        Some("not-permitted")
    } else if !heap.reserved_for.is_empty() && !present.iter().all(welcome) {
        Some("reserved")
    } else {
        None
    }
}

/// The modes that the stated `access` lists have in common; `None` where there is no list.
pub(super) fn modes<'a>(stated: impl Iterator<Item = &'a Constraint>) -> Option<AccessSet> {
    stated.fold(None, |so_far, what| match (what, so_far) {
        (Constraint::Access(set), None) => Some(*set),
        (Constraint::Access(set), Some(before)) => Some(both(*set, before)),
        _ => so_far,
    })
}

pub(super) fn both(a: AccessSet, b: AccessSet) -> AccessSet {
    AccessSet { coherent: a.coherent && b.coherent, sync: a.sync && b.sync, none: a.none && b.none }
}

fn default_access(usage: Usages, written: &[&Constraint]) -> AccessSet {
    if written.iter().any(|what| matches!(what, Constraint::Protected(Protection::Required))) {
        AccessSet { coherent: false, sync: false, none: true }
    } else if usage.cpu() {
        AccessSet::CPU
    } else {
        AccessSet::ALL
    }
}

/// The exception to the refusal of protected memory.
fn accepts(world: &World, usage: Usages, modes: AccessSet, written: &[&Constraint]) -> bool {
    let lists = |what: &&Constraint| {
        world.heaps.iter().enumerate().any(|(index, heap)| {
            heap.protected
                && match what {
                    Constraint::Heaps(list) => world.permits(list, index),
                    Constraint::Link(list) => list.iter().any(|name| heap.bears(name)),
                    _ => false,
                }
        })
    };
    !usage.cpu() && modes.none && written.iter().any(lists)
}
