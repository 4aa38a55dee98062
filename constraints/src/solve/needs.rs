//! What several constraints come to, formats aside.

use crate::bits::HeapBits;
use crate::kind::access::Touch;
use crate::kind::attribute::Attributes;
use crate::kind::count::Counts;
use crate::kind::size::Sizes;
use crate::{Constraint, HeapSet, kind};

/// The sum of any number of constraints. Cheap to add to: the search does so by the thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Heaps that no constraint rules out by itself.
    pub(crate) heaps: HeapBits,
    /// Heaps that are not reserved for others.
    pub(crate) unreserved: HeapBits,
    pub(crate) touch: Touch,
    pub(crate) counts: Counts,
    pub(crate) sizes: Sizes,
    pub(crate) attributes: Attributes,
    /// A device is in of which nothing is known.
    pub(crate) unknown: bool,
}

impl Needs {
    /// Of a machine without heaps; [`Self::any`] says nothing where there are some.
    pub(crate) const EMPTY: Self = Self {
        heaps: HeapBits::EMPTY,
        unreserved: HeapBits::EMPTY,
        touch: Touch::ANY,
        counts: Counts::ANY,
        sizes: Sizes::ANY,
        attributes: Attributes::NONE,
        unknown: false,
    };

    /// Nobody says anything.
    pub(crate) fn any(set: &HeapSet) -> Self {
        let all = set.traits().all;
        Self { heaps: all, unreserved: all, ..Self::EMPTY }
    }

    /// What one constraint says.
    pub(crate) fn of(set: &HeapSet, constraint: &Constraint) -> Self {
        Self::all(set, [constraint])
    }

    /// What all of `constraints` say.
    pub(crate) fn all<'a>(
        set: &HeapSet,
        constraints: impl IntoIterator<Item = &'a Constraint>,
    ) -> Self {
        let mut sum = Self::any(set);
        constraints.into_iter().for_each(|one| sum.add(set, one));
        sum
    }

    /// One more must hold.
    fn add(&mut self, set: &HeapSet, constraint: &Constraint) {
        self.heaps = self.heaps.and(kind::allowed(set, constraint));
        match constraint {
            Constraint::Access(modes) => {
                self.touch = self.touch.meet(Touch { modes: *modes, ..Touch::ANY });
            }
            Constraint::DmaCoherent(snoops) => {
                self.touch = self.touch.meet(Touch { snooped: *snoops, ..Touch::ANY });
            }
            Constraint::Attribute(..) => self.attributes.meet(&Attributes::of(constraint)),
            Constraint::Unknown(unknown) => self.unknown |= unknown,
            _ => {
                self.counts = self.counts.meet(Counts::of(constraint));
                self.sizes = self.sizes.meet(Sizes::of(constraint));
            }
        }
    }

    /// Both must hold.
    pub(crate) fn meet(&mut self, other: &Self) {
        self.heaps = self.heaps.and(other.heaps);
        self.unreserved = self.unreserved.and(other.unreserved);
        self.touch = self.touch.meet(other.touch);
        self.counts = self.counts.meet(other.counts);
        self.sizes = self.sizes.meet(other.sizes);
        self.attributes.meet(&other.attributes);
        self.unknown |= other.unknown;
    }

    /// What is certain of either.
    pub(crate) fn join(&mut self, other: &Self) {
        self.heaps = self.heaps.or(other.heaps);
        self.unreserved = self.unreserved.or(other.unreserved);
        self.touch = self.touch.join(other.touch);
        self.counts = self.counts.join(other.counts);
        self.sizes = self.sizes.join(other.sizes);
        self.attributes.join(&other.attributes);
        self.unknown &= other.unknown;
    }
}
