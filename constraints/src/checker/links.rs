//! Whose buffers a device takes that takes memory from a heap: the compatibility graph, walked
//! from the link every time it is first asked for.

use super::heaps::{places, within};
use crate::heap::{Edge, Heap};
use crate::{HeapSet, Name};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// The graph of one machine.
pub(super) struct Links<'a> {
    set: &'a HeapSet,
    walked: RefCell<HashMap<Name, Rc<BTreeSet<Name>>>>,
}

impl<'a> Links<'a> {
    pub(super) fn new(set: &'a HeapSet) -> Self {
        Self { set, walked: RefCell::default() }
    }

    /// Whether buffers of `heap` serve where memory from `link` is taken.
    pub(super) fn serves(&self, heap: &Heap, link: &Name) -> bool {
        let known = self.walked.borrow().get(link).cloned();
        let serving = known.unwrap_or_else(|| {
            let found = Rc::new(self.walk(link));
            self.walked.borrow_mut().insert(link.clone(), Rc::clone(&found));
            found
        });
        serving.contains(&heap.name)
    }

    /// Everything from which edges lead to `link`, itself included.
    fn walk(&self, link: &Name) -> BTreeSet<Name> {
        let mut open = vec![self.first_name(link)];
        let mut reached = BTreeSet::new();
        while let Some(to) = open.pop() {
            if !reached.insert(to.clone()) {
                continue;
            }
            let leads = |edge: &&Edge| self.first_name(&edge.to) == to;
            let stated = self.set.edges().iter().filter(leads);
            open.extend(stated.map(|edge| self.first_name(&edge.from)));
            if let Some(weaker) = self.set.find(&to) {
                let strict = |heap: &&Heap| stands_in(heap, weaker);
                open.extend(self.set.heaps().iter().filter(strict).map(|heap| heap.name.clone()));
            }
        }
        reached
    }

    /// Aliases are the heap's own name; a name that nobody bears is its own.
    fn first_name(&self, name: &Name) -> Name {
        self.set.find(name).map_or_else(|| name.clone(), |heap| heap.name.clone())
    }
}

/// Whether an edge `a` → `b` is derived.
fn stands_in(a: &Heap, b: &Heap) -> bool {
    let apart =
        |heap: &Heap| heap.protected || heap.bank.is_some() || !heap.reserved_for.is_empty();
    let window = |heap: &Heap| {
        let windows = heap.address_window.as_ref()?.intervals().iter();
        Some(windows.map(|(first, end)| (u128::from(*first), u128::from(*end))).collect::<Vec<_>>())
    };
    !apart(a)
        && !apart(b)
        && (a.contiguous || !b.contiguous)
        && (!a.cached || b.cached)
        && a.address_bits <= b.address_bits
        && window(b).is_none_or(|window| within(&places(a), &window))
        && a.alignment.checked_rem(b.alignment).is_none_or(|rest| rest == 0)
        && (a.access.coherent || !b.access.coherent)
        && (a.access.sync || !b.access.sync)
        && (a.access.none || !b.access.none)
}
