//! Measuring one heap, with one buffer at a time and a bound on the time for each figure.

use crate::heaps::{Drawn, NotDrawn, Tap};
use crate::sys::dma_buf::{Direction, begin_access, end_access};
use crate::sys::mapping::Mapping;
use serde::Serialize;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Bytes of the buffers that are allocated.
pub const SIZES: [u64; 5] = [4 << 10, 64 << 10, 1 << 20, 4 << 20, BUFFER_MOST];
/// The largest of them: all the memory that is taken at a time.
pub const BUFFER_MOST: u64 = 16 << 20;
/// The one by which heaps are weighed, and which the CPU writes and reads. Every heap has it.
pub const WEIGHED: u64 = 1 << 20;

/// No figure takes more rounds …
const ROUNDS_MOST: usize = 32;
/// … nor, once there are three, more time.
const TIME: Duration = Duration::from_millis(100);
const ROUNDS_LEAST: usize = 3;
/// What the CPU reads at a time.
const CHUNK: usize = 64 << 10;

/// What one heap takes, in nanoseconds; medians.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figures {
    /// To allocate a buffer of each of [`SIZES`] and to give it back; `None` where it gives none.
    pub allocate: Vec<Option<u64>>,
    /// To write all of [`WEIGHED`] bytes, pages that were never touched not among them.
    pub write: Option<u64>,
    /// To read them.
    pub read: Option<u64>,
    /// To bracket a write and a read of them; `None` for what is no dma-buf.
    pub sync: Option<u64>,
}

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A buffer of this many bytes.
    Allocate(u64),
    /// What the CPU does to one.
    Access,
}

/// All steps for one heap, in order.
pub fn steps() -> impl Iterator<Item = Step> {
    SIZES.into_iter().map(Step::Allocate).chain([Step::Access])
}

impl Figures {
    /// What a frame of [`WEIGHED`] bytes costs: allocated, written, bracketed and read once. `None`
    /// where part of that is not known; bracketing costs nothing where there is none.
    #[must_use]
    pub fn cost(&self) -> Option<u64> {
        let index = SIZES.iter().position(|bytes| *bytes == WEIGHED)?;
        let allocate = self.allocate.get(index).copied().flatten()?;
        let sum = allocate.saturating_add(self.write?).saturating_add(self.read?);
        Some(sum.saturating_add(self.sync.unwrap_or(0)))
    }
}

/// Takes one step, and enters what came of it.
///
/// # Errors
/// Why the heap gives no such buffer, or it cannot be mapped.
pub fn measure(tap: &Tap, step: Step, figures: &mut Figures) -> Result<(), NotDrawn> {
    match step {
        Step::Allocate(bytes) => {
            let median = median(|| drop_timed(tap, bytes));
            // The other figures stand whatever becomes of this one.
            figures.allocate.push(median.as_ref().ok().copied());
            median.map(drop)
        }
        Step::Access => {
            let buffer = tap.draw(WEIGHED, NAME)?;
            access(&buffer, figures)?;
            Ok(())
        }
    }
}

const NAME: &str = "heapq:bench";

fn drop_timed(tap: &Tap, bytes: u64) -> Result<Duration, NotDrawn> {
    let begun = Instant::now();
    drop(tap.draw(bytes, NAME)?);
    Ok(begun.elapsed())
}

fn access(buffer: &Drawn, figures: &mut Figures) -> io::Result<()> {
    let mut mapping = Mapping::new(buffer, WEIGHED)?;
    // Pages are there before they are timed.
    mapping.fill(1);
    figures.write = Some(median(|| {
        let begun = Instant::now();
        mapping.fill(0x5a);
        io::Result::Ok(begun.elapsed())
    })?);
    let mut chunk = vec![0; CHUNK];
    figures.read = Some(median(|| {
        let begun = Instant::now();
        for offset in (0..mapping.len()).step_by(CHUNK) {
            mapping.read_at(offset, &mut chunk)?;
            std::hint::black_box(&chunk);
        }
        io::Result::Ok(begun.elapsed())
    })?);
    let bracketed = || {
        let begun = Instant::now();
        for direction in [Direction::WRITE, Direction::READ] {
            begin_access(buffer.as_fd(), direction)?;
            end_access(buffer.as_fd(), direction)?;
        }
        io::Result::Ok(begun.elapsed())
    };
    // A memfd has nothing to bracket.
    figures.sync = median(bracketed).ok();
    Ok(())
}

/// The median of as many rounds as the bounds allow, in nanoseconds.
fn median<E>(mut round: impl FnMut() -> Result<Duration, E>) -> Result<u64, E> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < ROUNDS_LEAST || (times.len() < ROUNDS_MOST && begun.elapsed() < TIME) {
        times.push(round()?);
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(u64::try_from(median.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Figures, SIZES, measure, median, steps};
    use crate::heaps::{Bounded, StandIn};
    use heapq_constraints::Heap;
    use std::time::Duration;

    #[test]
    fn a_stand_in_is_measured_but_for_what_it_has_not() {
        let tap = Bounded::new(StandIn).open(&Heap::new("system")).unwrap();
        let mut figures = Figures::default();
        for step in steps() {
            measure(&tap, step, &mut figures).unwrap();
        }
        assert!(figures.allocate.iter().all(Option::is_some));
        assert_eq!(figures.allocate.len(), SIZES.len());
        assert_eq!(figures.sync, None, "a memfd is no dma-buf");
        assert!(figures.cost() > figures.write);
    }

    #[test]
    fn the_median_is_of_bounded_rounds() {
        let mut rounds = 0_u32;
        let middle = median(|| {
            rounds += 1;
            Ok::<_, ()>(Duration::from_nanos(u64::from(rounds)))
        });
        assert_eq!((middle, rounds), (Ok(17), 32));
        let slow = median(|| {
            std::thread::sleep(Duration::from_millis(60));
            Ok::<_, ()>(Duration::from_nanos(7))
        });
        assert_eq!(slow, Ok(7));
        assert_eq!(median(|| Err(3)), Err(3));
    }

    #[test]
    fn what_is_not_known_has_no_cost() {
        let known = Figures {
            allocate: vec![Some(1); SIZES.len()],
            write: Some(10),
            read: Some(100),
            sync: Some(1000),
        };
        assert_eq!(known.cost(), Some(1111));
        assert_eq!(Figures { sync: None, ..known.clone() }.cost(), Some(111));
        assert_eq!(Figures { read: None, ..known.clone() }.cost(), None);
        assert_eq!(Figures { allocate: Vec::new(), ..known }.cost(), None);
    }
}
