//! `access` and `dma-coherent`: modes of CPU access intersect, and a device that does not snoop
//! takes `coherent` away from cached heaps.

use crate::bits::HeapBits;
use crate::fact::{Access, AccessSet, Protection};
use crate::heap::Heap;
use crate::question::Usages;
use crate::traits::Traits;

/// What all participants can do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Modes that everybody accepts.
    pub(crate) modes: AccessSet,
    /// Every device snoops CPU caches.
    pub(crate) snooped: bool,
}

impl Touch {
    /// Nobody says anything.
    pub(crate) const ANY: Self = Self { modes: AccessSet::ALL, snooped: true };

    /// Both must hold.
    pub(crate) fn meet(self, other: Self) -> Self {
        Self { modes: both(self.modes, other.modes), snooped: self.snooped && other.snooped }
    }

    /// What is certain of either.
    pub(crate) fn join(self, other: Self) -> Self {
        let (a, b) = (self.modes, other.modes);
        let modes = AccessSet {
            coherent: a.coherent || b.coherent,
            sync: a.sync || b.sync,
            none: a.none || b.none,
        };
        Self { modes, snooped: self.snooped || other.snooped }
    }

    /// The heaps that leave a mode.
    pub(crate) fn allowed(self, traits: &Traits) -> HeapBits {
        let with = |wanted: bool, heaps| if wanted { heaps } else { HeapBits::EMPTY };
        with(self.modes.coherent, traits.coherent)
            .or(with(self.modes.coherent && self.snooped, traits.coherent_if_snooped))
            .or(with(self.modes.sync, traits.sync))
            .or(with(self.modes.none, traits.none))
    }

    /// The best mode that `heap` leaves.
    pub(crate) fn best(self, heap: &Heap) -> Option<Access> {
        let left = both(self.modes, heap.access);
        if left.coherent && (self.snooped || !heap.cached) {
            Some(Access::Coherent)
        } else if left.sync {
            Some(Access::Sync)
        } else {
            left.none.then_some(Access::None)
        }
    }

    /// Which keys rule `heap` out by themselves: `access` when nobody's mode is left, and
    /// `dma-coherent` when `coherent` was the only one.
    pub(crate) fn reasons(self, heap: &Heap) -> (bool, bool) {
        let left = both(self.modes, heap.access);
        let unsnooped = heap.cached && !self.snooped;
        let only_coherent = |set: AccessSet| set.coherent && !set.sync && !set.none;
        (is_empty(left), unsnooped && (only_coherent(left) || only_coherent(heap.access)))
    }
}

/// The modes in both sets.
pub(crate) fn both(a: AccessSet, b: AccessSet) -> AccessSet {
    AccessSet { coherent: a.coherent && b.coherent, sync: a.sync && b.sync, none: a.none && b.none }
}

/// Whether no mode is in `set`.
pub(crate) fn is_empty(set: AccessSet) -> bool {
    !(set.coherent || set.sync || set.none)
}

/// What silence means.
pub(crate) fn unsaid(usage: Usages, protection: Option<Protection>) -> AccessSet {
    if protection == Some(Protection::Required) {
        AccessSet { coherent: false, sync: false, none: true }
    } else if usage.cpu() {
        AccessSet::CPU
    } else {
        AccessSet::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{heaps, named};
    use crate::question::Usage;

    const COHERENT: AccessSet = AccessSet { coherent: true, sync: false, none: false };
    const NONE: AccessSet = AccessSet { coherent: false, sync: false, none: true };

    #[test]
    fn the_best_mode_that_is_left() {
        let set = heaps(&[
            ("a-cached", |_| {}),
            ("b-uncached", |h| h.cached = false),
            ("c-device", |h| h.access = NONE),
        ]);
        let unsnooped = Touch { snooped: false, ..Touch::ANY };
        let table: [(Touch, [Option<Access>; 3]); 5] = [
            (Touch::ANY, [Some(Access::Coherent), Some(Access::Coherent), Some(Access::None)]),
            (unsnooped, [Some(Access::Sync), Some(Access::Coherent), Some(Access::None)]),
            (
                Touch { modes: AccessSet::CPU, ..unsnooped },
                [Some(Access::Sync), Some(Access::Coherent), None],
            ),
            (Touch { modes: COHERENT, ..unsnooped }, [None, Some(Access::Coherent), None]),
            (Touch { modes: NONE, ..Touch::ANY }, [Some(Access::None); 3]),
        ];
        for (touch, expected) in table {
            let best: Vec<_> = set.heaps().iter().map(|heap| touch.best(heap)).collect();
            assert_eq!(best, expected, "{touch:?}");
            let left = set.heaps().iter().filter(|heap| touch.best(heap).is_some());
            let left: Vec<_> = left.map(|heap| &*heap.name).collect();
            assert_eq!(named(&set, touch.allowed(set.traits())), left, "{touch:?}");
        }
    }

    #[test]
    fn each_key_answers_for_itself() {
        let mut heap = Heap::new("h");
        let coherent = Touch { modes: COHERENT, snooped: false };
        assert_eq!(coherent.reasons(&heap), (false, true));
        assert_eq!(Touch { modes: AccessSet::CPU, snooped: false }.reasons(&heap), (false, false));
        heap.access = COHERENT;
        assert_eq!(Touch { modes: NONE, snooped: false }.reasons(&heap), (true, true));
        heap.cached = false;
        assert_eq!(coherent.reasons(&heap), (false, false));
    }

    #[test]
    fn silence() {
        let cpu = Usages::from_iter([Usage::CpuWrite]);
        assert_eq!(unsaid(cpu, None), AccessSet::CPU);
        assert_eq!(unsaid(Usages::default(), Some(Protection::Accepted)), AccessSet::ALL);
        assert_eq!(unsaid(Usages::default(), Some(Protection::Required)), NONE);
    }
}
