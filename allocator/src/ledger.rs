//! Who owes for how much: a charge is a value that gives back what it took when it is dropped.

use crate::caller::Holder;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How much one account may have charged at once.
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

/// What one account has charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    leases: u64,
    buffers: u64,
    bytes: u64,
}

/// Whose account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Account {
    User(u32),
    Holder(Holder),
}

/// A bound that a charge would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked} {what} and {in_use} in use exceed the bound of {bound}")]
pub struct OverBound {
    /// `leases`, `buffers` or `bytes`.
    pub what: &'static str,
    /// How much the account may have.
    pub bound: u64,
    /// How much it has.
    pub in_use: u64,
    /// How much was asked for.
    pub asked: u64,
}

/// The accounts of all users and holders.
#[derive(Clone, Debug)]
pub struct Ledger {
    user: Bounds,
    accounts: Arc<Mutex<HashMap<Account, Held>>>,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new(user: Bounds) -> Self {
        Self { user, accounts: Arc::default() }
    }

    /// Charges one lease with its buffers and bytes to a user and to a holder: both or neither.
    ///
    /// # Errors
    /// The first bound that it would exceed.
    pub fn charge(
        &self,
        uid: u32,
        holder: &Holder,
        buffers: u64,
        bytes: u64,
    ) -> Result<Charge, OverBound> {
        let cost = Held { leases: 1, buffers, bytes };
        let keys = [Account::User(uid), Account::Holder(holder.clone())];
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |key: &Account| accounts.get(key).copied().unwrap_or_default();
        let user = held(&keys[0]).plus(cost, &self.user)?;
        let holder = held(&keys[1]).plus(cost, &Bounds::HOLDER)?;
        accounts.insert(keys[0].clone(), user);
        accounts.insert(keys[1].clone(), holder);
        drop(accounts);
        Ok(Charge { cost, keys, accounts: Arc::clone(&self.accounts) })
    }

    /// Bytes that are charged to a user.
    #[must_use]
    pub fn bytes(&self, uid: u32) -> u64 {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&Account::User(uid)).map_or(0, |held| held.bytes)
    }
}

impl Held {
    fn plus(self, cost: Self, bounds: &Bounds) -> Result<Self, OverBound> {
        let add = |what, in_use: u64, asked: u64, bound: u64| {
            let sum = in_use.checked_add(asked).filter(|sum| *sum <= bound);
            sum.ok_or(OverBound { what, bound, in_use, asked })
        };
        Ok(Self {
            leases: add("leases", self.leases, cost.leases, bounds.leases)?,
            buffers: add("buffers", self.buffers, cost.buffers, bounds.buffers)?,
            bytes: add("bytes", self.bytes, cost.bytes, bounds.bytes)?,
        })
    }

    fn minus(self, cost: Self) -> Self {
        Self {
            leases: self.leases.saturating_sub(cost.leases),
            buffers: self.buffers.saturating_sub(cost.buffers),
            bytes: self.bytes.saturating_sub(cost.bytes),
        }
    }
}

/// What one lease costs; given back on drop.
#[derive(Debug)]
pub struct Charge {
    cost: Held,
    keys: [Account; 2],
    accounts: Arc<Mutex<HashMap<Account, Held>>>,
}

impl Charge {
    /// Bytes of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.cost.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            if let Some(held) = accounts.get_mut(key) {
                *held = held.minus(self.cost);
                if held.leases == 0 {
                    accounts.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Ledger, OverBound};
    use crate::caller::Holder;

    fn ledger() -> Ledger {
        Ledger::new(Bounds { leases: 3, buffers: 10, bytes: 1000 })
    }

    #[test]
    fn a_dropped_charge_is_given_back() {
        let ledger = ledger();
        let charge = ledger.charge(7, &Holder::new(":1.1"), 2, 600).unwrap();
        assert_eq!((ledger.bytes(7), charge.bytes()), (600, 600));
        let refused = ledger.charge(7, &Holder::new(":1.2"), 2, 600).unwrap_err();
        assert_eq!(refused, OverBound { what: "bytes", bound: 1000, in_use: 600, asked: 600 });
        // Another user is not concerned.
        assert!(ledger.charge(8, &Holder::new(":1.3"), 2, 600).is_ok());
        drop(charge);
        assert_eq!(ledger.bytes(7), 0);
        assert!(ledger.accounts.lock().unwrap().is_empty());
    }

    #[test]
    fn each_bound_holds_and_nothing_overflows() {
        let ledger = ledger();
        let holder = Holder::new(":1.1");
        assert_eq!(ledger.charge(7, &holder, 11, 1).unwrap_err().what, "buffers");
        assert_eq!(ledger.charge(7, &holder, 1, u64::MAX).unwrap_err().what, "bytes");
        let kept: Vec<_> = (0..3).map(|_| ledger.charge(7, &holder, 1, 1).unwrap()).collect();
        assert_eq!(ledger.charge(7, &holder, 1, 1).unwrap_err().what, "leases");
        assert_eq!(ledger.charge(7, &holder, u64::MAX, u64::MAX).unwrap_err().what, "leases");
        assert_eq!(kept.len(), 3);
    }

    #[test]
    fn a_holder_has_bounds_of_its_own() {
        let ledger = Ledger::new(Bounds::user(u64::MAX));
        let holder = Holder::new("p2p-1");
        let refused = ledger.charge(7, &holder, Bounds::HOLDER.buffers + 1, 1).unwrap_err();
        assert_eq!((refused.what, ledger.bytes(7)), ("buffers", 0));
    }
}
