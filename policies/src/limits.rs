//! How much somebody may have: which `[[limit]]` decides.

use crate::PolicySet;
use crate::glob::Glob;
use crate::rule::{Account, LimitRule};
use heapq_constraints::{Heap, Origin};

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// What one user has.
    User {
        /// Its number.
        uid: u32,
        /// Its name, where the system knows one.
        name: Option<&'a str>,
    },
    /// What all members of a group have together.
    Group {
        /// Its number.
        gid: u32,
        /// Its name, where the system knows one.
        name: Option<&'a str>,
    },
    /// What all processes of a systemd unit have together.
    Unit(&'a str),
}

/// One bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most that there may be, that included.
    pub most: u64,
    /// Who says so.
    pub origin: Origin,
}

/// The bounds of one account; `None`: no rule bounds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Leases.
    pub leases: Option<Limit>,
    /// Buffers in them.
    pub buffers: Option<Limit>,
    /// Bytes in those, as allocated.
    pub bytes: Option<Limit>,
}

impl PolicySet {
    /// The bounds of what somebody has from `heap`, or, for `None`, from all heaps together.
    ///
    /// Of several rules, key by key, the one that names the account more closely decides, then the
    /// one that names the heap more closely, then the later one.
    #[must_use]
    pub fn limits(&self, whose: Whose<'_>, heap: Option<&Heap>) -> Limits {
        let mut ranked: Vec<(Rank, &LimitRule)> = self
            .limits
            .iter()
            .filter_map(|rule| Some(((rule.names(whose)?, rule.is_about(heap)?), rule)))
            .collect();
        // Stable: among equals the order of the files stays.
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut limits = Limits::default();
        for (_, rule) in ranked {
            limits = rule.limits.clone().or(limits);
        }
        limits
    }
}

impl Limits {
    /// These, and where they say nothing, `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            leases: self.leases.or(others.leases),
            buffers: self.buffers.or(others.buffers),
            bytes: self.bytes.or(others.bytes),
        }
    }
}

/// How closely a rule names an account, and a heap.
type Rank = (Closeness, Closeness);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Anybody,
    Pattern,
    Name,
}

impl LimitRule {
    fn names(&self, whose: Whose<'_>) -> Option<Closeness> {
        let account = |accounts: &[Account], id, name| {
            let named = accounts.iter().filter(|account| account.is(id, name));
            named
                .map(|account| match account {
                    Account::Everybody => Closeness::Anybody,
                    Account::Id(_) | Account::Name(_) => Closeness::Name,
                })
                .max()
        };
        match whose {
            Whose::User { uid, name } => account(&self.users, uid, name),
            Whose::Group { gid, name } => account(&self.groups, gid, name),
            Whose::Unit(unit) => self.units.iter().filter_map(|glob| closeness(glob, unit)).max(),
        }
    }

    fn is_about(&self, heap: Option<&Heap>) -> Option<Closeness> {
        let Some(heap) = heap else { return self.heaps.is_empty().then_some(Closeness::Anybody) };
        let names = std::iter::once(&heap.name).chain(&heap.aliases);
        let named =
            names.flat_map(|name| self.heaps.iter().filter_map(|glob| closeness(glob, name)));
        let role = |glob: &Glob| heap.roles.iter().any(|role| glob.as_str() == &**role);
        let by_role = self.heaps.iter().any(role).then_some(Closeness::Pattern);
        named.chain(by_role).max()
    }
}

fn closeness(glob: &Glob, text: &str) -> Option<Closeness> {
    let close = if glob.as_str() == text { Closeness::Name } else { Closeness::Pattern };
    glob.matches(text).then_some(close)
}
