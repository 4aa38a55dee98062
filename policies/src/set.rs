//! All rules together, and the questions that they answer. Pure: no file is read here.

use crate::index::Index;
use crate::master::DmaMaster;
use crate::right::{Grants, Right};
use crate::rule::{Account, DeviceRule, GrantRule, HeapRule, LimitRule, MasterRule};
use crate::view::{DeviceView, Who};
use crate::{Kernel, overlay};
use heapq_constraints::choice::Choice;
use heapq_constraints::fact::Protection;
use heapq_constraints::heap::Edge;
use heapq_constraints::question::{Exports, Usage, Usages};
use heapq_constraints::{Constraint, Fact, Heap, Name, Origin};
use std::sync::Arc;

/// The rules of all layers, in the order in which they take effect: by file name, then by place.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    pub(crate) heaps: Vec<HeapRule>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) devices: Vec<DeviceRule>,
    /// Of `devices`; of a single file's rules there is none.
    pub(crate) index: Index,
    pub(crate) masters: Vec<MasterRule>,
    pub(crate) grants: Vec<GrantRule>,
    pub(crate) limits: Vec<LimitRule>,
}

/// What the rules say of one heap name.
#[derive(Clone, Debug)]
pub struct HeapKnowledge {
    /// The heap under the name that was asked for; `origins` has an entry for each property that a
    /// rule stated, the others have the vocabulary's defaults.
    pub heap: Heap,
    /// Some rule speaks of it.
    pub known: bool,
    /// The rules that do, in order.
    pub rules: Vec<Origin>,
}

/// What the rules say of one device in one use.
#[derive(Clone, Debug, Default)]
pub struct DeviceKnowledge {
    /// Its needs, in order; those that a later rule overrides are already gone.
    pub facts: Vec<Fact>,
    /// What is to be dropped from the facts that others (the kernel) stated before; for the
    /// explanation, also what was dropped here.
    pub overrides: Vec<Override>,
    /// The uses that the rules add: a driver that maps the buffer in the kernel is a CPU user.
    pub usage: Usages,
    /// Who adds them.
    pub usage_origins: Vec<(Usage, Origin)>,
    /// What its own driver allocates; of several rules the last one says.
    pub exports: Option<Arc<Exports>>,
    /// Some rule describes the device, even if it says nothing of this use or of a device behind
    /// an IOMMU: then there is nothing to say. Otherwise the device is `unknown`. What its driver
    /// allocates tells nothing of what it takes.
    pub known: bool,
    /// The rules that apply, in order.
    pub rules: Vec<Origin>,
    /// Some rule that describes the device speaks of one use of it only: of another one there may be
    /// something else to say.
    pub depends_on_use: bool,
}

/// An `override` of a rule that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Constraint keys (`contiguous`, `attribute.NAME`) of which earlier facts are void.
    pub keys: Vec<Name>,
    /// The rule that says so.
    pub origin: Origin,
    /// Facts of earlier rules that it voided. Often empty: most overrides are against what the
    /// kernel states, which is the caller's to drop.
    pub dropped: Vec<Fact>,
}

impl Override {
    /// Whether it voids an earlier `fact`. A device's need of protected memory always stays: no
    /// file may let frames leave it.
    #[must_use]
    pub fn voids(&self, fact: &Fact) -> bool {
        fact.constraint != Constraint::Protected(Protection::Required)
            && self.keys.iter().any(|key| **key == *fact.constraint.key())
    }
}

impl PolicySet {
    /// Adds the rules of a later file.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.heaps.append(&mut later.heaps);
        self.edges.append(&mut later.edges);
        self.index.add(self.devices.len(), &later.devices);
        self.devices.append(&mut later.devices);
        self.masters.append(&mut later.masters);
        self.grants.append(&mut later.grants);
        self.limits.append(&mut later.limits);
    }

    /// What is known of a heap that the machine names so. Later rules win key by key; roles and
    /// aliases add up.
    #[must_use]
    pub fn heap(&self, name: &str, kernel: Kernel) -> HeapKnowledge {
        self.pool(&[name.into()], kernel)
    }

    /// The same of a pool that the machine shows under several names, the one to call it by first:
    /// a rule for any of them counts, and so does one for an alias that another rule gives it.
    #[must_use]
    pub fn pool(&self, names: &[Name], kernel: Kernel) -> HeapKnowledge {
        let mut heap = Heap::new(names.first().cloned().unwrap_or_default());
        let mut rules = Vec::new();
        let borne = self.borne(names, kernel);
        let speaks = |rule: &&HeapRule| borne.iter().any(|name| rule.speaks_of(name, kernel));
        for rule in self.heaps.iter().filter(speaks) {
            overlay::apply(&mut heap, &rule.stated);
            rules.push(rule.origin.clone());
        }
        HeapKnowledge { heap, known: !rules.is_empty(), rules }
    }

    /// Some names of a pool, with all aliases that rules give it because of them.
    fn borne(&self, names: &[Name], kernel: Kernel) -> Vec<Name> {
        let mut borne = names.to_vec();
        let mut asked = 0;
        while let Some(name) = borne.get(asked).cloned() {
            for rule in self.heaps.iter().filter(|rule| rule.speaks_of(&name, kernel)) {
                let new = rule.stated.aliases.iter().filter(|alias| !borne.contains(alias));
                let new: Vec<Name> = new.cloned().collect();
                borne.extend(new);
            }
            asked += 1;
        }
        borne
    }

    /// The stated edges of the compatibility graph.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        self.edges.clone()
    }

    /// What is known of a device that will be used so.
    #[must_use]
    pub fn device<'c>(
        &self,
        view: &DeviceView<'_>,
        choice: impl Into<Choice<'c>>,
    ) -> DeviceKnowledge {
        let choice = choice.into();
        let mut knowledge = DeviceKnowledge::default();
        // Rules see the uses that were asked for, not those that other rules add: the order of
        // files must not decide whether a rule matches.
        let candidates = self.index.candidates(view).into_iter();
        let rules = candidates.filter_map(|index| self.devices.get(index));
        for rule in rules.filter(|rule| rule.describes(view)) {
            knowledge.known |= rule.tells_needs();
            knowledge.depends_on_use |= !rule.when.is_empty();
            if rule.excluded(view).is_none() && rule.is_of(&choice) {
                knowledge.take(rule);
            }
        }
        knowledge
    }

    /// Where to look for the device that masters this one's DMA, in order; empty: it does so itself.
    /// Of several rules the last one says.
    #[must_use]
    pub fn dma_master(&self, view: &DeviceView<'_>) -> &[DmaMaster] {
        let rule = self.masters.iter().rfind(|rule| rule.applies(view));
        rule.map(|rule| &*rule.ways).unwrap_or_default()
    }

    /// What a caller may do. Every grant that names them counts; of two that contradict each other
    /// the later one does.
    #[must_use]
    pub fn grant(&self, who: &Who<'_>) -> Grants {
        let mut grants = Grants::default();
        for rule in self.grants.iter().filter(|rule| rule.names(who)) {
            for (right, granted) in rule.said() {
                grants.say(right, granted, rule.origin.clone());
            }
        }
        grants
    }
}

impl DeviceKnowledge {
    fn take(&mut self, rule: &DeviceRule) {
        self.rules.push(rule.origin.clone());
        if let Some((keys, origin)) = &rule.overrides {
            let mut voiding =
                Override { keys: keys.clone(), origin: origin.clone(), dropped: Vec::new() };
            voiding.dropped = self.facts.extract_if(.., |fact| voiding.voids(fact)).collect();
            self.overrides.push(voiding);
        }
        self.facts.extend(rule.facts.iter().cloned());
        if rule.exports.is_some() {
            self.exports.clone_from(&rule.exports);
        }
        for (usage, origin) in &rule.usage {
            self.usage.insert(*usage);
            self.usage_origins.push((*usage, origin.clone()));
        }
    }
}

impl HeapRule {
    fn speaks_of(&self, name: &str, kernel: Kernel) -> bool {
        let named = self.names.iter().any(|pattern| pattern.matches(name));
        let aliased = self.stated.aliases.iter().any(|alias| **alias == *name);
        (named || aliased) && self.kernel.as_ref().is_none_or(|range| range.holds(kernel))
    }
}

impl GrantRule {
    /// The rights that it speaks of.
    pub(crate) fn said(&self) -> impl Iterator<Item = (Right, bool)> {
        let said = [
            (Right::Allocate, self.allocate),
            (Right::Scarce, self.scarce),
            (Right::OpenHeap, self.open_heap),
            (Right::Reload, self.reload),
        ];
        said.into_iter().filter_map(|(right, granted)| Some((right, granted?)))
    }

    fn names(&self, who: &Who<'_>) -> bool {
        let user = |account: &Account| match account {
            Account::Everybody => true,
            Account::Id(uid) => *uid == who.uid,
            Account::Name(name) => who.user == Some(&**name),
        };
        let group = |account: &Account| match account {
            Account::Everybody => true,
            Account::Id(gid) => who.gids.contains(gid),
            Account::Name(name) => who.groups.contains(&&**name),
        };
        self.users.iter().any(user) || self.groups.iter().any(group)
    }
}
