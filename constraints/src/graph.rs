//! The compatibility graph: whose buffers serve where another heap's memory is accepted.
//!
//! Built once for a topology and closed at once, so that a solve only looks up bits. petgraph does
//! not leave this file.

use crate::Name;
use crate::bits::HeapBits;
use crate::fact::AccessSet;
use crate::heap::{Edge, Heap};
use crate::kind::address;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};
use std::collections::BTreeMap;

/// Names of heaps, and for each the heaps that serve in its place.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: BTreeMap<Name, usize>,
    roles: BTreeMap<Name, HeapBits>,
    serves: Vec<HeapBits>,
    heaps: usize,
}

impl Graph {
    /// From the heaps (no name borne twice) and the stated edges; derived edges are added here.
    pub(crate) fn new(heaps: &[Heap], edges: &[Edge]) -> Self {
        let mut nodes = name_nodes(heaps);
        let mut graph: DiGraph<(), ()> = DiGraph::new();
        for _ in heaps {
            graph.add_node(());
        }
        for edge in edges {
            let [from, to] = [&edge.from, &edge.to].map(|name| {
                *nodes.entry(name.clone()).or_insert_with(|| graph.add_node(()).index())
            });
            graph.update_edge(NodeIndex::new(from), NodeIndex::new(to), ());
        }
        for (from, to) in derived(heaps) {
            graph.update_edge(NodeIndex::new(from), NodeIndex::new(to), ());
        }
        let serves = close(&graph, heaps.len());
        Self { nodes, roles: role_bits(heaps), serves, heaps: heaps.len() }
    }

    /// The heap that bears `name`, by index.
    pub(crate) fn heap(&self, name: &str) -> Option<usize> {
        self.nodes.get(name).copied().filter(|node| *node < self.heaps)
    }

    /// The heaps that `name` means where roles are allowed: its bearer, and all that have the role.
    pub(crate) fn heaps_of(&self, name: &str) -> HeapBits {
        let mut found = self.roles.get(name).copied().unwrap_or(HeapBits::EMPTY);
        if let Some(heap) = self.heap(name) {
            found.insert(heap);
        }
        found
    }

    /// The heaps whose buffers a device takes that takes memory from `name`. Also for names that
    /// no heap bears: an edge may lead to them.
    pub(crate) fn serving(&self, name: &str) -> HeapBits {
        self.nodes
            .get(name)
            .and_then(|node| self.serves.get(*node))
            .copied()
            .unwrap_or(HeapBits::EMPTY)
    }
}

fn name_nodes(heaps: &[Heap]) -> BTreeMap<Name, usize> {
    let names = |heap: &Heap| std::iter::once(heap.name.clone()).chain(heap.aliases.clone());
    heaps
        .iter()
        .enumerate()
        .flat_map(|(index, heap)| names(heap).map(move |name| (name, index)).collect::<Vec<_>>())
        .collect()
}

fn role_bits(heaps: &[Heap]) -> BTreeMap<Name, HeapBits> {
    let mut roles: BTreeMap<Name, HeapBits> = BTreeMap::new();
    for (index, heap) in heaps.iter().enumerate() {
        for role in &heap.roles {
            roles.entry(role.clone()).or_default().insert(index);
        }
    }
    roles
}

/// For each node the heaps that reach it, itself included.
fn close(graph: &DiGraph<(), ()>, heaps: usize) -> Vec<HeapBits> {
    let against = Reversed(graph);
    let reaching = |node| {
        let mut found = HeapBits::EMPTY;
        let mut walk = Dfs::new(against, node);
        while let Some(next) = walk.next(against) {
            if next.index() < heaps {
                found.insert(next.index());
            }
        }
        found
    };
    graph.node_indices().map(reaching).collect()
}

fn derived(heaps: &[Heap]) -> impl Iterator<Item = (usize, usize)> {
    let places: Vec<_> = heaps.iter().map(address::places).collect();
    let stands = move |a: usize, b: usize| {
        a != b && strict_as(&heaps[a], &heaps[b]) && address::inside(&places[a], &places[b])
    };
    let all = heaps.len();
    (0..all).flat_map(move |a| (0..all).map(move |b| (a, b))).filter(move |&(a, b)| stands(a, b))
}

/// Whether every device that takes `other` can take `heap`, addresses aside. Heaps that are
/// protected, reserved or in a bank of their own stand in for nothing unless somebody says so.
fn strict_as(heap: &Heap, other: &Heap) -> bool {
    let ordinary =
        |heap: &Heap| !heap.protected && heap.reserved_for.is_empty() && heap.bank.is_none();
    ordinary(heap)
        && ordinary(other)
        && (heap.contiguous || !other.contiguous)
        && (!heap.cached || other.cached)
        && heap.address_bits <= other.address_bits
        && heap.alignment.checked_rem(other.alignment) == Some(0)
        && has_every(heap.access, other.access)
}

fn has_every(access: AccessSet, wanted: AccessSet) -> bool {
    (access.coherent || !wanted.coherent)
        && (access.sync || !wanted.sync)
        && (access.none || !wanted.none)
}
