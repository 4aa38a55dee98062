//! The compatibility graph by its definition: stated edges, derived edges, transitive closure.

use super::address;
use heapq_constraints::heap::Edge;
use heapq_constraints::{Heap, Name};

/// Which node serves in the place of which. The first nodes are the heaps, in their order; the
/// rest are names in edges that no heap bears.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    free: Vec<Name>,
    heaps: usize,
    serves: Vec<Vec<bool>>,
}

impl Graph {
    pub(super) fn new(heaps: &[Heap], edges: &[Edge]) -> Self {
        let mut graph = Self { free: Vec::new(), heaps: heaps.len(), serves: Vec::new() };
        for name in edges.iter().flat_map(|edge| [&edge.from, &edge.to]) {
            if graph.node(heaps, name).is_none() {
                graph.free.push(name.clone());
            }
        }
        let size = heaps.len() + graph.free.len();
        graph.serves = vec![vec![false; size]; size];
        for edge in edges {
            let ends = (graph.node(heaps, &edge.from), graph.node(heaps, &edge.to));
            if let (Some(from), Some(to)) = ends {
                graph.serves[from][to] = true;
            }
        }
        for (a, strict) in heaps.iter().enumerate() {
            for (b, lax) in heaps.iter().enumerate() {
                graph.serves[a][b] |= a == b || derived(strict, lax);
            }
        }
        graph.close();
        graph
    }

    /// Warshall: paths through one more node at a time.
    fn close(&mut self) {
        let size = self.serves.len();
        for via in 0..size {
            for from in 0..size {
                for to in 0..size {
                    self.serves[from][to] |= self.serves[from][via] && self.serves[via][to];
                }
            }
        }
        (0..size).for_each(|node| self.serves[node][node] = true);
    }

    fn node(&self, heaps: &[Heap], name: &str) -> Option<usize> {
        let heap = heaps.iter().position(|heap| heap.bears(name));
        let free = || self.free.iter().position(|free| &**free == name);
        heap.or_else(|| free().map(|index| self.heaps + index))
    }

    /// Whether a device that takes memory from the names of `link` takes that of heap `index`.
    pub(super) fn takes(&self, heaps: &[Heap], link: &[Name], index: usize) -> bool {
        link.iter().any(|name| self.node(heaps, name).is_some_and(|node| self.serves[index][node]))
    }
}

/// `a` is at least as strict as `b`, and neither stands outside.
fn derived(a: &Heap, b: &Heap) -> bool {
    let outside =
        |heap: &Heap| heap.protected || heap.bank.is_some() || !heap.reserved_for.is_empty();
    !outside(a)
        && !outside(b)
        && (a.contiguous || !b.contiguous)
        && (!a.cached || b.cached)
        && a.address_bits <= b.address_bits
        && b.address_window.as_ref().is_none_or(|window| address::inside(a, window))
        && a.alignment.is_multiple_of(b.alignment)
        && (a.access.coherent || !b.access.coherent)
        && (a.access.sync || !b.access.sync)
        && (a.access.none || !b.access.none)
}
