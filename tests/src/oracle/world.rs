//! The heaps of a machine and what may stand in for what.

use super::graph::Graph;
use heapq_constraints::heap::Edge;
use heapq_constraints::{Heap, Name};

/// What the machine offers.
#[derive(Clone, Debug)]
pub struct World {
    /// The heaps in any order.
    pub heaps: Vec<Heap>,
    /// The stated edges in any order.
    pub edges: Vec<Edge>,
    /// Bytes of a page: allocations are rounded up to it.
    pub page: u64,
    graph: Graph,
}

impl World {
    /// With the derived edges and their closure.
    #[must_use]
    pub fn new(heaps: Vec<Heap>, edges: Vec<Edge>, page: u64) -> Self {
        let graph = Graph::new(&heaps, &edges);
        Self { heaps, edges, page, graph }
    }

    /// Whether `link` takes memory from heap `index`.
    pub(super) fn takes(&self, link: &[Name], index: usize) -> bool {
        self.graph.takes(&self.heaps, link, index)
    }

    /// Whether a `heaps` list permits heap `index`: by name, alias or role.
    pub(super) fn permits(&self, list: &[Name], index: usize) -> bool {
        let heap = &self.heaps[index];
        list.iter().any(|name| heap.bears(name) || heap.roles.contains(name))
    }

    /// Whether any heap bears `name`.
    pub(super) fn borne(&self, name: &str) -> bool {
        self.heaps.iter().any(|heap| heap.bears(name))
    }
}
