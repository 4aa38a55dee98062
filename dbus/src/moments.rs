//! For whom something short may be done on the event loop, where everybody else waits for it. It is
//! expected to take some microseconds; whoever makes it take longer is served by threads for a time
//! that is long beside that.
//!
//! What counts is the processor's time: who was put aside for others has not taken long. To ask for it
//! takes two calls of the kernel, as long as some questions. So the clock is looked at first, and the
//! processor's time is only asked for users who lately seemed to take long.

use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What takes longer is no moment.
const MOMENT: Duration = Duration::from_micros(500);
/// For so many times as long nothing more is done there for this user: one percent of the loop's time
/// is the most that one can have like this.
const RESPITE: u32 = 100;
/// For so many times as long as it seemed to take, a user's moments are measured: one that was not is a
/// tenth of a percent of that.
const DOUBT: u32 = 1000;

/// Users who lately seemed to make it take long.
#[derive(Debug, Default)]
pub struct Moments(Mutex<BTreeMap<u32, Doubt>>);

#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// There is no moment for the user before.
    respite: Instant,
    /// The processor's time is measured before.
    until: Instant,
}

/// The time until it is dropped.
#[derive(Debug)]
pub struct Moment<'m> {
    moments: &'m Moments,
    uid: u32,
    begun: Instant,
    /// The processor's time then, where it is measured.
    used: Option<Duration>,
}

impl Moments {
    /// A moment for `uid`, on this thread.
    pub fn begin(&self, uid: u32) -> Option<Moment<'_>> {
        let begun = Instant::now();
        let mut doubts = self.lock();
        if !doubts.is_empty() {
            doubts.retain(|_, doubt| doubt.until > begun);
        }
        let doubt = doubts.get(&uid).copied();
        let may = doubt.is_none_or(|doubt| doubt.respite <= begun);
        may.then(|| Moment { moments: self, uid, begun, used: doubt.map(|_| used()) })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Doubt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processor's time that this thread has had.
fn used() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        let seemed = self.begun.elapsed();
        if seemed <= MOMENT {
            return;
        }
        let took = self.used.map(|before| used().saturating_sub(before));
        if took.is_some_and(|took| took <= MOMENT) {
            return;
        }
        let now = Instant::now();
        let respite = now + took.unwrap_or_default() * RESPITE;
        self.moments.lock().insert(self.uid, Doubt { respite, until: now + seemed * DOUBT });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works for longer than a moment.
    fn toil() {
        let since = used();
        while used() - since <= MOMENT {}
    }

    #[test]
    fn who_made_it_take_long_has_to_wait_long() {
        let moments = Moments::default();
        let moment = moments.begin(1).unwrap();
        toil();
        drop(moment);
        let moment = moments.begin(1).expect("it was not measured");
        assert!(moment.used.is_some() && moments.begin(2).unwrap().used.is_none());
        toil();
        drop(moment);
        assert!(moments.begin(1).is_none());
        assert!(moments.begin(2).is_some());
        std::thread::sleep(MOMENT * RESPITE * 2);
        let moment = moments.begin(1).expect("it has waited");
        assert!(moment.used.is_some(), "it is still in doubt");
    }

    #[test]
    fn who_had_to_wait_has_not_taken_long() {
        let moments = Moments::default();
        for _ in 0..3 {
            let moment = moments.begin(1).expect("to sleep is not to take time");
            std::thread::sleep(MOMENT * 2);
            drop(moment);
        }
    }
}
