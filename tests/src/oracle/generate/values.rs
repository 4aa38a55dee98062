//! Random constraints.

use super::Topic::{
    self, Access, Address, Alignment, Attribute, Contiguous, Count, Format, Link, Lists, Planes,
    Prefer, Protected, Reach, Reserved, Size, Unknown,
};
use super::formats;
use crate::oracle::draw::Draw;
use heapq_constraints::fact::{AccessSet, Protection, Windows};
use heapq_constraints::{Constraint, Name};

/// A heap that exists, a second name, a role, and a name that nobody bears.
const NAMES: [&str; 7] = ["alpha", "beta", "gamma", "delta", "default-role", "alpha-too", "ghost"];
/// Byte sizes around pages, figures of images, and the end of the range of TOML.
pub(super) const SIZES: [u64; 11] =
    [100, 4095, 4096, 4097, 8192, 12288, 24576, 65536, 65536, 1 << 40, (1 << 63) - 1];
const COUNTS: [u32; 7] = [1, 1, 2, 3, 4, 8, u32::MAX];

pub(super) fn names(draw: &mut Draw, most: usize) -> Vec<Name> {
    let number = 1 + draw.below(most);
    let known = if draw.chance(70) { &NAMES[..3] } else { &NAMES[..] };
    draw.some(known, number).into_iter().map(Name::from).collect()
}

pub(super) fn constraint(draw: &mut Draw, topic: Topic, fourccs: &[&str]) -> Option<Constraint> {
    Some(match topic {
        Lists if draw.chance(70) => Constraint::Heaps(names(draw, 3)),
        Lists => Constraint::Avoid(names(draw, 2)),
        Link if draw.chance(8) => Constraint::Link(Vec::new()),
        Link => Constraint::Link(names(draw, 2)),
        Prefer => Constraint::Prefer(names(draw, 3)),
        Contiguous if draw.chance(30) => return constraint(draw, Lists, fourccs),
        Contiguous => Constraint::Contiguous(draw.chance(85)),
        Address => Constraint::AddressBits(draw.pick(&[28, 30, 31, 32, 32, 36, 36, 63, 64, 1])),
        Reach => Constraint::AddressWindow(window(draw)?),
        Alignment => {
            let usual = [1, 2, 4096, 4096, 8192, 8192, 12288];
            let rare = [3, 65536, 1 << 40, 1 << 62, (1 << 63) - 1];
            let all = if draw.chance(85) { &usual[..] } else { &rare };
            Constraint::BaseAlignment(draw.pick(all))
        }
        Access if draw.chance(60) => Constraint::Access(modes(draw)),
        Access => Constraint::DmaCoherent(draw.chance(15)),
        Protected => {
            let modes = [
                Protection::Required,
                Protection::Accepted,
                Protection::Accepted,
                Protection::Refused,
            ];
            Constraint::Protected(draw.pick(&modes))
        }
        Count => count(draw),
        Size => size(draw),
        Attribute => {
            let values = draw.pick(&[&["0"][..], &["1"], &["0", "1"], &["1", "2"], &["*"]]);
            let name = draw.pick(&["vendor,tile-bank", "color-space"]);
            Constraint::Attribute(name.into(), values.iter().map(|it| Name::from(*it)).collect())
        }
        Unknown => Constraint::Unknown(draw.chance(70)),
        Format => Constraint::Format(formats::entries(draw, fourccs, false)),
        Planes => Constraint::Format(formats::entries(draw, fourccs, true)),
        Reserved => return None,
    })
}

fn count(draw: &mut Draw) -> Constraint {
    let count = draw.pick(&COUNTS);
    match draw.below(6) {
        0 | 1 => Constraint::Held(count),
        2 => Constraint::Dedicated(count),
        3 => Constraint::Shared(count),
        4 => Constraint::MinCount(count),
        _ => Constraint::MaxCount(draw.pick(&[1, 2, 3, 4, 5, 8, 0].map(|it: u32| it.max(1)))),
    }
}

fn size(draw: &mut Draw) -> Constraint {
    let size = draw.pick(&SIZES);
    match draw.below(4) {
        0 | 1 => Constraint::MinSize(if draw.chance(10) { 0 } else { size }),
        2 => Constraint::MaxSize(size),
        _ => Constraint::Padding(size),
    }
}

pub(super) fn access(draw: &mut Draw) -> AccessSet {
    let bits = 1 + draw.below(7);
    AccessSet { coherent: bits & 1 != 0, sync: bits & 2 != 0, none: bits & 4 != 0 }
}

/// Of a participant: rarely `none` alone, which a CPU user must not say.
fn modes(draw: &mut Draw) -> AccessSet {
    let set = access(draw);
    let none_alone = !(set.coherent || set.sync);
    if none_alone && draw.chance(80) { AccessSet { sync: true, ..set } } else { set }
}

/// Borders that heaps share, so that they touch, overlap by a page, and leave gaps.
pub(super) fn window(draw: &mut Draw) -> Option<Windows> {
    let borders =
        [0, 4096, 0x1000_0000, 0x4000_0000, 0x4000_1000, 0x8000_0000, 1 << 32, 1 << 36, 1 << 62];
    let mut pairs = Vec::new();
    for _ in 0..draw.pick(&[1, 1, 1, 2]) {
        let first = draw.below(borders.len() - 1);
        let end = first + 1 + draw.below(borders.len() - 1 - first);
        pairs.push((borders[first], borders[end]));
    }
    Windows::new(pairs)
}
