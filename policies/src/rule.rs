//! Checked rules: what the files say once nothing is wrong with them.

use crate::condition::{Condition, listed};
use crate::glob::Glob;
use crate::kernel::KernelRange;
use crate::limits::Limits;
use crate::master::DmaMaster;
use crate::view::DeviceView;
use heapq_constraints::choice::{Choice, Form};
use heapq_constraints::question::{Exports, Usage};
use heapq_constraints::{Fact, Heap, Name, Origin};
use std::fmt;
use std::sync::Arc;

/// A `[[heap]]`: the meaning of heap names.
#[derive(Clone, Debug)]
pub(crate) struct HeapRule {
    /// `name` and `names`.
    pub(crate) names: Vec<Glob>,
    pub(crate) kernel: Option<KernelRange>,
    /// The stated properties; `origins` tells which are stated. Where there are `aliases`, the
    /// rule's one name is among them.
    pub(crate) stated: Heap,
    pub(crate) origin: Origin,
}

/// A `[[device]]`: what devices that match need.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRule {
    /// The devices that it describes.
    pub(crate) matches: Vec<Situation>,
    /// It says nothing where one of these holds.
    pub(crate) unless: Vec<Situation>,
    /// The rule applies to these uses; empty: to all.
    pub(crate) when: Vec<When>,
    pub(crate) usage: Vec<(Usage, Origin)>,
    pub(crate) overrides: Option<(Vec<Name>, Origin)>,
    /// What the device's own driver allocates.
    pub(crate) exports: Option<Arc<Exports>>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) origin: Origin,
}

/// A `[[device]]` with `dma-master`: which other device masters the DMA of those that match.
#[derive(Clone, Debug)]
pub(crate) struct MasterRule {
    pub(crate) matches: Vec<Situation>,
    pub(crate) unless: Vec<Situation>,
    /// Where to look, in order.
    pub(crate) ways: Vec<DmaMaster>,
    pub(crate) origin: Origin,
}

/// One table of `match` or `unless`; everything in it must hold.
pub(crate) type Situation = Vec<Condition>;

/// One table of a rule's `when`; everything in it must hold.
#[derive(Clone, Debug)]
pub(crate) struct When {
    /// At least one of these uses is made; empty: whatever the use.
    pub(crate) usage: Vec<Usage>,
    /// Buffers can still come out so.
    pub(crate) form: Form,
}

/// A `[[grant]]`.
#[derive(Clone, Debug)]
pub(crate) struct GrantRule {
    pub(crate) users: Vec<Account>,
    pub(crate) groups: Vec<Account>,
    pub(crate) allocate: Option<bool>,
    pub(crate) scarce: Option<bool>,
    pub(crate) open_heap: Option<bool>,
    pub(crate) reload: Option<bool>,
    pub(crate) origin: Origin,
}

/// A `[[limit]]`.
#[derive(Clone, Debug)]
pub(crate) struct LimitRule {
    pub(crate) users: Vec<Account>,
    pub(crate) groups: Vec<Account>,
    pub(crate) units: Vec<Glob>,
    /// Names, aliases, roles or patterns; empty: all heaps together.
    pub(crate) heaps: Vec<Glob>,
    /// What it bounds, each key with its own line.
    pub(crate) limits: Limits,
}

/// A user or group as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// `"*"`
    Everybody,
    Id(u32),
    Name(Name),
}

impl Account {
    /// Whether it means the user or group of this number and, where it has one, this name.
    pub(crate) fn is(&self, id: u32, name: Option<&str>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Id(known) => *known == id,
            Self::Name(known) => name == Some(&**known),
        }
    }
}

impl DeviceRule {
    /// Whether the rule describes this device, though perhaps for another situation or use.
    pub(crate) fn describes(&self, view: &DeviceView<'_>) -> bool {
        first_that_holds(&self.matches, view).is_some()
    }

    /// Whether it speaks of what the device takes, if only to say that it takes everything. A rule
    /// with `exports` and nothing else does not.
    pub(crate) fn tells_needs(&self) -> bool {
        let silent = self.facts.is_empty() && self.usage.is_empty() && self.overrides.is_none();
        !silent || self.exports.is_none()
    }

    /// The table of `unless` because of which it says nothing of this device.
    pub(crate) fn excluded(&self, view: &DeviceView<'_>) -> Option<&Situation> {
        first_that_holds(&self.unless, view)
    }

    /// Whether it speaks of such a use.
    pub(crate) fn is_of(&self, choice: &Choice<'_>) -> bool {
        self.when.is_empty() || self.when.iter().any(|when| when.holds(choice))
    }
}

impl MasterRule {
    pub(crate) fn applies(&self, view: &DeviceView<'_>) -> bool {
        first_that_holds(&self.matches, view).is_some()
            && first_that_holds(&self.unless, view).is_none()
    }
}

fn first_that_holds<'r>(tables: &'r [Situation], view: &DeviceView<'_>) -> Option<&'r Situation> {
    tables.iter().find(|all| all.iter().all(|condition| condition.holds(view)))
}

impl When {
    fn holds(&self, choice: &Choice<'_>) -> bool {
        let used =
            self.usage.is_empty() || self.usage.iter().any(|word| choice.usage().contains(*word));
        used && (self.form == Form::default() || choice.allows(&self.form))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form { fourccs, modifiers, min_extent, min_size } = &self.form;
        let names = |names: &[Name]| listed(names.iter().map(|name| &**name));
        let stated = [
            (!self.usage.is_empty())
                .then(|| format!("usage = {}", listed(self.usage.iter().map(|one| one.word())))),
            (!fourccs.is_empty()).then(|| format!("fourcc = {}", names(fourccs))),
            (!modifiers.is_empty()).then(|| format!("modifier = {}", names(modifiers))),
            min_extent.map(|[width, height]| format!("min-extent = [{width}, {height}]")),
            min_size.map(|bytes| format!("min-size = {bytes}")),
        ];
        let stated: Vec<String> = stated.into_iter().flatten().collect();
        write!(f, "{{ {} }}", stated.join(", "))
    }
}
