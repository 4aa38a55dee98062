//! Charges without a lease: kept until nobody holds their buffers any more.
//!
//! One thread looks after them, off the path of requests. It sleeps while there are none; while
//! there are some it looks soon after the last one came, then ever less often.

use super::debt::{Debt, LeaseInfo};
use super::holders::{self, Holders};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How soon somebody looks again at the earliest: after an orphan has come, whose owner is perhaps
/// just being taken down, or for whoever is short of room.
const SOON: Duration = Duration::from_millis(50);
/// Looking takes this part of the time at most.
const PART: u32 = 50;
/// How long it waits at most between two looks.
const LATE: Duration = Duration::from_secs(30);

/// The orphans of everybody.
#[derive(Debug, Default)]
pub struct Orphans {
    state: Mutex<State>,
    came: Condvar,
    /// Held while somebody looks; when the next look may be.
    next: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct State {
    /// With numbers of their own: one lease may owe in parts.
    debts: BTreeMap<u64, Arc<Debt>>,
    /// How many have ever come.
    count: u64,
    /// Nobody looks soon unless woken.
    asleep: bool,
}

impl Orphans {
    /// Takes over what is owed for leases that have ended.
    pub fn adopt(&self, debts: impl IntoIterator<Item = Debt>) {
        for mut debt in debts {
            debt.charge.orphan();
            let mut state = self.lock();
            state.count += 1;
            let number = state.count;
            state.debts.insert(number, Arc::new(debt));
            // One who looks soon is not woken for each.
            if std::mem::take(&mut state.asleep) {
                self.came.notify_all();
            }
        }
    }

    /// Gives back the charges whose buffers are gone.
    pub fn look(&self) {
        let mut next = self.next();
        self.look_now(&mut next);
    }

    /// The same for somebody who is over a bound, if `uid` has orphans at all; whether there may be
    /// more room now.
    pub fn look_for(&self, uid: u32) -> bool {
        if !self.lock().debts.values().any(|debt| debt.uid == uid) {
            return false;
        }
        let mut next = self.next();
        let due = next.is_none_or(|next| next <= Instant::now());
        if due {
            self.look_now(&mut next);
        }
        due
    }

    /// Looks after the orphans for ever. Sleeps while there are none.
    pub fn keep(&self) -> ! {
        let (mut pause, mut known) = (SOON, 0);
        loop {
            let mut state = self.lock();
            while state.debts.is_empty() {
                state.asleep = true;
                state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if std::mem::replace(&mut known, state.count) != state.count {
                pause = SOON;
            }
            state.asleep = pause > SOON;
            let nothing_new = |state: &mut State| pause == SOON || state.count == known;
            let waited = self.came.wait_timeout_while(state, pause, nothing_new);
            waited.unwrap_or_else(PoisonError::into_inner).0.asleep = false;
            pause = LATE.min(pause * 2);
            let next = *self.next();
            std::thread::sleep(next.map_or(SOON, |next| next.duration_since(Instant::now())));
            self.look();
        }
    }

    /// What is owed by everybody.
    #[must_use]
    pub fn list(&self) -> Vec<LeaseInfo> {
        let debts = self.lock().debts.clone();
        debts.values().map(|debt| debt.info(true)).collect()
    }

    fn look_now(&self, next: &mut Option<Instant>) {
        let begun = Instant::now();
        let debts = self.lock().debts.clone();
        let listed: BTreeSet<u64> =
            debts.values().filter_map(|debt| debt.listed()).flatten().copied().collect();
        let seen = match listed.is_empty() {
            true => Holders::default(),
            false => holders::look(Path::new("/proc"), &listed),
        };
        let over = debts.iter().filter(|(_, debt)| debt.is_over(&seen));
        let mut state = self.lock();
        over.for_each(|(number, _)| drop(state.debts.remove(number)));
        drop(state);
        // Charges and descriptors are given back here, without others having to wait for it.
        drop(debts);
        let took = begun.elapsed().saturating_mul(PART);
        *next = Some(Instant::now() + took.max(SOON));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> MutexGuard<'_, Option<Instant>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
