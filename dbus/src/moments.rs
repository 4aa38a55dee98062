//! For whom something short may be done on the event loop, where everybody else waits for it. It is
//! expected to take some microseconds; whoever makes it take longer is served by threads for a time
//! that is long beside that.

use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Of the processor's time: what takes longer is no moment.
const MOMENT: Duration = Duration::from_micros(500);
/// For so many times as long nothing more is done there for this user: one percent of the loop's time
/// is the most that one can have like this.
const RESPITE: u32 = 100;

/// Users who made it take long, and until when that counts.
#[derive(Debug, Default)]
pub struct Moments(Mutex<HashMap<u32, Instant>>);

/// The time until it is dropped.
#[derive(Debug)]
pub struct Moment<'m> {
    moments: &'m Moments,
    uid: u32,
    since: Duration,
}

impl Moments {
    /// A moment for `uid`, on this thread.
    pub fn begin(&self, uid: u32) -> Option<Moment<'_>> {
        let mut long = self.lock();
        if !long.is_empty() {
            let now = Instant::now();
            long.retain(|_, until| *until > now);
        }
        (!long.contains_key(&uid)).then(|| Moment { moments: self, uid, since: used() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processor's time that this thread has had: whoever is put aside for others has not taken long.
fn used() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        let took = used().saturating_sub(self.since);
        if took > MOMENT {
            self.moments.lock().insert(self.uid, Instant::now() + took * RESPITE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_made_it_take_long_has_to_wait_long() {
        let moments = Moments::default();
        let moment = moments.begin(1).unwrap();
        std::thread::sleep(MOMENT * 2);
        drop(moment);
        let moment = moments.begin(1).expect("to sleep is not to take time");
        let since = moment.since;
        while used() - since <= MOMENT {}
        drop(moment);
        assert!(moments.begin(1).is_none());
        assert!(moments.begin(2).is_some());
        std::thread::sleep(MOMENT * RESPITE * 2);
        assert!(moments.begin(1).is_some());
    }
}
