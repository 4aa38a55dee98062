//! Whether memory suffices, before a heap is asked that does not ask itself.
//!
//! The system heap has no bound: 1 TiB asked of a small machine wakes the OOM killer, which does
//! not find the culprit, since a dma-buf is in nobody's resident set. So bytes, and bytes that
//! other requests are about to take, have to fit in what the kernel calls available, without the
//! free contiguous memory (available, but not to that heap) and a reserve. Contiguous areas fail
//! cleanly by themselves and are not asked about here.
//!
//! Small requests in quick succession go by one reading. What they take together is bounded by a
//! part of the reserve, which is there for just what no reading sees.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The reserve is this part of all memory …
const RESERVE_PART: u64 = 16;
/// … but no less, in bytes …
const RESERVE_LEAST: u64 = 32 << 20;
/// … and no more.
const RESERVE_MOST: u64 = 512 << 20;

/// For so long a reading may serve several requests …
const FRESH: Duration = Duration::from_millis(50);
/// … that together take no more than this part of the reserve. So whatever others took since it was
/// read: by going by it no more than that part is given out beyond what a new one would allow.
const UNSEEN_PART: u64 = 8;

/// What /proc/meminfo says, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// `MemTotal`
    pub total: u64,
    /// `MemAvailable`
    pub available: u64,
    /// `CmaFree`; 0 where there is no such line.
    pub cma_free: u64,
}

impl Memory {
    /// From the text of /proc/meminfo; `None` when one of its lines is missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kib = line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?;
            kib.checked_mul(1024)
        };
        let (total, available) = (field("MemTotal")?, field("MemAvailable")?);
        Some(Self { total, available, cma_free: field("CmaFree").unwrap_or(0) })
    }

    /// What is kept free for everybody else.
    #[must_use]
    pub fn reserve(&self) -> u64 {
        (self.total / RESERVE_PART).clamp(RESERVE_LEAST, RESERVE_MOST)
    }

    /// What may be given out in all.
    #[must_use]
    pub fn spare(&self) -> u64 {
        self.available.saturating_sub(self.cma_free).saturating_sub(self.reserve())
    }
}

/// Where [`Memory`] is read.
pub trait Gauge: fmt::Debug + Send + Sync {
    /// Reads it.
    ///
    /// # Errors
    /// When nobody can say how much memory there is; then none is given.
    fn read(&self) -> io::Result<Memory>;
}

/// A file like /proc/meminfo.
#[derive(Clone, Debug)]
pub struct Meminfo(pub PathBuf);

impl Default for Meminfo {
    fn default() -> Self {
        Self(PathBuf::from("/proc/meminfo"))
    }
}

impl Gauge for Meminfo {
    fn read(&self) -> io::Result<Memory> {
        // A page holds all of it, twice. On the stack: glibc tidies up all its small
        // chunks for a large one, which took longer than the reading.
        let mut bytes = [0; 4096];
        let read = File::open(&self.0)?.read(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes[..read]);
        let missing = || io::Error::new(io::ErrorKind::InvalidData, "no MemTotal or MemAvailable");
        Memory::parse(&text).ok_or_else(missing)
    }
}

/// Lets requests through while memory suffices.
#[derive(Clone, Debug)]
pub struct Admission {
    gauge: Arc<dyn Gauge>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes with a ticket.
    in_flight: u64,
    last: Option<Reading>,
}

/// What was read, and what was done about it.
#[derive(Clone, Copy, Debug)]
struct Reading {
    memory: Memory,
    at: Instant,
    /// Bytes that had a ticket then.
    in_flight: u64,
    /// Bytes let through since; that some were given back meanwhile is not seen before the next.
    since: u64,
}

impl Reading {
    /// Whether one may go by it for so many bytes more.
    fn serves(&self, bytes: u64) -> bool {
        let unseen = self.memory.reserve() / UNSEEN_PART;
        self.since.saturating_add(bytes) <= unseen && self.at.elapsed() < FRESH
    }

    /// The same with `bytes` let through.
    fn with(self, bytes: u64) -> Result<Self, Shortage> {
        let in_flight = self.in_flight.saturating_add(self.since);
        let spare = self.memory.spare();
        match in_flight.checked_add(bytes) {
            Some(sum) if sum <= spare => {
                Ok(Self { since: self.since.saturating_add(bytes), ..self })
            }
            _ => Err(Shortage::Memory { bytes, in_flight, spare }),
        }
    }
}

impl Admission {
    /// An admission that goes by `gauge`.
    #[must_use]
    pub fn new(gauge: impl Gauge + 'static) -> Self {
        Self { gauge: Arc::new(gauge), state: Arc::default() }
    }

    /// Lets `bytes` through. They count as taken until the ticket is dropped: keep it until the
    /// kernel itself counts them.
    ///
    /// # Errors
    /// [`Shortage`] when they do not fit, or when nobody can say.
    pub fn admit(&self, bytes: u64) -> Result<Ticket, Shortage> {
        // Read under the lock: between two requests one ticket must not be missed by both.
        let mut state = lock(&self.state);
        let known = state.last.filter(|last| last.serves(bytes));
        let known = known.and_then(|last| last.with(bytes).ok());
        let reading = known.map_or_else(|| self.read(state.in_flight)?.with(bytes), Ok)?;
        state.last = Some(reading);
        state.in_flight = state.in_flight.saturating_add(bytes);
        drop(state);
        Ok(Ticket { bytes, state: Arc::clone(&self.state) })
    }

    fn read(&self, in_flight: u64) -> Result<Reading, Shortage> {
        // Before it is read: time that this takes makes it no fresher.
        let at = Instant::now();
        let memory = self.gauge.read().map_err(|error| Shortage::Unknown(error.to_string()))?;
        Ok(Reading { memory, at, in_flight, since: 0 })
    }

    /// Bytes that were let through and that the kernel may not count yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        lock(&self.state).in_flight
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that were let through.
#[derive(Debug)]
pub struct Ticket {
    bytes: u64,
    state: Arc<Mutex<State>>,
}

impl Ticket {
    /// Keeps it for `frames` of the `all` frames that it is for, and gives back the rest.
    pub(crate) fn keep(&mut self, frames: u64, all: u64) {
        let kept = self.bytes.checked_div(all).unwrap_or_default().saturating_mul(frames);
        self.give_back(self.bytes.saturating_sub(kept));
        self.bytes = kept;
    }

    fn give_back(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.in_flight = state.in_flight.saturating_sub(bytes);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

/// Why bytes were not let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shortage {
    /// They do not fit.
    #[error(
        "{bytes} bytes and {in_flight} in flight do not fit in the {spare} bytes that can be spared"
    )]
    Memory {
        /// Asked for.
        bytes: u64,
        /// Let through just before.
        in_flight: u64,
        /// Available without free contiguous memory and the reserve.
        spare: u64,
    },
    /// Nobody can say how much there is.
    #[error("how much memory there is cannot be read: {0}")]
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::{Admission, FRESH, Gauge, Meminfo, Memory, Shortage, UNSEEN_PART};
    use std::io;
    use std::sync::atomic::{AtomicU64, Ordering};

    const GUEST: Memory = Memory { total: 1 << 30, available: 940 << 20, cma_free: 596 << 20 };

    #[derive(Debug)]
    struct Fixed(Memory);

    impl Gauge for Fixed {
        fn read(&self) -> io::Result<Memory> {
            Ok(self.0)
        }
    }

    #[test]
    fn meminfo_is_read_in_kib() {
        let text = "MemTotal:        1048576 kB\nMemFree: 1 kB\nMemAvailable:     962560 kB\n\
                    CmaTotal:         614400 kB\nCmaFree:          610304 kB\n";
        let memory = Memory::parse(text).unwrap();
        assert_eq!(memory, GUEST);
        assert_eq!(memory.spare(), (940 - 596 - 64) << 20);
        for broken in ["", "MemTotal: 1 kB", "MemTotal: x kB\nMemAvailable: 1 kB"] {
            assert_eq!(Memory::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_machine_of_this_test_has_memory() {
        let memory = Meminfo::default().read().unwrap();
        assert!(memory.total >= memory.available && memory.available > 0);
        assert!(Meminfo("/there-is-none".into()).read().is_err());
    }

    #[test]
    fn what_would_wake_the_oom_killer_is_not_let_through() {
        let admission = Admission::new(Fixed(GUEST));
        for bytes in [600 << 20, 1 << 40, u64::MAX] {
            let refused = admission.admit(bytes);
            assert!(matches!(refused, Err(Shortage::Memory { .. })), "{bytes}");
        }
        let ticket = admission.admit(200 << 20).unwrap();
        assert!(admission.admit(200 << 20).is_err());
        drop(ticket);
        assert!(admission.admit(200 << 20).is_ok());
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn without_figures_nothing_is_let_through() {
        let admission = Admission::new(Meminfo("/there-is-none".into()));
        assert!(matches!(admission.admit(1), Err(Shortage::Unknown(_))));
    }

    /// A machine on which memory that was let through goes away a little later.
    #[derive(Debug, Default)]
    struct Machine {
        taken: std::sync::Arc<AtomicU64>,
    }

    impl Gauge for Machine {
        fn read(&self) -> io::Result<Memory> {
            let available = (1_u64 << 30).saturating_sub(self.taken.load(Ordering::SeqCst));
            Ok(Memory { total: 1 << 30, available, cma_free: 0 })
        }
    }

    /// A machine that others use too: of each reading they take some before the next.
    #[derive(Debug, Default)]
    struct Shared {
        readings: std::sync::Arc<AtomicU64>,
    }

    impl Gauge for Shared {
        fn read(&self) -> io::Result<Memory> {
            let before = self.readings.fetch_add(1, Ordering::SeqCst);
            let available = (1_u64 << 30).saturating_sub(before * (256 << 20));
            Ok(Memory { total: 1 << 30, available, cma_free: 0 })
        }
    }

    #[test]
    fn a_burst_goes_by_one_reading_and_takes_no_more_than_part_of_the_reserve() {
        let machine = Shared::default();
        let readings = std::sync::Arc::clone(&machine.readings);
        let admission = Admission::new(machine);
        let unseen = GUEST.reserve() / UNSEEN_PART;
        let mut tickets = Vec::new();
        while readings.load(Ordering::SeqCst) < 2 {
            tickets.push(admission.admit(4096).unwrap());
            if readings.load(Ordering::SeqCst) == 1 {
                assert!(admission.in_flight() <= unseen);
            }
        }
        // One that is large asks for itself: the others left 512 MiB.
        assert!(admission.admit(600 << 20).is_err());
        assert_eq!(readings.load(Ordering::SeqCst), 3);
        // And so does one that an old reading would refuse.
        drop(tickets);
        let nothing = Admission::new(Shared { readings: std::sync::Arc::new(AtomicU64::new(4)) });
        assert!(nothing.admit(1).is_err());
        assert!(nothing.admit(1).is_err());
    }

    #[test]
    fn a_reading_becomes_old() {
        let machine = Shared::default();
        let readings = std::sync::Arc::clone(&machine.readings);
        let admission = Admission::new(machine);
        let _ticket = admission.admit(1).unwrap();
        std::thread::sleep(FRESH);
        let _ticket = admission.admit(1).unwrap();
        assert_eq!(readings.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn many_at_once_do_not_get_more_than_one_after_the_other() {
        let machine = Machine::default();
        let taken = std::sync::Arc::clone(&machine.taken);
        let spare = machine.read().unwrap().spare();
        let admission = Admission::new(machine);
        std::thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| {
                    for _ in 0..64 {
                        if let Ok(_ticket) = admission.admit(1 << 20) {
                            std::thread::yield_now();
                            taken.fetch_add(1 << 20, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken <= spare && taken > spare / 2, "{taken} of {spare}");
        assert_eq!(admission.in_flight(), 0);
    }
}
