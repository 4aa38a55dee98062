//! The heaps of one machine, as the solver sees them.

use crate::bits::MAX_HEAPS;
use crate::graph::Graph;
use crate::heap::{Edge, Heap};
use crate::heap_words::{Key, Words};
use crate::traits::Traits;
use crate::vocabulary::Invalid;
use crate::{Name, Origin};
use std::collections::HashMap;
use std::sync::Arc;

/// How many edges of the compatibility graph may be stated, so that a policy cannot make the closure endless.
pub const MAX_EDGES: usize = 4096;

/// Page size that allocations are rounded up to where a board says nothing else, in bytes.
pub(crate) const PAGE: u64 = 4096;

/// The heaps of a machine with their compatibility graph. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HeapSet {
    heaps: Arc<[Heap]>,
    edges: Arc<[Edge]>,
    graph: Arc<Graph>,
    traits: Arc<Traits>,
    /// By heap. Nothing in them depends on who may use it.
    words: Arc<[Words]>,
    page_size: u64,
}

impl HeapSet {
    /// Builds the graph from the stated edges and those that follow from the properties.
    ///
    /// # Errors
    /// A name that two heaps bear, as `heap.NAME.name` or `heap.NAME.aliases` of the later one;
    /// more than 128 heaps (`heap`) or 4096 edges (`compatibility`).
    pub fn new(mut heaps: Vec<Heap>, edges: &[Edge]) -> Result<Self, Invalid> {
        bounded("heap", heaps.len(), MAX_HEAPS)?;
        bounded("compatibility", edges.len(), MAX_EDGES)?;
        names_once(&heaps)?;
        // By name, so that no answer depends on the order in which heaps were found.
        heaps.sort_by(|a, b| a.name.cmp(&b.name));
        let graph = Arc::new(Graph::new(&heaps, edges));
        let traits = Arc::new(Traits::new(&heaps));
        let words = heaps.iter().map(|_| Words::default()).collect();
        Ok(Self { heaps: heaps.into(), edges: edges.into(), graph, traits, words, page_size: PAGE })
    }

    /// The same heaps on a machine of another page size (bytes, a power of two; others are ignored).
    #[must_use]
    pub fn with_page_size(self, bytes: u64) -> Self {
        let page_size = if bytes.is_power_of_two() { bytes } else { self.page_size };
        Self { page_size, ..self }
    }

    /// What allocations are rounded up to, in bytes.
    #[must_use]
    pub fn page_size(&self) -> u64 {
        self.page_size
    }

    /// All heaps, absent ones included, by name.
    #[must_use]
    pub fn heaps(&self) -> &[Heap] {
        &self.heaps
    }

    /// The edges that were stated; those that follow from the heaps' properties are not among them.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The heap that bears `name`, as its name or an alias.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Heap> {
        self.heaps.get(self.graph.heap(name)?)
    }

    /// The same heaps as one caller may use them: those for which `withheld` names somebody who
    /// keeps them from the caller are `not-permitted`, on that word.
    #[must_use]
    pub fn withholding(&self, withheld: impl Fn(&Heap) -> Option<Origin>) -> Self {
        let seen = |heap: &Heap| {
            let mut heap = heap.clone();
            if let Some(origin) = withheld(&heap).filter(|_| heap.permitted) {
                heap.permitted = false;
                heap.origins.insert("permitted", origin);
            }
            heap
        };
        Self { heaps: self.heaps.iter().map(seen).collect(), ..self.clone() }
    }

    /// The same machine with `memory` as the only one that may be used; the others keep their names
    /// and their places in the graph. `None` where a heap bears its name or the bounds are reached.
    pub(crate) fn with_only(&self, memory: Heap) -> Option<Self> {
        let shut = self.heaps.iter().map(|heap| Heap { permitted: false, ..heap.clone() });
        let set = Self::new(shut.chain([memory]).collect(), &self.edges).ok()?;
        Some(set.with_page_size(self.page_size))
    }

    /// The same machine, were the heap at `index` without bounds of its own on sizes.
    pub(crate) fn unbounded(&self, index: usize) -> Self {
        let mut heaps = self.heaps.to_vec();
        if let Some(heap) = heaps.get_mut(index) {
            (heap.max_size, heap.capacity) = (None, None);
        }
        let traits = Arc::new(Traits::new(&heaps));
        let words = heaps.iter().map(|_| Words::default()).collect();
        Self { heaps: heaps.into(), traits, words, ..self.clone() }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What the heap at `index` has under `key`, in the vocabulary's spelling, and who says so.
    pub(crate) fn has(&self, index: usize, key: Key) -> &(Name, Origin) {
        self.words[index].of(&self.heaps[index], key)
    }

    pub(crate) fn traits(&self) -> &Traits {
        &self.traits
    }
}

fn bounded(key: &str, found: usize, bound: usize) -> Result<(), Invalid> {
    if found <= bound {
        return Ok(());
    }
    Err(Invalid {
        key: key.to_owned(),
        value: format!("{found} entries"),
        rule: format!("at most {bound}"),
        at: None,
    })
}

/// A heap may repeat its own name among its aliases; two heaps may not share one.
fn names_once(heaps: &[Heap]) -> Result<(), Invalid> {
    let mut bearers: HashMap<Name, usize> = HashMap::new();
    for (index, heap) in heaps.iter().enumerate() {
        let aliases = heap.aliases.iter().map(|alias| ("aliases", alias));
        for (key, name) in std::iter::once(("name", &heap.name)).chain(aliases) {
            let bearer = *bearers.entry(name.clone()).or_insert(index);
            if bearer != index {
                return Err(Invalid {
                    key: format!("heap.{}.{key}", heap.name),
                    value: format!("{name:?}"),
                    rule: format!("a name that no other heap bears; `{}` does", heaps[bearer].name),
                    at: None,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(name: &str, change: impl FnOnce(&mut Heap)) -> Heap {
        let mut heap = Heap::new(name);
        change(&mut heap);
        heap
    }

    type Change = fn(&mut Heap);

    fn edge(from: &str, to: &str) -> Edge {
        Edge { from: from.into(), to: to.into(), origin: Origin::Client }
    }

    fn serving(heaps: Vec<Heap>, edges: &[Edge], name: &str) -> Vec<String> {
        let set = HeapSet::new(heaps, edges).unwrap();
        let found = set.graph().serving(name);
        found.iter().map(|index| set.heaps()[index].name.to_string()).collect()
    }

    fn cma() -> Heap {
        heap("cma", |h| {
            h.contiguous = true;
            h.address_bits = 32;
        })
    }

    #[test]
    fn stricter_memory_serves_in_place_of_weaker() {
        let heaps = || vec![Heap::new("system"), cma()];
        assert_eq!(serving(heaps(), &[], "system"), ["cma", "system"]);
        assert_eq!(serving(heaps(), &[], "cma"), ["cma"]);
    }

    #[test]
    fn each_property_must_be_at_least_as_strict() {
        let weaker: [(&str, Change); 7] = [
            ("bits", |h| h.address_bits = 33),
            ("alignment", |h| h.alignment = 6144),
            ("access", |h| h.access.coherent = false),
            ("protected", |h| h.protected = true),
            ("bank", |h| h.bank = Some("0".into())),
            ("reserved", |h| h.reserved_for = vec!["decode".into()]),
            ("contiguous", |h| h.contiguous = false),
        ];
        for (what, change) in weaker {
            let other = heap("other", |h| {
                *h = Heap { name: "other".into(), ..cma() };
                change(h);
            });
            assert_eq!(serving(vec![cma(), other], &[], "cma"), ["cma"], "{what}");
        }
    }

    #[test]
    fn cached_memory_does_not_stand_in_for_uncached() {
        let heaps = || vec![Heap::new("system"), heap("wc", |h| h.cached = false)];
        assert_eq!(serving(heaps(), &[], "wc"), ["wc"]);
        assert_eq!(serving(heaps(), &[], "system"), ["system", "wc"]);
    }

    #[test]
    fn edges_are_transitive_through_names_that_no_heap_bears_and_absent_heaps() {
        let gone = heap("gone", |h| {
            h.present = false;
            h.bank = Some("0".into());
        });
        let bank = heap("bank", |h| h.bank = Some("1".into()));
        let edges = [edge("bank", "vendor-name"), edge("vendor-name", "gone")];
        assert_eq!(serving(vec![gone, bank], &edges, "gone"), ["bank", "gone"]);
    }

    #[test]
    fn a_cycle_means_equivalent() {
        let bank = |name: &str| heap(name, |h| h.bank = Some(name.into()));
        let edges = [edge("a", "b"), edge("b", "a")];
        assert_eq!(serving(vec![bank("a"), bank("b")], &edges, "a"), ["a", "b"]);
    }

    #[test]
    fn edges_may_name_aliases() {
        let a = heap("a", |h| {
            h.bank = Some("0".into());
            h.aliases = vec!["reserved".into()];
        });
        assert_eq!(
            serving(vec![a, Heap::new("system")], &[edge("reserved", "system")], "system"),
            ["a", "system"]
        );
    }

    #[test]
    fn a_name_borne_twice_is_the_later_bearers_fault() {
        let named = |name: &str, alias: &str| heap(name, |h| h.aliases = vec![alias.into()]);
        let twice = HeapSet::new(vec![Heap::new("a"), Heap::new("a")], &[]).unwrap_err();
        assert_eq!(twice.key, "heap.a.name");
        let alias = HeapSet::new(vec![Heap::new("z"), named("a", "z")], &[]).unwrap_err();
        assert_eq!(alias.key, "heap.a.aliases");
        assert!(HeapSet::new(vec![named("a", "a")], &[]).is_ok());
    }

    #[test]
    fn too_many_heaps_are_refused() {
        let heaps = (0..129).map(|n| Heap::new(format!("h{n}"))).collect();
        assert_eq!(HeapSet::new(heaps, &[]).unwrap_err().key, "heap");
    }
}
