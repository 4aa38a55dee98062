//! An instance as a case file, so that a difference can be looked at and kept.

use super::generate::Instance;
use super::search::Outcome;
use heapq_constraints::fact::{AccessSet, FormatEntry, Pick, Planes, Protection, Windows};
use heapq_constraints::heap::Edge;
use heapq_constraints::question::Usages;
use heapq_constraints::{Constraint, Heap, Name, Participant};
use std::fmt::Display;

mod expect;

use expect::{expect, request};

/// Lines of `key = value`.
#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
    fn add(&mut self, key: &str, value: impl Display) {
        self.0.push((key.to_owned(), value.to_string()));
    }

    fn some(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn block(self, header: &str) -> String {
        let lines = self.0.iter().map(|(key, value)| format!("{key} = {value}\n"));
        format!("{header}\n{}", lines.collect::<String>())
    }

    fn inline(self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(key, it)| format!("{key} = {it}")).collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

/// The whole case with the oracle's answer as its `[expect]`. Facts of one key that a participant
/// has twice (only a policy can add the second) make it no valid TOML; a comment says so.
#[must_use]
pub fn case(instance: &Instance, name: &str, outcome: &Outcome) -> String {
    let mut parts = vec![format!("name = {name:?}\n")];
    parts.extend((instance.page != 4096).then(|| format!("# pages of {}\n", instance.page)));
    parts.extend(instance.heaps.iter().map(heap));
    parts.extend(instance.edges.iter().map(edge));
    parts.extend(instance.question.participants.iter().map(participant));
    parts.extend(request(&instance.question.request));
    parts.push(expect(outcome));
    parts.join("\n")
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

fn texts<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    list(items.into_iter().map(|item| format!("{:?}", item.as_ref())))
}

fn windows(windows: &Windows) -> String {
    list(windows.intervals().iter().map(|(first, end)| format!("[{first:#x}, {end:#x}]")))
}

fn access(set: AccessSet) -> String {
    let words = [(set.coherent, "coherent"), (set.sync, "sync"), (set.none, "none")];
    texts(words.iter().filter(|(is, _)| *is).map(|(_, word)| word))
}

fn heap(heap: &Heap) -> String {
    let plain = Heap::new("");
    let mut lines = Lines::default();
    lines.add("name", format!("{:?}", heap.name));
    let lists =
        [("aliases", &heap.aliases), ("roles", &heap.roles), ("reserved-for", &heap.reserved_for)];
    for (key, words) in lists {
        lines.some(key, (!words.is_empty()).then(|| texts(words)));
    }
    let flags = [
        ("contiguous", heap.contiguous, plain.contiguous),
        ("cached", heap.cached, plain.cached),
        ("protected", heap.protected, plain.protected),
        ("present", heap.present, plain.present),
        ("permitted", heap.permitted, plain.permitted),
    ];
    for (key, is, usual) in flags {
        lines.some(key, (is != usual).then_some(is));
    }
    lines.some("address-bits", (heap.address_bits != 64).then_some(heap.address_bits));
    lines.some("address-window", heap.address_window.as_ref().map(windows));
    lines.some("alignment", (heap.alignment != 4096).then_some(heap.alignment));
    lines.some("access", (heap.access != plain.access).then(|| access(heap.access)));
    lines.some("bank", heap.bank.as_ref().map(|bank| format!("{bank:?}")));
    lines.some("max-size", heap.max_size);
    lines.some("capacity", heap.capacity);
    lines.some("weight", (heap.weight != 0).then_some(heap.weight));
    lines.block("[[heap]]")
}

fn edge(edge: &Edge) -> String {
    format!("[[compatibility]]\nfrom = {:?}\nto = {:?}\n", edge.from, edge.to)
}

fn participant(one: &Participant) -> String {
    let mut lines = Lines::default();
    lines.add("name", format!("{:?}", one.name));
    user(&mut lines, one.usage, one.driver.as_ref());
    lines.some("optional", one.optional.then_some(true));
    for fact in &one.facts {
        constraint(&mut lines, &fact.constraint);
    }
    if !one.alternatives.is_empty() {
        let tables = one.alternatives.iter().map(|table| {
            let mut lines = Lines::default();
            user(&mut lines, table.usage, table.driver.as_ref());
            table.facts.iter().for_each(|fact| constraint(&mut lines, &fact.constraint));
            lines.inline()
        });
        lines.add("alternatives", list(tables));
    }
    lines.block("[[participant]]")
}

fn user(lines: &mut Lines, usage: Usages, driver: Option<&Name>) {
    let words = usage.iter().map(heapq_constraints::question::Usage::word);
    lines.some("usage", usage.iter().next().map(|_| texts(words)));
    lines.some("driver", driver.map(|driver| format!("{driver:?}")));
}

fn constraint(lines: &mut Lines, need: &Constraint) {
    let value = match need {
        Constraint::Link(names)
        | Constraint::Heaps(names)
        | Constraint::Avoid(names)
        | Constraint::Prefer(names) => texts(names),
        Constraint::Contiguous(is) | Constraint::DmaCoherent(is) | Constraint::Unknown(is) => {
            is.to_string()
        }
        Constraint::AddressBits(bits) => bits.to_string(),
        Constraint::AddressWindow(window) => windows(window),
        Constraint::Access(set) => access(*set),
        Constraint::Protected(Protection::Required) => "\"required\"".into(),
        Constraint::Protected(Protection::Accepted) => "\"accepted\"".into(),
        Constraint::Protected(Protection::Refused) => "\"refused\"".into(),
        Constraint::Held(count)
        | Constraint::Dedicated(count)
        | Constraint::Shared(count)
        | Constraint::MinCount(count)
        | Constraint::MaxCount(count) => count.to_string(),
        Constraint::BaseAlignment(bytes)
        | Constraint::MinSize(bytes)
        | Constraint::MaxSize(bytes)
        | Constraint::Padding(bytes) => bytes.to_string(),
        Constraint::Attribute(name, values) => {
            return lines.add(&format!("attribute.{name:?}"), texts(values));
        }
        Constraint::Format(entries) => list(entries.iter().map(format)),
    };
    lines.add(need.kind(), value);
}

fn pick(pick: &Pick) -> String {
    match pick {
        Pick::Any => "\"*\"".into(),
        Pick::One(name) => format!("{name:?}"),
    }
}

fn format(entry: &FormatEntry) -> String {
    let mut lines = Lines::default();
    lines.add("fourcc", pick(&entry.fourcc));
    lines.add("modifiers", list(entry.modifiers.iter().map(pick)));
    let extents = [
        ("min-extent", entry.min_extent),
        ("max-extent", entry.max_extent),
        ("extent-alignment", entry.extent_alignment),
        ("block", entry.block),
    ];
    for (key, extent) in extents {
        lines.some(key, extent.map(list));
    }
    let fits = (!entry.must_fit.is_empty()).then(|| list(entry.must_fit.iter().map(list)));
    lines.some("must-fit", fits);
    lines.some("min-stride", entry.min_stride);
    lines.some("max-stride", entry.max_stride);
    lines.some("stride-alignment", entry.stride_alignment);
    lines.some("whole-pixel-rows", entry.whole_pixel_rows.then_some(true));
    lines.some("offset-alignment", entry.offset_alignment);
    lines.some(
        "planes",
        entry.planes.map(|planes| match planes {
            Planes::Joint => "\"joint\"",
            Planes::Separate => "\"separate\"",
        }),
    );
    if !entry.plane.is_empty() {
        let mut planes = Lines::default();
        for (number, needs) in &entry.plane {
            let mut own = Lines::default();
            needs.iter().for_each(|need| constraint(&mut own, need));
            planes.add(&number.to_string(), own.inline());
        }
        lines.add("plane", planes.inline());
    }
    lines.some("apart", (!entry.apart.is_empty()).then(|| list(entry.apart.iter().map(list))));
    lines.inline()
}
