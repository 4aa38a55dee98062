//! For whom something short may be done on the event loop, where everybody else waits for it. It is
//! expected to take some microseconds; whoever makes it take longer is served by threads for a time
//! that is long beside that.
//!
//! What counts is the processor's time: who was put aside for others has not taken long. To ask for it
//! takes two calls of the kernel, as long as some questions. So the clock is looked at first, and the
//! processor's time is only asked for users who lately seemed to take long.

use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What takes longer is no moment.
const MOMENT: Duration = Duration::from_micros(500);
/// For so many times as long nothing more is done there for this user: one percent of the loop's time
/// is the most that one can have like this.
const RESPITE: u32 = 100;
/// For so many times as long as it seemed to take, a user's moments are measured exactly: the one that
/// was not is a tenth of a percent of that.
const DOUBT: u32 = 1000;

/// Users who made it take long, or seemed to.
#[derive(Debug, Default)]
pub struct Moments(Mutex<HashMap<u32, Doubted>>);

#[derive(Clone, Copy, Debug)]
enum Doubted {
    /// It is measured exactly until then.
    Seemed(Instant),
    /// There is no moment for the user until then.
    Did(Instant),
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
        let mut doubted = self.lock();
        if !doubted.is_empty() {
            doubted.retain(|_, one| one.until() > begun);
        }
        let doubted = doubted.get(&uid).copied();
        match doubted {
            Some(Doubted::Did(_)) => None,
            _ => Some(Moment { moments: self, uid, begun, used: doubted.map(|_| used()) }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Doubted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doubted {
    fn until(self) -> Instant {
        match self {
            Self::Seemed(until) | Self::Did(until) => until,
        }
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
        let now = Instant::now();
        let found = match self.used.map(|before| used().saturating_sub(before)) {
            None => Doubted::Seemed(now + seemed * DOUBT),
            Some(took) if took > MOMENT => Doubted::Did(now + took * RESPITE),
            Some(_) => return,
        };
        self.moments.lock().insert(self.uid, found);
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
        assert!(moments.begin(1).is_some());
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
