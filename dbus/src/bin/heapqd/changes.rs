//! When the machine is read again: once for each burst of changes, and once more where that failed.

use heapq_allocator::udev::{Heard, Monitor};
use std::io;
use std::time::{Duration, Instant};

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// For the rest of a burst: a module that is loaded makes dozens of events.
    pub(crate) settle: Duration,
    /// After a reading that failed, for which no event will come again.
    pub(crate) again: Duration,
}

/// A change shows within 100 ms, which leaves as much for the reading as for the burst.
pub(crate) const PACE: Pace =
    Pace { settle: Duration::from_millis(50), again: Duration::from_secs(1) };

/// Has the machine read whenever something came or went; `read` says whether it could be. For a thread
/// of its own, on which libudev's objects stay. So does what the C library keeps of the memory of one
/// reading, which the next then takes again: on changing threads, each would keep as much.
///
/// # Errors
/// Those of the monitor. Else this has no end.
pub(crate) fn listen(read: impl FnMut() -> bool) -> io::Result<()> {
    let mut monitor = Monitor::open()?;
    let hear = |patience| {
        let heard = monitor.wait(patience)?;
        if heard == Some(Heard::TooMuch) {
            tracing::info!("events of the machine were lost; all of it is read again");
        }
        Ok(heard)
    };
    follow(hear, PACE, read)
}

/// The same of what `hear` hears, within a time where one is given.
fn follow(
    mut hear: impl FnMut(Option<Duration>) -> io::Result<Option<Heard>>,
    pace: Pace,
    mut read: impl FnMut() -> bool,
) -> io::Result<()> {
    loop {
        hear(None)?;
        let mut pause = pace.settle;
        loop {
            // What comes until then is seen by the reading that begins then.
            let end = Instant::now() + pause;
            while let Some(left) = end.checked_duration_since(Instant::now()) {
                hear(Some(left))?;
            }
            if read() {
                break;
            }
            pause = pace.again;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Heard, Pace, follow};
    use std::io::{self, ErrorKind};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
    use std::thread::{self, sleep};
    use std::time::{Duration, Instant};

    const QUICK: Pace = Pace { settle: Duration::from_millis(20), again: Duration::from_millis(5) };

    /// What is told, until nobody can tell any more.
    fn hear(told: &Receiver<()>, patience: Option<Duration>) -> io::Result<Option<Heard>> {
        let Some(patience) = patience else {
            let told = told.recv().map_err(|_| ErrorKind::NotConnected);
            return Ok(told.map(|()| Some(Heard::Something))?);
        };
        let told = told.recv_timeout(patience);
        if told == Err(RecvTimeoutError::Disconnected) {
            sleep(patience);
        }
        Ok(told.ok().map(|()| Heard::Something))
    }

    /// Follows while `happens` tells; when each reading began.
    fn followed(
        happens: impl FnOnce(Sender<()>) + Send + 'static,
        mut ends: impl FnMut(usize) -> bool,
    ) -> Vec<Instant> {
        let (tell, told) = channel();
        let happening = thread::spawn(move || happens(tell));
        let mut readings = Vec::new();
        let read = || {
            readings.push(Instant::now());
            sleep(Duration::from_millis(2));
            ends(readings.len())
        };
        let ended = follow(|patience| hear(&told, patience), QUICK, read).unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::NotConnected);
        happening.join().unwrap();
        readings
    }

    #[test]
    fn a_storm_is_read_a_few_times_and_once_after_its_end() {
        let (ended, end) = channel();
        let begun = Instant::now();
        let storm = move |tell: Sender<()>| {
            for number in 0..10_000 {
                tell.send(()).unwrap();
                if number % 1000 == 0 {
                    sleep(Duration::from_millis(10));
                }
            }
            ended.send(Instant::now()).unwrap();
        };
        let readings = followed(storm, |_| true);
        let bound = begun.elapsed().as_millis() / QUICK.settle.as_millis() + 1;
        assert!((2..=bound).contains(&(readings.len() as u128)), "{} of {bound}", readings.len());
        assert!(*readings.last().unwrap() > end.recv().unwrap());
    }

    #[test]
    fn a_reading_that_failed_is_repeated_without_another_event() {
        let once = |tell: Sender<()>| tell.send(()).unwrap();
        assert_eq!(followed(once, |readings| readings == 4).len(), 4);
    }

    #[test]
    fn nothing_is_read_where_nothing_happens() {
        let never = |_| sleep(QUICK.settle * 3);
        assert_eq!(followed(never, |_| true).len(), 0);
    }
}
