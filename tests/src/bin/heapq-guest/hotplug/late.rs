//! How long after a driver's loading its device is known, and whose time that is.

use crate::problem::Problem;
use heapq_allocator::udev::Monitor;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// When udevd says that something came or went, and how late everything was so far.
pub(super) struct Late {
    said: mpsc::Receiver<Instant>,
    /// From the end of each loading until the service knew.
    known: Vec<Duration>,
    /// From udevd's first word after it.
    told: Vec<Duration>,
}

impl Late {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Problem> {
        let (say, said) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        std::thread::spawn(move || {
            let opened = Monitor::open();
            let _ = ready.send(opened.as_ref().map(drop).map_err(std::io::Error::kind));
            let Ok(mut monitor) = opened else { return };
            while monitor.wait(None).is_ok() && say.send(Instant::now()).is_ok() {}
        });
        match is_ready.recv() {
            Ok(Ok(())) => Ok(Self { said, known: Vec::new(), told: Vec::new() }),
            other => Err(Problem::Wrong(format!("uevents: {other:?}"))),
        }
    }

    /// The service knows now what was loaded at `loaded`.
    pub(super) fn known(&mut self, loaded: Instant) {
        // Where its word was as quick as the loading, there is none after it.
        let said = self.said.try_iter().find(|said| *said >= loaded).unwrap_or(loaded);
        self.known.push(loaded.elapsed());
        self.told.push(said.elapsed());
    }

    /// Both, in words.
    pub(super) fn words(mut self) -> String {
        let (known, told) = (spread(&mut self.known), spread(&mut self.told));
        format!("known {known} after a load, and {told} after udevd's word of it")
    }
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    match (times.get(times.len() / 2), times.last()) {
        (Some(median), Some(most)) => {
            format!("{} ms (at most {})", median.as_millis(), most.as_millis())
        }
        _ => "an unknown time".to_owned(),
    }
}
