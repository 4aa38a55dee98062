//! Random heaps and edges.

use super::Topic;
use super::values::{SIZES, access, window};
use crate::oracle::draw::Draw;
use heapq_constraints::fact::AccessSet;
use heapq_constraints::heap::Edge;
use heapq_constraints::{Heap, Name, Origin};

pub(super) fn heaps(draw: &mut Draw, topics: &[Topic]) -> Vec<Heap> {
    let number = draw.pick(&[1, 2, 2, 3, 3, 4]);
    let mut heaps: Vec<Heap> = ["alpha", "beta", "gamma", "delta"][..number]
        .iter()
        .map(|name| heap(draw, name, topics))
        .collect();
    if draw.chance(40) {
        heaps[0].aliases.push("alpha-too".into());
    }
    if draw.chance(40) {
        let bearer = draw.below(number);
        heaps[bearer].roles.push("default-role".into());
    }
    heaps
}

/// Each property follows the topics, so that needs and properties meet.
fn heap(draw: &mut Draw, name: &str, topics: &[Topic]) -> Heap {
    let mut heap = Heap::new(name);
    let about = |topic| topics.contains(&topic);
    let often = |is: bool, yes, no| if is { yes } else { no };
    heap.contiguous = draw.chance(often(about(Topic::Contiguous), 50, 20));
    if draw.chance(often(about(Topic::Address), 60, 10)) {
        heap.address_bits = draw.pick(&[1, 28, 30, 32, 36, 63, 64]);
    }
    if draw.chance(often(about(Topic::Reach) || about(Topic::Address), 50, 5)) {
        heap.address_window = window(draw);
    }
    if draw.chance(often(about(Topic::Alignment), 60, 5)) {
        heap.alignment = draw.pick(&[1, 4096, 8192, 12288, 65536, 1 << 40, 1 << 62]);
    }
    if draw.chance(often(about(Topic::Access) || about(Topic::Protected), 50, 10)) {
        heap.access = access(draw);
    }
    heap.cached = !draw.chance(often(about(Topic::Access), 40, 10));
    heap.protected = draw.chance(often(about(Topic::Protected), 40, 3));
    if heap.protected && draw.chance(60) {
        heap.access = AccessSet { coherent: false, sync: false, none: true };
    }
    standing(draw, &mut heap, topics);
    heap
}

/// What is no property of its memory.
fn standing(draw: &mut Draw, heap: &mut Heap, topics: &[Topic]) {
    let sizes = topics.contains(&Topic::Size) || topics.contains(&Topic::Count);
    if draw.chance(if sizes { 25 } else { 4 }) {
        heap.max_size = Some(draw.pick(&SIZES));
    }
    if draw.chance(if sizes || topics.contains(&Topic::Planes) { 25 } else { 4 }) {
        heap.capacity = Some(draw.pick(&SIZES));
    }
    if topics.contains(&Topic::Reserved) && draw.chance(45) {
        let words = draw.pick(&[1, 2]);
        let listed = draw.some(&["decode", "scanout", "cpu-read", "vpu", "isp"], words);
        heap.reserved_for = listed.into_iter().map(Name::from).collect();
    }
    heap.present = !draw.chance(6);
    heap.permitted = !draw.chance(6);
    heap.bank = draw.chance(6).then(|| "0".into());
    heap.weight = draw.pick(&[0, 0, 0, 0, 1, -1, i64::MAX]);
}

pub(super) fn edges(draw: &mut Draw, topics: &[Topic]) -> Vec<Edge> {
    if !topics.contains(&Topic::Link) {
        return Vec::new();
    }
    let names = ["alpha", "beta", "gamma", "delta", "alpha-too", "ghost", "shade"];
    (0..draw.pick(&[0, 0, 1, 1, 2, 3]))
        .map(|_| Edge {
            from: draw.pick(&names).into(),
            to: draw.pick(&names).into(),
            origin: Origin::Client,
        })
        .collect()
}
