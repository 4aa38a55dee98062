//! Edges of the compatibility graph that a stated property is against.

use super::Review;
use crate::PolicySet;
use crate::diagnostic::Code;
use crate::kernel::Kernel;
use heapq_constraints::Heap;
use heapq_constraints::heap::Edge;
use std::collections::HashMap;

impl Review {
    /// Edges that say a less strict heap serves in place of a stricter one.
    pub(super) fn edges(&mut self, set: &PolicySet) {
        let mut known: HashMap<&str, Heap> = HashMap::new();
        let newest = Kernel { major: u16::MAX, minor: u16::MAX };
        for Edge { from, to, origin } in &set.edges {
            if from == to {
                let message = format!("`{from}` serves in place of itself anyway");
                self.tell(Code::NoEffect, origin, message, Some("leave the rule out"));
                continue;
            }
            for name in [from, to] {
                known.entry(name).or_insert_with(|| set.heap(name, newest).heap);
            }
            let (Some(less), Some(more)) = (known.get(&**from), known.get(&**to)) else { continue };
            let Some(key) = laxer(less, more) else { continue };
            let message =
                format!("`{from}` does not serve wherever `{to}` does: `{key}` is against it");
            let help = "say which heap stands in for which, or correct the property";
            let stated = [less, more].map(|heap| heap.origins.get(key).cloned());
            self.tell(Code::EdgeAgainstProperty, origin, message, Some(help));
            for origin in stated.iter().flatten() {
                self.also(origin, "stated here");
            }
        }
    }
}

/// The property by which `less` is laxer than `more`, both stated.
fn laxer(less: &Heap, more: &Heap) -> Option<&'static str> {
    let stated = |key: &str| less.origins.contains_key(key) && more.origins.contains_key(key);
    let found = [
        ("contiguous", !less.contiguous && more.contiguous),
        ("address-bits", less.address_bits > more.address_bits),
        ("cached", less.cached && !more.cached),
        ("protected", less.protected != more.protected),
    ];
    found.into_iter().find(|(key, laxer)| *laxer && stated(key)).map(|(key, _)| key)
}
