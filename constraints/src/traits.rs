//! What the heaps of a set have in common, as bits: computed once for a topology.

use crate::bits::HeapBits;
use crate::heap::Heap;
use crate::kind::address::{Place, bits_needed, places};

/// Properties of all heaps, by property.
#[derive(Debug)]
pub(crate) struct Traits {
    /// All heaps.
    pub(crate) all: HeapBits,
    /// Physically contiguous.
    pub(crate) contiguous: HeapBits,
    /// Invisible to the CPU and to ordinary devices.
    pub(crate) protected: HeapBits,
    /// `coherent` at all times.
    pub(crate) coherent: HeapBits,
    /// `coherent` as long as every device snoops.
    pub(crate) coherent_if_snooped: HeapBits,
    /// `sync` is among their modes.
    pub(crate) sync: HeapBits,
    /// `none` is among their modes.
    pub(crate) none: HeapBits,
    /// They state `max-size` or `capacity`.
    pub(crate) limited: HeapBits,
    /// They state `reserved-for`.
    pub(crate) reserved: HeapBits,
    /// By address bits: the heaps whose every place they reach.
    pub(crate) reached: [HeapBits; 65],
    /// Where the buffers of each may lie.
    pub(crate) places: Vec<Vec<Place>>,
}

impl Traits {
    pub(crate) fn new(heaps: &[Heap]) -> Self {
        let having = |has: fn(&Heap) -> bool| -> HeapBits {
            heaps.iter().enumerate().filter(|(_, heap)| has(heap)).map(|(index, _)| index).collect()
        };
        let places: Vec<Vec<Place>> = heaps.iter().map(places).collect();
        Self {
            reached: reached(&places),
            all: HeapBits::first(heaps.len()),
            contiguous: having(|heap| heap.contiguous),
            protected: having(|heap| heap.protected),
            coherent: having(|heap| heap.access.coherent && !heap.cached),
            coherent_if_snooped: having(|heap| heap.access.coherent && heap.cached),
            sync: having(|heap| heap.access.sync),
            none: having(|heap| heap.access.none),
            limited: having(|heap| heap.max_size.is_some() || heap.capacity.is_some()),
            reserved: having(|heap| !heap.reserved_for.is_empty()),
            places,
        }
    }
}

fn reached(places: &[Vec<Place>]) -> [HeapBits; 65] {
    let needed: Vec<u8> = places.iter().map(|places| bits_needed(places)).collect();
    let mut bits = 0..;
    [(); 65].map(|()| {
        let reach = bits.next().unwrap_or(u8::MAX);
        let within = needed.iter().enumerate().filter(|(_, needed)| **needed <= reach);
        within.map(|(index, _)| index).collect()
    })
}
