//! Random settings: small worlds in which conflicts of every kind are likely.
//!
//! Defaults are stated as facts, so that an element can be dropped by dropping what is stated.

use super::{any_entry, of};
use heapq_constraints::fact::{AccessSet, FormatEntry, Pick, Planes, Protection, Windows};
use heapq_constraints::heap::Edge;
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::{Constraint, Heap, Name, Origin, Participant, Question, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A machine and a question.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) heaps: Vec<Heap>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) question: Question,
}

const HEAPS: [&str; 4] = ["cma", "secure", "sram", "system"];
const KINDS: [&str; 2] = ["color", "bank"];

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![6 => (0_usize..4).prop_map(|n| HEAPS[n].into()), 1 => Just("nobody".into())]
}

fn names(least: usize) -> impl Strategy<Value = Vec<Name>> {
    vec(name(), least..3)
}

fn modes() -> impl Strategy<Value = AccessSet> {
    (1_u8..8).prop_map(|bits| AccessSet {
        coherent: bits & 1 != 0,
        sync: bits & 2 != 0,
        none: bits & 4 != 0,
    })
}

fn window() -> impl Strategy<Value = Windows> {
    (0_u64..4, 1_u64..5)
        .prop_map(|(first, more)| Windows::new(vec![(first << 30, (first + more) << 30)]).unwrap())
}

fn heap(index: usize) -> impl Strategy<Value = Heap> {
    let traits = (any::<bool>(), prop_oneof![Just(32_u8), Just(64)], prop::option::of(window()));
    let states = (0..6_u8, 0..6_u8, 0..6_u8, modes(), any::<bool>(), 0_i64..2);
    let bounds = (prop::option::of(20_u32..26), prop::option::of(22_u32..28), 12_u32..17);
    (traits, states, bounds).prop_map(move |(traits, states, (largest, capacity, alignment))| {
        let mut heap = Heap::new(HEAPS[index]);
        (heap.contiguous, heap.address_bits, heap.address_window) = traits;
        (heap.present, heap.permitted) = (states.0 > 0, states.1 > 0);
        heap.protected = states.2 == 0;
        (heap.access, heap.cached, heap.weight) = (states.3, states.4, states.5);
        heap.max_size = largest.map(|bits| 1 << bits);
        heap.capacity = capacity.map(|bits| 1 << bits);
        heap.alignment = 1 << alignment;
        heap.reserved_for = if states.0 == 1 { vec!["decode".into()] } else { vec![] };
        heap
    })
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let bytes = || (1_u32..26).prop_map(|bits| 1_u64 << bits);
    prop_oneof![
        names(0).prop_map(Constraint::Link),
        names(1).prop_map(Constraint::Heaps),
        names(0).prop_map(Constraint::Avoid),
        names(0).prop_map(Constraint::Prefer),
        any::<bool>().prop_map(Constraint::Contiguous),
        prop_oneof![Just(31_u8), Just(32), Just(40)].prop_map(Constraint::AddressBits),
        window().prop_map(Constraint::AddressWindow),
        (10_u32..18).prop_map(|bits| Constraint::BaseAlignment(1 << bits)),
        any::<bool>().prop_map(Constraint::DmaCoherent),
        (0_u32..5).prop_map(Constraint::Held),
        (0_u32..3).prop_map(Constraint::Dedicated),
        (0_u32..3).prop_map(Constraint::Shared),
        (0_u32..8).prop_map(Constraint::MinCount),
        (1_u32..10).prop_map(Constraint::MaxCount),
        bytes().prop_map(Constraint::MinSize),
        bytes().prop_map(Constraint::MaxSize),
        (0_u64..9000).prop_map(Constraint::Padding),
        (0_usize..2, vec(0_u8..3, 1..3)).prop_map(|(kind, values)| {
            let values = values.iter().map(|value| value.to_string().as_str().into()).collect();
            Constraint::Attribute(KINDS[kind].into(), values)
        }),
        prop::bool::weighted(0.2).prop_map(Constraint::Unknown),
        formats().prop_map(Constraint::Format),
    ]
}

fn formats() -> impl Strategy<Value = Vec<FormatEntry>> {
    vec(entry(), 1..3).prop_map(|mut entries| {
        // One entry for each fourcc: entries of one list may not overlap.
        let mut seen = BTreeSet::new();
        entries.retain(|entry| seen.insert(entry.fourcc.clone()));
        entries
    })
}

fn entry() -> impl Strategy<Value = FormatEntry> {
    let codes = prop_oneof![Just("NV12"), Just("XR24"), Just("YU12"), Just("MJPG")];
    let extent = || prop::option::of((1_u32..3000, 1_u32..3000).prop_map(|(w, h)| [w, h]));
    let extents = (extent(), extent(), vec((1_u32..3000, 1_u32..3000), 0..2));
    let strides = (
        prop::option::of(1_u32..9000),
        prop::option::of(1000_u32..20000),
        prop::option::of(1_u32..300),
        prop::option::weighted(0.3, 0_u32..5),
        prop::option::weighted(0.3, 0_u32..13),
    );
    let planes = (0..4_u8, any::<bool>(), any::<bool>(), any::<bool>(), names(1));
    (codes, any::<bool>(), extents, strides, planes).prop_map(
        |(code, tiled, extents, strides, planes)| {
            let (separate, apart, needs, ..) = (planes.0 == 0, planes.1, planes.2);
            let mut modifiers = vec![Pick::One("linear".into())];
            if tiled {
                modifiers.insert(0, Pick::One("TILED".into()));
            }
            FormatEntry {
                fourcc: Pick::One(code.into()),
                modifiers,
                min_extent: extents.0.filter(|_| planes.3),
                max_extent: extents.1.map(|[w, h]| [w + 1500, h + 1500]),
                must_fit: extents.2.iter().map(|(w, h)| [*w, *h]).collect(),
                min_stride: strides.0,
                max_stride: strides.1,
                stride_alignment: strides.2,
                extent_alignment: strides.3.map(|bits| [1 << bits, 2]),
                offset_alignment: strides.4.map(|bits| 1 << bits),
                planes: separate.then_some(Planes::Separate),
                plane: if separate && needs {
                    BTreeMap::from([(0, vec![Constraint::Heaps(planes.4)])])
                } else {
                    BTreeMap::new()
                },
                apart: if separate && apart { vec![vec![0, 1]] } else { vec![] },
                ..any_entry()
            }
        },
    )
}

/// A participant that states its defaults.
fn participant(index: usize, plain: bool) -> impl Strategy<Value = Participant> {
    let tables =
        prop_oneof![3 => Just(vec![]), 1 => vec![vec(heapless(), 0..2), vec(heapless(), 0..2)]];
    let who = (0..4_u8, 0..5_u8, modes(), prop::bool::weighted(0.2));
    (vec(constraint(), 0..5), tables, who).prop_map(move |(mut facts, tables, who)| {
        let (usage, mind, access, optional) = who;
        let cpu = usage == 0;
        let mind = match mind {
            0 if !cpu => Protection::Required,
            1 => Protection::Accepted,
            _ => Protection::Refused,
        };
        facts.push(Constraint::Protected(mind));
        let none = AccessSet { coherent: false, sync: false, none: true };
        facts.push(Constraint::Access(if cpu && access == none { AccessSet::CPU } else { access }));
        let mut participant = of(format!("p{index}"), facts, if plain { vec![] } else { tables });
        participant.optional = optional && !plain;
        let word = [Usage::CpuRead, Usage::Decode, Usage::Scanout, Usage::Capture];
        participant.usage = Usages::from_iter([word[usize::from(usage)]]);
        participant
    })
}

/// A constraint for a table of alternatives, on which no default depends.
fn heapless() -> impl Strategy<Value = Constraint> {
    prop_oneof![
        any::<bool>().prop_map(Constraint::Contiguous),
        (0_u32..5).prop_map(Constraint::Held),
        (1_u32..10).prop_map(Constraint::MaxCount),
        (12_u32..24).prop_map(|bits| Constraint::MinSize(1 << bits)),
        names(1).prop_map(Constraint::Heaps),
        names(1).prop_map(Constraint::Avoid),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let bytes = || prop::option::weighted(0.3, (16_u32..28).prop_map(|bits| 1_u64 << bits));
    let seed = prop::option::weighted(0.2, 0_u32..9);
    (seed, prop::bool::weighted(0.2), bytes(), bytes()).prop_map(
        |(seed_count, strict, limit_buffer, limit_total)| Request {
            seed_count,
            strict,
            limit_buffer,
            limit_total,
        },
    )
}

fn of_kind(plain: bool) -> impl Strategy<Value = Setting> {
    let heaps = (heap(0), heap(1), heap(2), heap(3), 1_usize..5).prop_map(|(a, b, c, d, count)| {
        vec![a, b, c, d].into_iter().take(count).collect::<Vec<_>>()
    });
    let edges = vec((name(), name()), 0..3);
    let all = (0..4_usize).map(|n| participant(n, plain)).collect::<Vec<_>>();
    (heaps, edges, all, 0_usize..4, request()).prop_map(
        |(heaps, edges, mut all, count, request)| {
            all.truncate(count);
            // Somebody says how big, so that dropping a size leaves a question with an answer.
            all.push(of(
                "size",
                vec![
                    Constraint::MinSize(1),
                    Constraint::Protected(Protection::Accepted),
                    Constraint::Access(AccessSet::ALL),
                ],
                vec![],
            ));
            all.iter_mut().for_each(|participant| participant.usage.insert(Usage::Encode));
            let edge = |(from, to)| Edge { from, to, origin: Origin::Client };
            Setting {
                heaps,
                edges: edges.into_iter().map(edge).collect(),
                question: Question { participants: all, request },
            }
        },
    )
}

/// Everything.
pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    of_kind(false)
}

/// Nothing optional and no alternatives: the order of participants says nothing.
pub(crate) fn plain_setting() -> impl Strategy<Value = Setting> {
    of_kind(true)
}

impl Setting {
    /// The names of all elements that a conflict of this setting may have.
    pub(crate) fn elements(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        // The one that says how big stays, so that a question is left.
        let dropped = |one: &&Participant| !one.optional && &*one.name != "size";
        let required = self.question.participants.iter().filter(dropped);
        for participant in required {
            for fact in &participant.facts {
                let key = fact.constraint.key();
                names.insert(format!("{}.{key}", participant.name));
                if let Constraint::Format(_) = fact.constraint {
                    let keys = FORMAT_KEYS.iter();
                    names.extend(keys.map(|key| format!("{}.format.{key}", participant.name)));
                }
            }
            if !participant.alternatives.is_empty() {
                names.insert(format!("{}.alternatives", participant.name));
            }
        }
        names.extend(self.heaps.iter().map(|heap| format!("heap.{}", heap.name)));
        let asks = ["seed-count", "strict", "limit-buffer", "limit-total"];
        names.extend(asks.iter().map(|key| format!("request.{key}")));
        names
    }
}

const FORMAT_KEYS: [&str; 12] = [
    "min-extent",
    "max-extent",
    "must-fit",
    "extent-alignment",
    "min-stride",
    "max-stride",
    "stride-alignment",
    "whole-pixel-rows",
    "block",
    "offset-alignment",
    "plane",
    "apart",
];

/// `setting` without one element; `None` where a question cannot say so (`P.format`).
pub(crate) fn element_dropped(mut setting: Setting, element: &str) -> Option<Setting> {
    // Optional participants are in no conflict, and nothing that is dropped brings them in.
    setting.question.participants.retain(|participant| !participant.optional);
    if let Some(heap) = element.strip_prefix("heap.") {
        let heap = setting.heaps.iter_mut().find(|one| &*one.name == heap)?;
        (heap.present, heap.permitted) = (true, true);
        if !heap.reserved_for.is_empty() {
            // It stays one that no edge is derived for.
            heap.reserved_for = Usage::ALL.iter().map(|usage| usage.word().into()).collect();
        }
        return Some(setting);
    }
    if let Some(key) = element.strip_prefix("request.") {
        request_dropped(&mut setting.question, key);
        return Some(setting);
    }
    let (owner, key) = element.split_once('.').filter(|(owner, _)| *owner != "size")?;
    let all = &mut setting.question.participants;
    let participant = all.iter_mut().find(|one| &*one.name == owner)?;
    match key.strip_prefix("format.") {
        Some(key) => format_key_dropped(participant, key),
        None if key == "format" => return None,
        None if key == "alternatives" => participant.alternatives.clear(),
        None => fact_dropped(participant, key),
    }
    Some(setting)
}

fn request_dropped(question: &mut Question, key: &str) {
    let request = &mut question.request;
    match key {
        "strict" => request.strict = false,
        "limit-buffer" => request.limit_buffer = None,
        "limit-total" => request.limit_total = None,
        // A seed of 0 leaves what the bounds say, without the sum.
        _ if request.seed_count.is_some() => request.seed_count = Some(0),
        _ => {}
    }
}

fn fact_dropped(participant: &mut Participant, key: &str) {
    // What is stated keeps its default from coming back.
    for fact in &mut participant.facts {
        if fact.constraint.key() == key {
            match &mut fact.constraint {
                Constraint::Access(modes) => *modes = AccessSet::ALL,
                Constraint::Protected(mind) => *mind = Protection::Accepted,
                other => *other = Constraint::Held(0),
            }
        }
    }
}

fn format_key_dropped(participant: &mut Participant, key: &str) {
    for fact in &mut participant.facts {
        let Constraint::Format(entries) = &mut fact.constraint else { continue };
        for entry in entries {
            match key {
                "min-extent" => entry.min_extent = None,
                "max-extent" => entry.max_extent = None,
                "must-fit" => entry.must_fit.clear(),
                "extent-alignment" => entry.extent_alignment = None,
                "min-stride" => entry.min_stride = None,
                "max-stride" => entry.max_stride = None,
                "stride-alignment" => entry.stride_alignment = None,
                "whole-pixel-rows" => entry.whole_pixel_rows = false,
                "block" => entry.block = None,
                "offset-alignment" => entry.offset_alignment = None,
                "plane" => entry.plane.clear(),
                _ => entry.apart.clear(),
            }
        }
    }
}
