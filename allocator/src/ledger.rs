//! Who owes for how much: a charge is a value that gives back what it took when it is dropped.

use crate::caller::Holder;
use heapq_constraints::{Name, Origin};
use heapq_policies::{Limit, Limits};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much one account may have charged at once, where no policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Leases.
    pub leases: u64,
    /// Buffers in them.
    pub buffers: u64,
    /// Bytes in those, as allocated.
    pub bytes: u64,
}

impl Bounds {
    /// For one holder (one connection): well above what a compositor with hundreds of windows has.
    pub const HOLDER: Self = Self { leases: 1024, buffers: 4096, bytes: u64::MAX };
    /// For one user, on a machine with so many bytes of memory.
    #[must_use]
    pub fn user(memory: u64) -> Self {
        Self { leases: 4096, buffers: 16384, bytes: memory }
    }
}

impl From<Bounds> for Limits {
    fn from(bounds: Bounds) -> Self {
        let limit = |most| Some(Limit { most, origin: Origin::Default });
        Self {
            leases: limit(bounds.leases),
            buffers: limit(bounds.buffers),
            bytes: limit(bounds.bytes),
        }
    }
}

/// Somebody who can owe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Debtor {
    /// A user, by number.
    User(u32),
    /// All members of a group, by its number.
    Group(u32),
    /// All processes of a systemd unit.
    Unit(Name),
    /// One connection.
    Holder(Holder),
    /// The clients of a user that left, or ended their leases, before the memory was gone.
    Orphans(u32),
}

/// What somebody owes for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Who.
    pub debtor: Debtor,
    /// What they have from one heap; `None`: from all together.
    pub heap: Option<Name>,
}

/// What is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Leases.
    pub leases: u64,
    /// Buffers in them.
    pub buffers: u64,
    /// Bytes in those, as allocated.
    pub bytes: u64,
}

/// What is charged to one account, and what it may come to there.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// What is added to it.
    pub cost: Cost,
    /// What it may hold with that.
    pub limits: Limits,
}

/// A bound that a charge would exceed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked} {what} and {in_use} in use exceed the bound of {bound} ({origin})")]
pub struct OverBound {
    /// Whose it is.
    pub account: Account,
    /// `leases`, `buffers` or `bytes`.
    pub what: &'static str,
    /// How much the account may have.
    pub bound: u64,
    /// How much it has.
    pub in_use: u64,
    /// How much was asked for.
    pub asked: u64,
    /// Who set the bound.
    pub origin: Origin,
}

/// The accounts of everybody. They are in order, as all is that a request looks up: to compare a number
/// or a short name takes less than to hash it (20 hashes were a quarter of a request's instructions here).
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: Arc<Mutex<BTreeMap<Account, Cost>>>,
}

impl Ledger {
    /// Charges all `entries`, which are of different accounts, or none of them.
    ///
    /// # Errors
    /// The first bound that would be exceeded.
    pub fn charge(
        &self,
        entries: impl IntoIterator<Item: Borrow<Entry>>,
    ) -> Result<Charge, OverBound> {
        let entries = entries.into_iter();
        let mut taken = Vec::with_capacity(entries.size_hint().0);
        let mut accounts = self.lock();
        for entry in entries {
            let Entry { account, cost, limits } = entry.borrow();
            let held = accounts.get_mut(account);
            match held.as_deref().copied().unwrap_or_default().plus(*cost, limits) {
                Ok(sum) => {
                    match held {
                        Some(held) => *held = sum,
                        None => drop(accounts.insert(account.clone(), sum)),
                    }
                    taken.push((account.clone(), *cost));
                }
                Err(over) => {
                    give_back(&mut accounts, &taken);
                    return Err(over.of(account.clone()));
                }
            }
        }
        drop(accounts);
        Ok(Charge { taken, ledger: self.clone() })
    }

    /// Whether `cost` would fit into an account that holds something already; nothing is charged.
    /// Into an empty one everything fits.
    ///
    /// # Errors
    /// The first bound that would be exceeded.
    pub fn fits(&self, account: Account, cost: Cost, limits: &Limits) -> Result<(), OverBound> {
        match self.owed(&account) {
            held if held == Cost::default() => Ok(()),
            held => held.plus(cost, limits).map(drop).map_err(|over| over.of(account)),
        }
    }

    /// What is charged to an account.
    #[must_use]
    pub fn owed(&self, account: &Account) -> Cost {
        self.lock().get(account).copied().unwrap_or_default()
    }

    /// Whether nobody owes anything.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Account, Cost>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_back(accounts: &mut BTreeMap<Account, Cost>, taken: &[(Account, Cost)]) {
    for (account, cost) in taken {
        let Some(held) = accounts.get_mut(account) else { continue };
        *held = held.minus(*cost);
        if *held == Cost::default() {
            accounts.remove(account);
        }
    }
}

/// A bound that would be exceeded, of an account yet to be named.
struct Over {
    what: &'static str,
    in_use: u64,
    asked: u64,
    limit: Limit,
}

impl Over {
    fn of(self, account: Account) -> OverBound {
        let Self { what, in_use, asked, limit: Limit { most, origin } } = self;
        OverBound { account, what, bound: most, in_use, asked, origin }
    }
}

impl Cost {
    fn plus(self, cost: Self, limits: &Limits) -> Result<Self, Over> {
        let add = |what, in_use: u64, asked: u64, limit: &Option<Limit>| {
            let most = limit.as_ref().map_or(u64::MAX, |limit| limit.most);
            let sum = in_use.checked_add(asked).filter(|sum| *sum <= most);
            sum.ok_or_else(|| {
                let none = Limit { most, origin: Origin::Default };
                Over { what, in_use, asked, limit: limit.clone().unwrap_or(none) }
            })
        };
        Ok(Self {
            leases: add("leases", self.leases, cost.leases, &limits.leases)?,
            buffers: add("buffers", self.buffers, cost.buffers, &limits.buffers)?,
            bytes: add("bytes", self.bytes, cost.bytes, &limits.bytes)?,
        })
    }

    fn plus_anyhow(self, cost: Self) -> Self {
        Self {
            leases: self.leases.saturating_add(cost.leases),
            buffers: self.buffers.saturating_add(cost.buffers),
            bytes: self.bytes.saturating_add(cost.bytes),
        }
    }

    fn minus(self, cost: Self) -> Self {
        Self {
            leases: self.leases.saturating_sub(cost.leases),
            buffers: self.buffers.saturating_sub(cost.buffers),
            bytes: self.bytes.saturating_sub(cost.bytes),
        }
    }
}

/// What was charged; given back on drop.
#[derive(Debug)]
pub struct Charge {
    taken: Vec<(Account, Cost)>,
    ledger: Ledger,
}

impl Charge {
    /// Bytes of it: the most that is charged to one account.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.taken.iter().map(|(_, cost)| cost.bytes).max().unwrap_or(0)
    }

    /// Makes it one without a lease: its holder owes nothing any more, its user, `uid`, as before
    /// and as an orphan besides.
    pub(crate) fn orphan(&mut self, uid: u32) {
        let user = Account { debtor: Debtor::User(uid), heap: None };
        let orphans = Account { debtor: Debtor::Orphans(uid), heap: None };
        let of_holder =
            |(account, _): &mut (Account, Cost)| matches!(account.debtor, Debtor::Holder(_));
        let over: Vec<_> = self.taken.extract_if(.., of_holder).collect();
        let mut accounts = self.ledger.lock();
        give_back(&mut accounts, &over);
        if let Some((_, cost)) = self.taken.iter().find(|(account, _)| *account == user) {
            let cost = *cost;
            let held = accounts.entry(orphans.clone()).or_default();
            *held = held.plus_anyhow(cost);
            self.taken.push((orphans, cost));
        }
    }

    /// Takes over what another charge of the same ledger took.
    pub fn join(&mut self, mut other: Self) {
        self.taken.append(&mut other.taken);
    }

    /// Keeps the charge for `frames` of the `all` frames that it is for, and returns the rest. The
    /// lease stays here.
    pub(crate) fn split(&mut self, frames: u64, all: u64) -> Self {
        let part = |cost: u64| cost.checked_div(all).unwrap_or_default().saturating_mul(frames);
        let mut taken = Vec::new();
        for (account, cost) in &mut self.taken {
            let kept = Cost { buffers: part(cost.buffers), bytes: part(cost.bytes), ..*cost };
            taken.push((account.clone(), cost.minus(kept)));
            *cost = kept;
        }
        Self { taken, ledger: self.ledger.clone() }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        give_back(&mut self.ledger.lock(), &self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Bounds, Charge, Cost, Debtor, Entry, Ledger, OverBound};
    use heapq_constraints::Origin;
    use heapq_policies::{Limit, Limits};

    const BOUNDS: Bounds = Bounds { leases: 3, buffers: 10, bytes: 1000 };

    fn user(uid: u32) -> Account {
        Account { debtor: Debtor::User(uid), heap: None }
    }

    fn group(gid: u32, heap: Option<&str>) -> Account {
        Account { debtor: Debtor::Group(gid), heap: heap.map(Into::into) }
    }

    fn entry(account: Account, buffers: u64, bytes: u64, limits: impl Into<Limits>) -> Entry {
        Entry { account, cost: Cost { leases: 1, buffers, bytes }, limits: limits.into() }
    }

    fn charge(ledger: &Ledger, uid: u32, buffers: u64, bytes: u64) -> Result<Charge, OverBound> {
        ledger.charge([entry(user(uid), buffers, bytes, BOUNDS)])
    }

    #[test]
    fn a_dropped_charge_is_given_back() {
        let ledger = Ledger::default();
        let kept = charge(&ledger, 7, 2, 600).unwrap();
        assert_eq!((ledger.owed(&user(7)).bytes, kept.bytes()), (600, 600));
        let refused = charge(&ledger, 7, 2, 600).unwrap_err();
        let (account, origin) = (user(7), Origin::Default);
        let expected =
            OverBound { account, what: "bytes", bound: 1000, in_use: 600, asked: 600, origin };
        assert_eq!(refused, expected);
        // Another user is not concerned.
        assert!(charge(&ledger, 8, 2, 600).is_ok());
        drop(kept);
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }

    #[test]
    fn each_bound_holds_and_nothing_overflows() {
        let ledger = Ledger::default();
        let refused = |buffers, bytes| charge(&ledger, 7, buffers, bytes).unwrap_err().what;
        assert_eq!((refused(11, 1), refused(1, u64::MAX)), ("buffers", "bytes"));
        let kept: Vec<_> = (0..3).map(|_| charge(&ledger, 7, 1, 1).unwrap()).collect();
        assert_eq!((refused(1, 1), refused(u64::MAX, u64::MAX)), ("leases", "leases"));
        assert_eq!(kept.len(), 3);
        // Without a bound, 64 bits are one.
        let all = |bytes| ledger.charge([entry(user(8), 1, bytes, Limits::default())]);
        let _most = all(u64::MAX).unwrap();
        assert_eq!(all(1).unwrap_err().bound, u64::MAX);
    }

    #[test]
    fn all_accounts_are_charged_or_none() {
        let ledger = Ledger::default();
        let limit = Limit { most: 5, origin: Origin::Sysfs("/x".into()) };
        let narrow = Limits { bytes: Some(limit.clone()), ..Limits::default() };
        let refused = ledger.charge([
            entry(user(7), 1, 6, BOUNDS),
            entry(group(44, None), 1, 6, BOUNDS),
            entry(group(44, Some("cma")), 1, 6, narrow),
        ]);
        let refused = refused.unwrap_err();
        assert_eq!((refused.account, refused.origin), (group(44, Some("cma")), limit.origin));
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }

    #[test]
    fn charges_that_were_joined_end_together() {
        let ledger = Ledger::default();
        let mut kept = charge(&ledger, 7, 1, 600).unwrap();
        kept.join(ledger.charge([entry(group(44, Some("cma")), 1, 400, BOUNDS)]).unwrap());
        assert_eq!((kept.bytes(), ledger.owed(&group(44, Some("cma"))).bytes), (600, 400));
        drop(kept);
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }
}
