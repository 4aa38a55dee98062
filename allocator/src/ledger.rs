//! Who owes for how much: a charge is a value that gives back what it took when it is dropped.

use crate::caller::Holder;
use heapq_constraints::{Name, Origin};
use heapq_policies::{Limit, Limits};
use std::collections::BTreeMap;
use std::iter::repeat;
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

/// The accounts of everybody, as far as somebody has them open. They are in order, as all is that a
/// request looks up: to compare a number or a short name takes less than to hash it (20 hashes were a
/// quarter of a request's instructions here).
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: Arc<Mutex<BTreeMap<Account, Held>>>,
}

/// What is charged to one account. It changes under the ledger's lock, so that several change at once.
type Held = Arc<Mutex<Cost>>;

/// Who pays: accounts that are charged together, and what each of them may come to. Whoever asks again
/// and again keeps them open, and nothing is looked up.
#[derive(Debug)]
pub struct Payers {
    always: Vec<Line>,
    /// Besides, while there is a lease.
    leased: Option<Line>,
    /// Besides, when it has ended and the memory has not.
    orphaned: Option<Line>,
    ledger: Ledger,
}

/// An account that is open.
#[derive(Debug)]
struct Line {
    account: Account,
    held: Held,
    limits: Limits,
}

impl Ledger {
    /// Opens accounts, each with the bounds of what it may come to: those that are `always` charged, and
    /// one more as long as there is a lease, and another one afterwards.
    #[must_use]
    pub fn open(
        &self,
        always: Vec<(Account, Limits)>,
        lease: Option<[(Account, Limits); 2]>,
    ) -> Arc<Payers> {
        let mut accounts = self.lock();
        let mut line = |(account, limits): (Account, Limits)| {
            let held = accounts.entry(account.clone()).or_default().clone();
            Line { account, held, limits }
        };
        let always = always.into_iter().map(&mut line).collect();
        let [leased, orphaned] = match lease {
            Some(lease) => lease.map(|one| Some(line(one))),
            None => [None, None],
        };
        Arc::new(Payers { always, leased, orphaned, ledger: self.clone() })
    }

    /// Charges all, or nobody. No account is among several payers.
    ///
    /// # Errors
    /// The first bound that would be exceeded.
    pub fn charge(&self, taken: Vec<(Arc<Payers>, Cost)>) -> Result<Charge, OverBound> {
        let accounts = self.lock();
        let lines =
            || taken.iter().flat_map(|(payers, cost)| payers.owing(false).zip(repeat(*cost)));
        for (at, (line, cost)) in lines().enumerate() {
            if let Err(over) = line.add(cost) {
                lines().take(at).for_each(|(line, cost)| line.give_back(cost));
                return Err(over);
            }
        }
        drop(accounts);
        Ok(Charge { taken, orphaned: false, ledger: self.clone() })
    }

    /// What is charged to an account.
    #[cfg(test)]
    pub(crate) fn owed(&self, account: &Account) -> Cost {
        self.lock().get(account).map(|held| *lock(held)).unwrap_or_default()
    }

    /// Whether nobody owes anything.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().values().all(|held| *lock(held) == Cost::default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Account, Held>> {
        lock(&self.accounts)
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Payers {
    /// That what outlived its lease leaves room for so much more of it. Where nothing did, everything
    /// fits.
    ///
    /// # Errors
    /// The first bound that would be exceeded.
    pub fn may_outlive(&self, cost: Cost) -> Result<(), OverBound> {
        let Some(line) = &self.orphaned else { return Ok(()) };
        match line.owed() {
            held if held == Cost::default() => Ok(()),
            held => line.sum(held, cost).map(drop),
        }
    }

    fn owing(&self, orphaned: bool) -> impl Iterator<Item = &Line> {
        self.always.iter().chain(if orphaned { &self.orphaned } else { &self.leased })
    }
}

impl Drop for Payers {
    /// Strikes the accounts that nobody else has open.
    fn drop(&mut self) {
        let mut accounts = self.ledger.lock();
        let besides = self.leased.take().into_iter().chain(self.orphaned.take());
        for line in self.always.drain(..).chain(besides) {
            // This one, and the ledger's.
            if Arc::strong_count(&line.held) == 2 {
                accounts.remove(&line.account);
            }
        }
    }
}

impl Line {
    fn owed(&self) -> Cost {
        *lock(&self.held)
    }

    fn add(&self, cost: Cost) -> Result<(), OverBound> {
        let mut held = lock(&self.held);
        *held = self.sum(*held, cost)?;
        Ok(())
    }

    fn add_anyhow(&self, cost: Cost) {
        let mut held = lock(&self.held);
        *held = held.plus_anyhow(cost);
    }

    fn give_back(&self, cost: Cost) {
        let mut held = lock(&self.held);
        *held = held.minus(cost);
    }

    fn sum(&self, held: Cost, cost: Cost) -> Result<Cost, OverBound> {
        held.plus(cost, &self.limits).map_err(|over| over.of(self.account.clone()))
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
    taken: Vec<(Arc<Payers>, Cost)>,
    orphaned: bool,
    ledger: Ledger,
}

impl Charge {
    /// Bytes of it: the most that is charged to one account.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.taken.iter().map(|(_, cost)| cost.bytes).max().unwrap_or(0)
    }

    /// Makes it one without a lease: its holder owes nothing any more, its user as before and as an
    /// orphan besides.
    pub(crate) fn orphan(&mut self) {
        let _together = self.ledger.lock();
        if !std::mem::replace(&mut self.orphaned, true) {
            for (payers, cost) in &self.taken {
                payers.leased.iter().for_each(|line| line.give_back(*cost));
                payers.orphaned.iter().for_each(|line| line.add_anyhow(*cost));
            }
        }
    }

    /// Takes over what another charge of the same lease took.
    pub fn join(&mut self, mut other: Self) {
        self.taken.append(&mut other.taken);
    }

    /// Keeps the charge for `frames` of the `all` frames that it is for, and returns the rest. The
    /// lease stays here.
    pub(crate) fn split(&mut self, frames: u64, all: u64) -> Self {
        let part = |cost: u64| cost.checked_div(all).unwrap_or_default().saturating_mul(frames);
        let mut taken = Vec::new();
        for (payers, cost) in &mut self.taken {
            let kept = Cost { buffers: part(cost.buffers), bytes: part(cost.bytes), ..*cost };
            taken.push((payers.clone(), cost.minus(kept)));
            *cost = kept;
        }
        Self { taken, orphaned: self.orphaned, ledger: self.ledger.clone() }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let _together = self.ledger.lock();
        for (payers, cost) in &self.taken {
            payers.owing(self.orphaned).for_each(|line| line.give_back(*cost));
        }
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::{Account, Bounds, Charge, Cost, Debtor, Ledger, OverBound, Payers};
    use crate::caller::Holder;
    use heapq_constraints::Origin;
    use heapq_policies::{Limit, Limits};
    use std::sync::Arc;

    const BOUNDS: Bounds = Bounds { leases: 3, buffers: 10, bytes: 1000 };

    fn user(uid: u32) -> Account {
        Account { debtor: Debtor::User(uid), heap: None }
    }

    fn group(gid: u32, heap: Option<&str>) -> Account {
        Account { debtor: Debtor::Group(gid), heap: heap.map(Into::into) }
    }

    /// One account for what is charged always.
    fn open(ledger: &Ledger, account: Account, limits: impl Into<Limits>) -> Arc<Payers> {
        ledger.open(vec![(account, limits.into())], None)
    }

    fn cost(buffers: u64, bytes: u64) -> Cost {
        Cost { leases: 1, buffers, bytes }
    }

    fn charge(ledger: &Ledger, uid: u32, buffers: u64, bytes: u64) -> Result<Charge, OverBound> {
        ledger.charge(vec![(open(ledger, user(uid), BOUNDS), cost(buffers, bytes))])
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
        let unbounded = open(&ledger, user(8), Limits::default());
        let all = |bytes| ledger.charge(vec![(unbounded.clone(), cost(1, bytes))]);
        let _most = all(u64::MAX).unwrap();
        assert_eq!(all(1).unwrap_err().bound, u64::MAX);
    }

    #[test]
    fn all_accounts_are_charged_or_none() {
        let ledger = Ledger::default();
        let limit = Limit { most: 5, origin: Origin::Sysfs("/x".into()) };
        let narrow = Limits { bytes: Some(limit.clone()), ..Limits::default() };
        let payers = [
            open(&ledger, user(7), BOUNDS),
            open(&ledger, group(44, None), BOUNDS),
            open(&ledger, group(44, Some("cma")), narrow),
        ];
        let refused = ledger.charge(payers.map(|payers| (payers, cost(1, 6))).into());
        let refused = refused.unwrap_err();
        assert_eq!((refused.account, refused.origin), (group(44, Some("cma")), limit.origin));
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }

    #[test]
    fn charges_that_were_joined_end_together() {
        let ledger = Ledger::default();
        let mut kept = charge(&ledger, 7, 1, 600).unwrap();
        let of_heap = open(&ledger, group(44, Some("cma")), BOUNDS);
        kept.join(ledger.charge(vec![(of_heap, cost(1, 400))]).unwrap());
        assert_eq!((kept.bytes(), ledger.owed(&group(44, Some("cma"))).bytes), (600, 400));
        drop(kept);
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }

    #[test]
    fn what_outlives_its_lease_is_owed_by_its_user_and_no_more_by_its_holder() {
        let ledger = Ledger::default();
        let account = |debtor| Account { debtor, heap: None };
        let [holder, orphans] =
            [Debtor::Holder(Holder::new(":1.1")), Debtor::Orphans(7)].map(account);
        let lease = [holder.clone(), orphans.clone()].map(|one| (one, BOUNDS.into()));
        let payers = ledger.open(vec![(user(7), BOUNDS.into())], Some(lease));
        let mut kept = ledger.charge(vec![(payers.clone(), cost(6, 600))]).unwrap();
        let owed = || [user(7), holder.clone(), orphans.clone()].map(|one| ledger.owed(&one).bytes);
        assert_eq!((owed(), payers.may_outlive(cost(6, 600))), ([600, 600, 0], Ok(())));
        for _ in 0..2 {
            kept.orphan();
            assert_eq!(owed(), [600, 0, 600]);
        }
        let over = payers.may_outlive(cost(6, 1)).unwrap_err();
        assert_eq!((over.account, over.what), (orphans.clone(), "buffers"));
        let rest = kept.split(2, 6);
        assert_eq!((kept.bytes(), rest.bytes(), owed()), (200, 400, [600, 0, 600]));
        drop(kept);
        assert_eq!(owed(), [400, 0, 400]);
        drop(rest);
        assert_eq!(owed(), [0, 0, 0]);
    }

    #[test]
    fn accounts_are_open_as_long_as_somebody_has_them() {
        let ledger = Ledger::default();
        let (one, other) = (open(&ledger, user(7), BOUNDS), open(&ledger, user(7), BOUNDS));
        let kept = ledger.charge(vec![(one.clone(), cost(1, 600))]).unwrap();
        drop(one);
        // Whoever opens it later finds what others owe there.
        let refused = ledger.charge(vec![(other.clone(), cost(1, 600))]).unwrap_err();
        assert_eq!(refused.in_use, 600);
        drop(other);
        assert_eq!(ledger.owed(&user(7)).bytes, 600);
        drop(kept);
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }
}
