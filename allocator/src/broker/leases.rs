//! Who holds which lease. The cost of a call does not depend on how many others there are.

use super::{AskError, LeaseInfo, UnknownLease};
use crate::account::Debt;
use crate::admission::Ticket;
use crate::caller::Holder;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a holder has until it gives it back.
#[derive(Debug)]
pub(super) struct Lease {
    /// What goes on when the lease ends.
    pub(super) debt: Debt,
    /// Of memory that the kernel takes only when it is touched (stand-ins).
    pub(super) _ticket: Option<Ticket>,
    /// The last buffers, which were given back to be fetched later.
    pub(super) kept: Vec<OwnedFd>,
}

#[derive(Debug, Default)]
pub(super) struct Leases {
    state: Mutex<State>,
    /// Makes numbers that nobody guesses.
    numbers: RandomState,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// Boxed: a tree makes room for eleven at a time, and most clients have few.
    held: BTreeMap<Holder, BTreeMap<u64, Box<Lease>>>,
    /// Holders with requests under way.
    arriving: BTreeMap<Holder, Arriving>,
}

#[derive(Debug, Default)]
struct Arriving {
    requests: u32,
    /// The holder left since: what is being made for it is for nobody.
    left: bool,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    leases: &'a Leases,
    holder: Holder,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no other lease has.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.lock();
        state.last += 1;
        state.last
    }

    pub(super) fn arrive(&self, holder: &Holder) -> Arrival<'_> {
        self.lock().arriving.entry(holder.clone()).or_default().requests += 1;
        Arrival { leases: self, holder: holder.clone() }
    }

    /// Enters a lease into the books, and returns its number.
    pub(super) fn enter(&self, arrival: Arrival<'_>, mut lease: Lease) -> Result<u64, AskError> {
        let mut state = self.lock();
        if state.arriving.get(&arrival.holder).is_some_and(|arriving| arriving.left) {
            drop(state);
            let source = io::ErrorKind::ConnectionAborted.into();
            return Err(AskError::Io { what: "allocation for a client that left".into(), source });
        }
        state.last += 1;
        let number = number(&self.numbers, state.last);
        lease.debt.lease = number;
        state.held.entry(arrival.holder.clone()).or_default().insert(number, lease.into());
        Ok(number)
    }

    /// Keeps the last buffers of a lease.
    pub(super) fn keep(
        &self,
        holder: &Holder,
        number: u64,
        buffers: Vec<OwnedFd>,
    ) -> Result<(), UnknownLease> {
        let mut state = self.lock();
        let lease = state.held.get_mut(holder).and_then(|leases| leases.get_mut(&number));
        lease.ok_or(UnknownLease(number))?.kept = buffers;
        Ok(())
    }

    pub(super) fn more(
        &self,
        holder: &Holder,
        number: u64,
        first: u32,
        most: usize,
    ) -> Result<Vec<OwnedFd>, AskError> {
        let state = self.lock();
        let lease = state.held.get(holder).and_then(|leases| leases.get(&number));
        let lease = lease.ok_or(UnknownLease(number))?;
        let index = usize::try_from(first).unwrap_or(usize::MAX);
        let total = usize::try_from(lease.debt.buffers).unwrap_or(usize::MAX);
        let Some(skip) = index.checked_sub(total.saturating_sub(lease.kept.len())) else {
            let source = io::ErrorKind::InvalidInput.into();
            let what = format!("buffer {first} is its client's already and is not kept");
            return Err(AskError::Io { what, source });
        };
        let wanted = lease.kept.iter().skip(skip).take(most);
        wanted
            .map(OwnedFd::try_clone)
            .collect::<io::Result<_>>()
            .map_err(|source| AskError::Io { what: format!("buffers of lease {number}"), source })
    }

    /// Ends a lease; what is owed for it goes on.
    pub(super) fn release(&self, holder: &Holder, number: u64) -> Result<Debt, UnknownLease> {
        let mut state = self.lock();
        let leases = state.held.get_mut(holder).ok_or(UnknownLease(number))?;
        let lease = leases.remove(&number).ok_or(UnknownLease(number))?;
        if leases.is_empty() {
            state.held.remove(holder);
        }
        // Descriptors are closed without others having to wait for it.
        drop(state);
        Ok(lease.debt)
    }

    /// Ends all leases of a holder; what is owed for them goes on.
    pub(super) fn left(&self, holder: &Holder) -> Vec<Debt> {
        let mut state = self.lock();
        if let Some(arriving) = state.arriving.get_mut(holder) {
            arriving.left = true;
        }
        let leases = state.held.remove(holder);
        drop(state);
        leases.into_iter().flat_map(BTreeMap::into_values).map(|lease| lease.debt).collect()
    }

    pub(super) fn list(&self) -> Vec<LeaseInfo> {
        let state = self.lock();
        state.held.values().flat_map(BTreeMap::values).map(|one| one.debt.info(false)).collect()
    }
}

/// The number of the `count`th lease. Who names it has been told: 53 bits of a keyed hash, which
/// every language's numbers hold.
fn number(numbers: &RandomState, count: u64) -> u64 {
    numbers.hash_one(count) >> 11
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        let mut state = self.leases.lock();
        if let Some(arriving) = state.arriving.get_mut(&self.holder) {
            arriving.requests = arriving.requests.saturating_sub(1);
            if arriving.requests == 0 {
                state.arriving.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_leases_differ_and_fit_a_double() {
        let (one, other) = (RandomState::new(), RandomState::new());
        let numbers: std::collections::BTreeSet<u64> =
            (1..10_000).map(|count| number(&one, count)).collect();
        assert_eq!(numbers.len(), 9_999);
        assert!(numbers.iter().all(|number| *number < 1 << 53));
        assert_ne!(number(&one, 1), number(&other, 1));
    }
}
