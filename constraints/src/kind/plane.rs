//! `planes`, `plane`, `apart`, `offset-alignment`: where the planes of an image go.

use super::format::Keys;
use crate::bits::HeapBits;
use crate::fact::{FormatEntry, Planes};
use crate::{HeapSet, kind};

/// The most planes that a format has.
pub(crate) const PLANES: usize = 4;

/// What an entry says of single planes, ready for the search.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlaneNeeds {
    /// The heaps of each plane; `None` where the entry says nothing of any.
    heaps: Option<Box<[HeapBits; PLANES]>>,
    /// Bit `PLANES` × a + b: planes a and b must not share a heap.
    apart: u16,
}

impl PlaneNeeds {
    pub(crate) fn of(set: &HeapSet, entry: &FormatEntry) -> Self {
        let allowed = |plane: usize| {
            let needs = entry.plane.iter().filter(|(number, _)| usize::from(**number) == plane);
            needs
                .flat_map(|(_, needs)| needs)
                .fold(set.traits().all, |heaps, need| heaps.and(kind::allowed(set, need)))
        };
        let heaps = (!entry.plane.is_empty()).then(|| Box::new([0, 1, 2, 3].map(allowed)));
        let mut apart = 0;
        for list in &entry.apart {
            for (a, b) in list.iter().flat_map(|a| list.iter().map(move |b| (a, b))) {
                apart |= if a == b { 0 } else { bit(usize::from(*a), usize::from(*b)) };
            }
        }
        Self { heaps, apart }
    }
}

fn bit(a: usize, b: usize) -> u16 {
    if a < PLANES && b < PLANES { 1 << (PLANES * a + b) } else { 0 }
}

/// What the planes of several entries come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing {
    /// One buffer a plane: `separate` wins.
    pub(crate) separate: bool,
    /// A plane starts at a multiple of this many bytes.
    pub(crate) offset: u32,
    apart: u16,
    /// The heaps of each plane.
    pub(crate) heaps: [HeapBits; PLANES],
}

impl Placing {
    /// Nobody says anything; `all` heaps there are.
    pub(crate) fn any(all: HeapBits) -> Self {
        Self { separate: false, offset: 1, apart: 0, heaps: [all; PLANES] }
    }

    /// Adds what `entry` says under `keys`.
    pub(crate) fn add(&mut self, entry: &FormatEntry, needs: &PlaneNeeds, keys: Keys) {
        self.separate |= keys.has(Keys::PLANES) && entry.planes == Some(Planes::Separate);
        if keys.has(Keys::OFFSET_ALIGNMENT) {
            self.offset = self.offset.max(entry.offset_alignment.unwrap_or(1));
        }
        if keys.has(Keys::APART) {
            self.apart |= needs.apart;
        }
        if let Some(heaps) = needs.heaps.as_ref().filter(|_| keys.has(Keys::PLANE)) {
            for (mine, further) in self.heaps.iter_mut().zip(heaps.iter()) {
                *mine = mine.and(*further);
            }
        }
    }

    /// Whether two planes must not share a heap.
    pub(crate) fn apart(&self, a: usize, b: usize) -> bool {
        self.apart & bit(a, b) != 0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Constraint;
    use crate::fact::Pick;
    use crate::kind::testing::{heaps, named};
    use std::collections::BTreeMap;

    /// An entry for `XR24` with a change.
    pub(crate) fn entry(change: fn(&mut FormatEntry)) -> FormatEntry {
        let mut entry = FormatEntry {
            fourcc: Pick::One("XR24".into()),
            modifiers: vec![Pick::One("linear".into())],
            min_extent: None,
            max_extent: None,
            must_fit: vec![],
            extent_alignment: None,
            min_stride: None,
            max_stride: None,
            stride_alignment: None,
            whole_pixel_rows: false,
            block: None,
            offset_alignment: None,
            planes: None,
            plane: BTreeMap::new(),
            apart: vec![],
        };
        change(&mut entry);
        entry
    }

    #[test]
    fn entries_combine() {
        let set = heaps(&[("cma", |h| h.contiguous = true), ("system", |_| {})]);
        let entries = [
            entry(|e| e.planes = Some(Planes::Joint)),
            entry(|e| {
                e.planes = Some(Planes::Separate);
                e.offset_alignment = Some(64);
                e.plane = [(1, vec![Constraint::Contiguous(true)])].into();
            }),
            entry(|e| {
                e.apart = vec![vec![0, 1], vec![2, 2], vec![1, 3]];
                e.offset_alignment = Some(16);
            }),
        ];
        let mut placing = Placing::any(set.traits().all);
        for entry in &entries {
            placing.add(entry, &PlaneNeeds::of(&set, entry), Keys::ALL);
        }
        assert!(placing.separate);
        assert_eq!(placing.offset, 64);
        assert_eq!(named(&set, placing.heaps[0]), ["cma", "system"]);
        assert_eq!(named(&set, placing.heaps[1]), ["cma"]);
        let apart: Vec<_> = [(0, 1), (1, 0), (3, 1), (2, 2), (0, 3)]
            .into_iter()
            .map(|(a, b)| placing.apart(a, b))
            .collect();
        assert_eq!(apart, [true, true, true, false, false]);
    }
}
