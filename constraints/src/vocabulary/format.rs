//! `[[participant.format]]`: one choice of pixel format with what it needs.

use super::reader::{Complaints, Rule, integer, list, pair, shown, some, word};
use super::shape::{
    BOOLEAN, COUNT, COUNT_FROM_1, EXTENT, Kind, NAME, Shape, integer as integer_from,
    list as list_of, words,
};
use super::{bounds, constraint};
use crate::Constraint;
use crate::fact::{FormatEntry, Pick, Planes};
use crate::layout;
use crate::value::{Entry, Node, Table, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

const KEYS: [&str; 14] = [
    "fourcc",
    "modifiers",
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
    "planes",
    "plane",
];
/// The planes that there may be, as keys of `plane`: up to [`bounds::LAST_PLANE`].
const PLANE_NUMBERS: [&str; 4] = ["0", "1", "2", "3"];
/// The last key, apart so that the list above stays what most tables use.
const APART: &str = "apart";

/// Reads all entries of one participant. `None`: there is nothing to go on with; the complaints
/// are under `P.format`.
pub(super) fn entries(node: &Node, complaints: &mut Complaints<'_>) -> Option<Vec<FormatEntry>> {
    let tables = some(node, bounds::FORMATS, |one| match &one.value {
        Value::Table(table) => Ok(table),
        other => Err(format!("a list of tables, found {} in it", other.kind())),
    });
    let tables = complaints.check_at("format", node, tables)?;
    let mut inside = Complaints::new(format!("{}.format", complaints.owner));
    let read: Vec<FormatEntry> = tables.into_iter().map(|table| one(table, &mut inside)).collect();
    let sound = inside.list.is_empty();
    complaints.list.append(&mut inside.list);
    if sound && overlapping(&read) {
        let rule = "entries that cover no pair of fourcc and modifier twice".to_owned();
        complaints.add("format", shown(&node.value), rule, node.at);
    }
    Some(read)
}

fn one(table: &Table, complaints: &mut Complaints<'_>) -> FormatEntry {
    let mut read = FormatEntry {
        fourcc: Pick::Any,
        modifiers: vec![Pick::One(layout::LINEAR.into())],
        min_extent: None,
        max_extent: None,
        must_fit: Vec::new(),
        extent_alignment: None,
        min_stride: None,
        max_stride: None,
        stride_alignment: None,
        whole_pixel_rows: false,
        block: None,
        offset_alignment: None,
        planes: None,
        plane: BTreeMap::new(),
        apart: Vec::new(),
    };
    let before = complaints.list.len();
    for entry in &table.entries {
        if entry.key == "plane" {
            read.plane = planes(entry, complaints);
        } else if KEYS.contains(&entry.key.as_str()) || entry.key == APART {
            let good = property(&mut read, entry);
            complaints.check(entry, good);
        } else {
            complaints.unknown(entry, &[&KEYS[..], &[APART]].concat());
        }
    }
    complaints.require(table, &["fourcc"]);
    if complaints.list.len() == before {
        fits_together(&read, table, complaints);
    }
    read
}

/// A row for each key but `plane`: what kind of value it takes, and where it goes.
macro_rules! properties {
    ($($key:literal: $kind:expr => $field:ident $(.$some:ident)?,)*) => {
        fn property(read: &mut FormatEntry, entry: &Entry) -> Result<(), Rule> {
            match entry.key.as_str() {
                $($key => read.$field = ($kind.read)(&entry.node)$(.map($some))? ?,)*
                _ => {}
            }
            Ok(())
        }

        fn property_shape(key: &str) -> Option<Shape> {
            match key {
                $($key => Some(($kind.shape)()),)*
                _ => None,
            }
        }
    };
}

properties! {
    "fourcc": FOURCC => fourcc,
    "modifiers": MODIFIERS => modifiers,
    "min-extent": EXTENT => min_extent.Some,
    "max-extent": EXTENT => max_extent.Some,
    "must-fit": EXTENTS => must_fit,
    "extent-alignment": POWERS_OF_TWO => extent_alignment.Some,
    "min-stride": COUNT => min_stride.Some,
    "max-stride": COUNT => max_stride.Some,
    "stride-alignment": COUNT_FROM_1 => stride_alignment.Some,
    "whole-pixel-rows": BOOLEAN => whole_pixel_rows,
    "block": POWERS_OF_TWO => block.Some,
    "offset-alignment": COUNT_FROM_1 => offset_alignment.Some,
    "planes": PLANES => planes.Some,
    "apart": PLANES_APART => apart,
}

const PLANE_WORDS: [(&str, Planes); 2] = [("joint", Planes::Joint), ("separate", Planes::Separate)];
pub(super) const FOURCC: Kind<Pick> = Kind { read: fourcc, shape: || Shape::Code { most: 4 } };
const MODIFIERS: Kind<Vec<Pick>> = Kind {
    read: |node| some(node, bounds::LIST, modifier),
    shape: || list_of((NAME.shape)(), 1, bounds::LIST),
};
const EXTENTS: Kind<Vec<[u32; 2]>> = Kind {
    read: |node| list(node, bounds::MUST_FIT, EXTENT.read),
    shape: || list_of((EXTENT.shape)(), 0, bounds::MUST_FIT),
};
const POWERS_OF_TWO: Kind<[u32; 2]> = Kind { read: powers_of_two, shape: EXTENT.shape };
const PLANES: Kind<Planes> =
    Kind { read: |node| word(node, &PLANE_WORDS), shape: || words(&PLANE_WORDS) };
const PLANES_APART: Kind<Vec<Vec<u8>>> = Kind {
    read: |node| list(node, bounds::APART, |one| list(one, bounds::APART, plane)),
    shape: || {
        let planes = list_of(integer_from(0, bounds::LAST_PLANE), 0, bounds::APART);
        list_of(planes, 0, bounds::APART)
    },
};

/// What an entry of `format` takes.
pub(super) fn shape() -> Shape {
    let needs =
        constraint::OF_PLANES.iter().filter_map(|key| Some((*key, constraint::shape(key)?)));
    let needs = Shape::Table { keys: needs.collect(), required: Vec::new() };
    let planes = Shape::Table {
        keys: PLANE_NUMBERS.iter().map(|number| (*number, needs.clone())).collect(),
        required: Vec::new(),
    };
    let plain = KEYS.iter().chain([&APART]).filter_map(|key| Some((*key, property_shape(key)?)));
    let keys = plain.chain([("plane", planes)]).collect();
    Shape::Table { keys, required: vec!["fourcc"] }
}

fn powers_of_two(node: &Node) -> Result<[u32; 2], Rule> {
    let found = pair(node, |part| integer(part, 1_u32))?;
    if found.iter().all(|part| part.is_power_of_two()) {
        Ok(found)
    } else {
        Err("[width, height], each a power of two".to_owned())
    }
}

fn plane(node: &Node) -> Result<u8, Rule> {
    let number = integer::<u32>(node, 0)?;
    u8::try_from(number)
        .ok()
        .filter(|plane| *plane <= bounds::LAST_PLANE)
        .ok_or_else(|| format!("planes from 0 to {}", bounds::LAST_PLANE))
}

/// A [`code`] where `*` may stand, as a refusal says.
pub(super) fn fourcc(node: &Node) -> Result<Pick, Rule> {
    code(node).map_err(|rule| format!("{rule}, or \"*\""))
}

/// `*`, or one to four printable characters. DRM pads short ones with spaces; nobody writes them.
pub(super) fn code(node: &Node) -> Result<Pick, Rule> {
    let rule = || "a DRM fourcc of one to four characters such as \"NV12\"".to_owned();
    let Value::Text(text) = &node.value else { return Err(rule()) };
    let code = text.trim_end_matches(' ');
    match code {
        "*" => Ok(Pick::Any),
        _ if (1..=4).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Pick::One(code.into()))
        }
        _ => Err(rule()),
    }
}

pub(super) fn modifier(node: &Node) -> Result<Pick, Rule> {
    let name = super::reader::name(node)?;
    let hexadecimal = name.strip_prefix("0x");
    match hexadecimal {
        _ if &*name == "*" => Ok(Pick::Any),
        Some(digits) if number(digits).is_none() => {
            Err("\"linear\", a name, or \"0x…\" of at most 64 bits".to_owned())
        }
        _ => Ok(Pick::One(name)),
    }
}

/// 64 bits in hexadecimal digits, without a sign.
fn number(digits: &str) -> Option<u64> {
    let unsigned = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| unsigned)
}

/// What makes two spellings of a modifier the same: `0x0` is linear, and leading zeros say nothing.
pub(crate) fn modifier_key(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("0x").and_then(number) {
        Some(0) => Cow::Borrowed(layout::LINEAR),
        Some(number) => Cow::Owned(format!("0x{number:x}")),
        _ => Cow::Borrowed(name),
    }
}

/// `plane = { 0 = { … } }`.
fn planes(entry: &Entry, complaints: &mut Complaints<'_>) -> BTreeMap<u8, Vec<Constraint>> {
    let mut read = BTreeMap::new();
    let Value::Table(table) = &entry.node.value else {
        let rule = format!("a table of planes, found {}", entry.node.value.kind());
        complaints.check(entry, Err::<(), _>(rule));
        return read;
    };
    for one in &table.entries {
        let number = one.key.parse().ok().filter(|plane| *plane <= bounds::LAST_PLANE);
        let (Some(number), Value::Table(needs)) = (number, &one.node.value) else {
            let rule = format!("planes from 0 to {}, each a table", bounds::LAST_PLANE);
            complaints.add("plane", shown(&one.node.value), rule, one.at.or(one.node.at));
            continue;
        };
        read.insert(number, plane_needs(needs, complaints));
    }
    read
}

fn plane_needs(table: &Table, complaints: &mut Complaints<'_>) -> Vec<Constraint> {
    let mut inside = Complaints::new(format!("{}.plane", complaints.owner));
    let mut needs = Vec::new();
    for entry in &table.entries {
        match constraint::plain(&entry.key, &entry.node) {
            Some(read) if constraint::OF_PLANES.contains(&entry.key.as_str()) => {
                needs.extend(inside.check(entry, read));
            }
            _ => inside.unknown(entry, &constraint::OF_PLANES),
        }
    }
    complaints.list.append(&mut inside.list);
    needs
}

/// The rules about several keys of one entry.
fn fits_together(read: &FormatEntry, table: &Table, complaints: &mut Complaints<'_>) {
    let mut complain = |key: &str, rule: &str| {
        let node = table.get(key);
        let value = node.map_or_else(|| "(absent)".to_owned(), |node| shown(&node.value));
        complaints.add(key, value, rule.to_owned(), node.and_then(|node| node.at));
    };
    if let Some([_, height]) = read.block {
        let linear = read.modifiers.iter().all(|modifier| match modifier {
            Pick::Any => false,
            Pick::One(name) => modifier_key(name) == layout::LINEAR,
        });
        let one_plane = match &read.fourcc {
            Pick::Any => false,
            Pick::One(code) => layout::planes(code) == 1,
        };
        if !one_plane || !linear {
            complain("block", "only for a stated fourcc of one plane that is linear");
        } else if height > 1 && read.max_extent.is_none() {
            complain("block", "a height above 1 needs max-extent in the same entry");
        }
    }
    if !read.plane.is_empty() && read.planes != Some(Planes::Separate) {
        complain("plane", "needs planes = \"separate\" in the same entry");
    }
}

/// Modifiers that earlier entries of some fourcc covered.
#[derive(Default)]
struct Covered<'a> {
    any: bool,
    names: HashSet<Cow<'a, str>>,
}

impl<'a> Covered<'a> {
    fn meets(&self, modifiers: &'a [Pick]) -> bool {
        modifiers.iter().any(|modifier| match modifier {
            Pick::Any => self.any || !self.names.is_empty(),
            Pick::One(name) => self.any || self.names.contains(&modifier_key(name)),
        })
    }

    fn add(&mut self, modifiers: &'a [Pick]) {
        for modifier in modifiers {
            match modifier {
                Pick::Any => self.any = true,
                Pick::One(name) => {
                    self.names.insert(modifier_key(name));
                }
            }
        }
    }
}

/// Whether two entries cover one pair of fourcc and modifier. One pass, since lists may be long.
pub(crate) fn overlapping(entries: &[FormatEntry]) -> bool {
    let (mut all, mut any) = (Covered::default(), Covered::default());
    let mut by_code: HashMap<&str, Covered> = HashMap::new();
    for entry in entries {
        let modifiers = &entry.modifiers;
        let met = match &entry.fourcc {
            Pick::Any => all.meets(modifiers),
            Pick::One(code) => {
                any.meets(modifiers) || by_code.get(&**code).is_some_and(|c| c.meets(modifiers))
            }
        };
        if met {
            return true;
        }
        all.add(modifiers);
        match &entry.fourcc {
            Pick::Any => any.add(modifiers),
            Pick::One(code) => by_code.entry(code).or_default().add(modifiers),
        }
    }
    false
}
