//! When the machine is read again: once for each burst of changes, and once more where that failed.

use heapq_allocator::udev::{Heard, Monitor};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

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

/// Has the machine read whenever somebody tells of a change, until nobody can any more. `read` says
/// whether it could be.
pub(crate) async fn follow(
    mut told: mpsc::Receiver<()>,
    pace: Pace,
    mut read: impl AsyncFnMut() -> bool,
) {
    while told.recv().await.is_some() {
        sleep(pace.settle).await;
        loop {
            // What came until here is seen by the reading that begins now.
            while told.try_recv().is_ok() {}
            if read().await {
                break;
            }
            sleep(pace.again).await;
        }
    }
}

/// Passes uevents on, until nobody wants to know. For a thread of its own: libudev's objects may not
/// change threads, and tokio takes foreign descriptors only unsafely.
///
/// # Errors
/// Those of the monitor.
pub(crate) fn listen(tell: &mpsc::Sender<()>) -> io::Result<()> {
    let mut monitor = Monitor::open()?;
    while !tell.is_closed() {
        if monitor.wait()? == Heard::TooMuch {
            tracing::info!("events of the machine were lost; all of it is read again");
        }
        // A full channel already says it.
        let _ = tell.try_send(());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Pace, follow};
    use std::cell::RefCell;
    use std::time::{Duration, Instant};
    use tokio::sync::mpsc;
    use tokio::time::sleep;

    const QUICK: Pace = Pace { settle: Duration::from_millis(20), again: Duration::from_millis(5) };

    /// Follows while `happens` tells; when each reading began, and how long all of it took.
    fn followed(
        happens: impl AsyncFnOnce(mpsc::Sender<()>),
        mut ends: impl FnMut(usize) -> bool,
    ) -> Vec<Instant> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let readings = RefCell::new(Vec::new());
        runtime.block_on(async {
            let (tell, told) = mpsc::channel(1);
            let read = async || {
                readings.borrow_mut().push(Instant::now());
                sleep(Duration::from_millis(2)).await;
                ends(readings.borrow().len())
            };
            tokio::join!(happens(tell), follow(told, QUICK, read));
        });
        readings.into_inner()
    }

    #[test]
    fn a_storm_is_read_a_few_times_and_once_after_its_end() {
        let mut last = None;
        let begun = Instant::now();
        let storm = async |tell: mpsc::Sender<()>| {
            for number in 0..10_000 {
                let _ = tell.try_send(());
                if number % 1000 == 0 {
                    sleep(Duration::from_millis(10)).await;
                }
            }
            last = Some(Instant::now());
        };
        let readings = followed(storm, |_| true);
        let bound = begun.elapsed().as_millis() / QUICK.settle.as_millis() + 1;
        assert!((2..=bound).contains(&(readings.len() as u128)), "{} of {bound}", readings.len());
        assert!(readings.last() > last.as_ref());
    }

    #[test]
    fn a_reading_that_failed_is_repeated_without_another_event() {
        let once = async |tell: mpsc::Sender<()>| tell.send(()).await.unwrap();
        assert_eq!(followed(once, |readings| readings == 4).len(), 4);
    }

    #[test]
    fn nothing_is_read_where_nothing_happens() {
        let never = async |_: mpsc::Sender<()>| sleep(QUICK.settle * 3).await;
        assert_eq!(followed(never, |_| true).len(), 0);
    }
}
