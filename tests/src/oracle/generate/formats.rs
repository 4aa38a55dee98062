//! Random choices of pixel formats.

use super::Topic;
use super::values::{names, window};
use crate::oracle::draw::Draw;
use heapq_constraints::Constraint;
use heapq_constraints::fact::{FormatEntry, Pick, Planes};
use std::collections::BTreeMap;

/// The fourccs of one instance: few, so that participants meet.
pub(super) fn fourccs(draw: &mut Draw, topics: &[Topic]) -> Vec<&'static str> {
    let all = ["R8", "RG24", "XR24", "YUYV", "NV12", "P010", "YU12", "MJPG"];
    let number = draw.pick(&[1, 1, 1, 2, 2, 3]);
    let several = topics.contains(&Topic::Planes) && draw.chance(75);
    draw.some(if several { &all[4..7] } else { &all }, number)
}

/// One participant's entries; two of them rarely cover one pair.
pub(super) fn entries(draw: &mut Draw, fourccs: &[&str], planes: bool) -> Vec<FormatEntry> {
    let number = draw.pick(&[1, 2, 2, 3]);
    let wild = draw.chance(15);
    let picks: Vec<Pick> = if wild {
        vec![Pick::Any]
    } else {
        let known: Vec<&str> = draw.some(fourccs, number);
        known.into_iter().map(|name| Pick::One(name.into())).collect()
    };
    let mut entries: Vec<FormatEntry> =
        picks.into_iter().map(|fourcc| entry(draw, fourcc, planes)).collect();
    if draw.chance(2) {
        let again = entries[0].fourcc.clone();
        entries.push(entry(draw, again, planes));
    }
    entries
}

fn entry(draw: &mut Draw, fourcc: Pick, planes: bool) -> FormatEntry {
    let lists =
        [&["linear"][..], &["linear"], &["linear"], &["X"], &["linear", "X"], &["X", "linear"]];
    let modifiers = if draw.chance(12) {
        vec![Pick::Any]
    } else {
        draw.pick(&lists).iter().map(|name| Pick::One((*name).into())).collect()
    };
    let mut entry = blank(fourcc, modifiers);
    extents(draw, &mut entry);
    if draw.chance(45) {
        rows(draw, &mut entry);
    }
    if planes {
        separate(draw, &mut entry);
    }
    entry
}

pub(super) fn blank(fourcc: Pick, modifiers: Vec<Pick>) -> FormatEntry {
    FormatEntry {
        fourcc,
        modifiers,
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
    }
}

fn extent(draw: &mut Draw) -> [u32; 2] {
    let figures = [1, 2, 3, 15, 16, 17, 33, 64, 64, 100, 128];
    let huge = draw.chance(1);
    [draw.pick(&figures), if huge { u32::MAX } else { draw.pick(&figures) }]
}

fn extents(draw: &mut Draw, entry: &mut FormatEntry) {
    entry.min_extent = draw.chance(60).then(|| extent(draw));
    entry.max_extent = draw.chance(25).then(|| extent(draw).map(|it| it.saturating_mul(2)));
    if draw.chance(20) {
        entry.must_fit = (0..draw.pick(&[1, 2, 2])).map(|_| extent(draw)).collect();
    }
    let powers = [1, 2, 16, 64];
    entry.extent_alignment = draw.chance(25).then(|| [draw.pick(&powers), draw.pick(&powers)]);
}

fn rows(draw: &mut Draw, entry: &mut FormatEntry) {
    let strides = [1, 63, 64, 100, 128, 200, 400, 512, 1024, u32::MAX];
    entry.min_stride = draw.chance(25).then(|| draw.pick(&strides));
    entry.max_stride = draw.chance(25).then(|| draw.pick(&strides));
    let steps = [1, 7, 12, 16, 48, 64, 64, 128, 65536, u32::MAX];
    entry.stride_alignment = draw.chance(30).then(|| draw.pick(&steps));
    entry.whole_pixel_rows = draw.chance(20);
    entry.offset_alignment = draw.chance(20).then(|| draw.pick(&[1, 3, 64, 4096]));
    let one_plane = ["R8", "RG24", "XR24", "YUYV"];
    let stated = one_plane.iter().any(|name| entry.fourcc == Pick::One((*name).into()));
    let linear = entry.modifiers == [Pick::One("linear".into())];
    if stated && linear && draw.chance(30) {
        let height = if entry.max_extent.is_some() { draw.pick(&[1, 2, 4, 16]) } else { 1 };
        entry.block = Some([draw.pick(&[1, 2, 8]), height]);
    }
}

fn separate(draw: &mut Draw, entry: &mut FormatEntry) {
    if draw.chance(20) {
        entry.planes = Some(Planes::Joint);
        return;
    }
    entry.planes = Some(Planes::Separate);
    let numbers = [0, 1, 1, 2];
    if draw.chance(50) {
        for _ in 0..draw.pick(&[1, 1, 2]) {
            let needs = (0..draw.pick(&[1, 1, 2])).map(|_| need(draw));
            let mut needs: Vec<Constraint> = needs.collect();
            needs.sort_by_key(Constraint::kind);
            needs.dedup_by_key(|need| need.kind());
            entry.plane.insert(draw.pick(&numbers), needs);
        }
    }
    if draw.chance(40) {
        entry.apart.push(draw.pick(&[vec![0, 1], vec![1, 2], vec![0, 1, 2], vec![0, 2]]));
    }
}

fn need(draw: &mut Draw) -> Constraint {
    match draw.below(8) {
        0 => Constraint::Heaps(names(draw, 3)),
        7 => Constraint::Avoid(names(draw, 1)),
        1 => Constraint::Link(names(draw, 2)),
        2 => Constraint::Avoid(names(draw, 2)),
        3 => Constraint::AddressBits(draw.pick(&[30, 32, 64])),
        4 => Constraint::BaseAlignment(draw.pick(&[1, 4096, 8192])),
        5 => window(draw).map_or(Constraint::Contiguous(false), Constraint::AddressWindow),
        _ => Constraint::Contiguous(true),
    }
}
