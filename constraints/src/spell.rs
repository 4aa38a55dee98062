//! Constraints in the spelling of the vocabulary, for explanations: `address-bits = 32`.

use crate::fact::{Access, AccessSet, FormatEntry, Pick, Planes, Protection, Windows};
use crate::heap::Heap;
use crate::kind::address;
use crate::kind::format::Keys;
use crate::{Constraint, Name};
use std::sync::OnceLock;

/// `key = value`, as a case file would say it; of a format the pairs that it covers.
pub(crate) fn constraint(constraint: &Constraint) -> String {
    format!("{} = {}", constraint.key(), value(constraint))
}

/// [`constraint`], to be kept. What defaults say, and thousands of facts, is spelt once for all.
pub(crate) fn shared(constraint: &Constraint) -> Name {
    static CONTIGUOUS: OnceLock<Name> = OnceLock::new();
    static UNSNOOPED: OnceLock<Name> = OnceLock::new();
    static REFUSED: OnceLock<Name> = OnceLock::new();
    static CPU: OnceLock<Name> = OnceLock::new();
    static BITS: [OnceLock<Name>; 65] = [const { OnceLock::new() }; 65];
    let spelt = || self::constraint(constraint).into();
    let known = match constraint {
        Constraint::Contiguous(true) => Some(&CONTIGUOUS),
        Constraint::DmaCoherent(false) => Some(&UNSNOOPED),
        Constraint::Protected(Protection::Refused) => Some(&REFUSED),
        Constraint::Access(AccessSet::CPU) => Some(&CPU),
        Constraint::AddressBits(bits) => BITS.get(usize::from(*bits)),
        _ => None,
    };
    known.map_or_else(spelt, |known| known.get_or_init(spelt).clone())
}

fn value(constraint: &Constraint) -> String {
    match constraint {
        Constraint::Link(names)
        | Constraint::Heaps(names)
        | Constraint::Avoid(names)
        | Constraint::Prefer(names)
        | Constraint::Attribute(_, names) => list(names),
        Constraint::Contiguous(value)
        | Constraint::DmaCoherent(value)
        | Constraint::Unknown(value) => value.to_string(),
        Constraint::AddressBits(bits) => bits.to_string(),
        Constraint::AddressWindow(places) => windows(places),
        Constraint::Access(modes) => access(*modes),
        Constraint::Protected(mind) => format!("\"{}\"", protection(*mind)),
        Constraint::Held(count)
        | Constraint::Dedicated(count)
        | Constraint::Shared(count)
        | Constraint::MinCount(count)
        | Constraint::MaxCount(count) => count.to_string(),
        Constraint::BaseAlignment(bytes)
        | Constraint::MinSize(bytes)
        | Constraint::MaxSize(bytes)
        | Constraint::Padding(bytes) => bytes.to_string(),
        Constraint::Format(entries) => choices(entries),
    }
}

/// How many parts of a long list an explanation shows.
const SHOWN: usize = 8;

fn joined(parts: impl ExactSizeIterator<Item = String>) -> String {
    let all = parts.len();
    let mut shown: Vec<String> = parts.take(SHOWN).collect();
    if all > SHOWN {
        shown.push(format!("… {all} in all"));
    }
    format!("[{}]", shown.join(", "))
}

/// `["a", "b"]`
pub(crate) fn list(names: &[Name]) -> String {
    joined(names.iter().map(|name| format!("\"{name}\"")))
}

fn windows(windows: &Windows) -> String {
    joined(windows.intervals().iter().map(|(first, end)| format!("[{first:#x}, {end:#x}]")))
}

fn access(modes: AccessSet) -> String {
    let all = [
        (modes.coherent, Access::Coherent),
        (modes.sync, Access::Sync),
        (modes.none, Access::None),
    ];
    let words: Vec<&str> =
        all.iter().filter(|(has, _)| *has).map(|(_, mode)| mode.word()).collect();
    joined(words.iter().map(|word| format!("\"{word}\"")))
}

fn protection(mind: Protection) -> &'static str {
    match mind {
        Protection::Required => "required",
        Protection::Accepted => "accepted",
        Protection::Refused => "refused",
    }
}

/// `["NV12 (linear)", "XR24 (X, linear)"]`
pub(crate) fn choices(entries: &[FormatEntry]) -> String {
    let pick = |pick: &Pick| match pick {
        Pick::Any => "*".to_owned(),
        Pick::One(name) => name.to_string(),
    };
    joined(entries.iter().map(|entry| {
        let mut modifiers: Vec<String> = entry.modifiers.iter().take(SHOWN).map(pick).collect();
        if entry.modifiers.len() > SHOWN {
            modifiers.push("…".to_owned());
        }
        format!("\"{} ({})\"", pick(&entry.fourcc), modifiers.join(", "))
    }))
}

/// What `entry` says under `key`, if it does.
pub(crate) fn format_key(entry: &FormatEntry, key: Keys) -> Option<String> {
    let pair = |pair: Option<[u32; 2]>| pair.map(|[w, h]| format!("[{w}, {h}]"));
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let some = |text: String, there: bool| there.then_some(text);
    match key {
        Keys::MIN_EXTENT => pair(entry.min_extent),
        Keys::MAX_EXTENT => pair(entry.max_extent),
        Keys::MUST_FIT => {
            let images = entry.must_fit.iter().map(|[w, h]| format!("[{w}, {h}]"));
            some(joined(images), !entry.must_fit.is_empty())
        }
        Keys::EXTENT_ALIGNMENT => pair(entry.extent_alignment),
        Keys::MIN_STRIDE => number(entry.min_stride),
        Keys::MAX_STRIDE => number(entry.max_stride),
        Keys::STRIDE_ALIGNMENT => number(entry.stride_alignment),
        Keys::WHOLE_PIXEL_ROWS => some("true".to_owned(), entry.whole_pixel_rows),
        Keys::BLOCK => pair(entry.block),
        Keys::OFFSET_ALIGNMENT => number(entry.offset_alignment),
        Keys::PLANE => some(planes(entry), !entry.plane.is_empty()),
        _ => {
            let lists = entry.apart.iter().map(|list| format!("{list:?}"));
            some(joined(lists), !entry.apart.is_empty())
        }
    }
}

fn planes(entry: &FormatEntry) -> String {
    let needs = |needs: &[Constraint]| needs.iter().map(constraint).collect::<Vec<_>>().join(", ");
    let all = entry.plane.iter().map(|(plane, of)| format!("{plane} = {{ {} }}", needs(of)));
    format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
}

/// What `heap` has under the key of a constraint that rules it out.
pub(crate) fn heap_has(heap: &Heap, key: &str) -> String {
    let key = heap_key(heap, key);
    let bytes = |bytes: Option<u64>| bytes.map_or_else(String::new, |bytes| bytes.to_string());
    let value = match key {
        "contiguous" => heap.contiguous.to_string(),
        "address-bits" => heap.address_bits.to_string(),
        "address-window" => heap.address_window.as_ref().map_or_else(String::new, windows),
        "alignment" => heap.alignment.to_string(),
        "access" => access(heap.access),
        "cached" => heap.cached.to_string(),
        "protected" => heap.protected.to_string(),
        "max-size" => bytes(heap.max_size),
        "capacity" => bytes(heap.capacity),
        "present" => heap.present.to_string(),
        "permitted" => heap.permitted.to_string(),
        "reserved-for" => list(&heap.reserved_for),
        "bank" => format!("\"{}\"", heap.bank.as_deref().unwrap_or_default()),
        _ => format!("\"{}\"", heap.name),
    };
    format!("{key} = {value}")
}

/// The key of the property that decides when a constraint under `key` rules `heap` out: what
/// [`heap_has`] shows. Of the two that say where buffers may lie, the one that bounds them.
pub(crate) fn heap_key<'k>(heap: &Heap, key: &'k str) -> &'k str {
    match key {
        "address-bits" | "address-window" if address::by_window(heap) => "address-window",
        "address-bits" | "address-window" => "address-bits",
        "base-alignment" => "alignment",
        "dma-coherent" => "cached",
        "absent" => "present",
        "not-permitted" => "permitted",
        "reserved" => "reserved-for",
        "heaps" | "link" | "avoid" | "apart" => "name",
        other => other,
    }
}

impl Access {
    /// The word of the vocabulary.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Coherent => "coherent",
            Self::Sync => "sync",
            Self::None => "none",
        }
    }
}

impl Planes {
    /// The word of the vocabulary.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Joint => "joint",
            Self::Separate => "separate",
        }
    }
}
