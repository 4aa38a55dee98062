//! Heaps that are watched: one that hangs is not asked again, and what one gives has the size that was
//! asked for.

use super::{Heaps, Source};
use heapq_constraints::{Heap, Name, Origin};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one buffer may take: clearing a gigabyte takes a second, and then the kernel may have to find
/// memory first.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a heap may give beside as much again: a huge page.
const SLACK: u64 = 2 << 20;

/// Heaps, and since when each is at what it was asked for.
#[derive(Debug)]
pub(crate) struct Watched {
    heaps: Box<dyn Heaps>,
    patience: Duration,
    under_way: Arc<UnderWay>,
}

/// When each allocation that has not ended began, by heap and number.
#[derive(Debug, Default)]
struct UnderWay(Mutex<BTreeMap<(Name, u64), Instant>>);

impl Watched {
    pub(crate) fn new(heaps: Box<dyn Heaps>) -> Self {
        Self { heaps, patience: PATIENCE, under_way: Arc::default() }
    }
}

impl UnderWay {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(Name, u64), Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when the oldest allocation of a heap is under way.
    fn oldest(&self, heap: &Name) -> Option<Duration> {
        let all = self.all();
        let (_, begun) = all.range((heap.clone(), 0)..=(heap.clone(), u64::MAX)).next()?;
        Some(begun.elapsed())
    }

    fn enter(&self, heap: &Name) -> Entered<'_> {
        let mut all = self.all();
        let last = all.range((heap.clone(), 0)..=(heap.clone(), u64::MAX)).next_back();
        let key = (heap.clone(), last.map_or(0, |((_, number), _)| number + 1));
        all.insert(key.clone(), Instant::now());
        Entered { under_way: self, key }
    }
}

/// One allocation that is under way.
struct Entered<'a> {
    under_way: &'a UnderWay,
    key: (Name, u64),
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.under_way.all().remove(&self.key);
    }
}

impl Heaps for Watched {
    fn open(&self, heap: &Heap) -> io::Result<Box<dyn Source>> {
        if let Some(since) = self.under_way.oldest(&heap.name).filter(|time| *time > self.patience)
        {
            let name = &heap.name;
            let seconds = since.as_secs_f32();
            let text = format!(
                "{name} has been at another allocation for {seconds:.1} s, and is not asked again before that ends"
            );
            return Err(io::Error::other(text));
        }
        let source = self.heaps.open(heap)?;
        Ok(Box::new(Open { source, heap: heap.name.clone(), under_way: self.under_way.clone() }))
    }

    fn denied(&self, heap: &Heap) -> Option<Origin> {
        self.heaps.denied(heap)
    }

    fn wrap(&self, memory: &OwnedFd, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        self.heaps.wrap(memory, bytes, name)
    }

    fn node(&self, heap: &Heap) -> io::Result<OwnedFd> {
        self.heaps.node(heap)
    }

    fn stand_in(&self) -> bool {
        self.heaps.stand_in()
    }
}

struct Open {
    source: Box<dyn Source>,
    heap: Name,
    under_way: Arc<UnderWay>,
}

impl Source for Open {
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        let entered = self.under_way.enter(&self.heap);
        let buffer = self.source.allocate(bytes, name)?;
        drop(entered);
        let size = u64::try_from(rustix::fs::fstat(&buffer)?.st_size).unwrap_or(0);
        // More would be memory for which nobody pays.
        if (bytes..=bytes.saturating_mul(2).saturating_add(SLACK)).contains(&size) {
            return Ok(buffer);
        }
        Err(io::Error::other(format!("{} gave {size} bytes in place of {bytes}", self.heap)))
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, Watched};
    use crate::heaps::Heaps;
    use crate::heaps::fake::{self, Conduct, Fake};
    use heapq_constraints::Heap;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    fn watched(fake: Fake, patience: Duration) -> Watched {
        Watched { patience, ..Watched::new(Box::new(fake)) }
    }

    #[test]
    fn a_heap_that_hangs_is_left_alone_until_it_is_back() {
        let (begun, has_begun) = channel();
        let (go, go_on) = channel();
        let heaps = watched(Fake::default().gated(begun, go_on), Duration::from_millis(20));
        let (cma, system) = (Heap::new("cma"), Heap::new("system"));
        std::thread::scope(|threads| {
            let hanging = threads.spawn(|| heaps.open(&cma).unwrap().allocate(4096, "x").map(drop));
            has_begun.recv_timeout(fake::PATIENCE).unwrap();
            assert!(heaps.open(&cma).is_ok(), "it may take a while");
            std::thread::sleep(Duration::from_millis(150));
            let error = heaps.open(&cma).err().unwrap().to_string();
            assert!(error.contains("cma has been at another allocation for 0."), "{error}");
            assert!(heaps.open(&system).is_ok());
            go.send(()).unwrap();
            assert!(hanging.join().unwrap().is_ok());
        });
        assert!(heaps.open(&cma).is_ok());
    }

    #[test]
    fn what_a_heap_gives_has_the_size_that_was_asked_for() {
        for (asked, gives, fits) in [
            (4096, 4096, true),
            (4096, 2 << 20, true),
            (4096, 8 << 20, false),
            (4096, 4095, false),
            (4096, 0, false),
            (1 << 20, 1 << 40, false),
        ] {
            let conduct = Conduct { gives: Some(gives), ..Conduct::default() };
            let heaps = watched(Fake::default().with("odd", conduct), PATIENCE);
            let given = heaps.open(&Heap::new("odd")).unwrap().allocate(asked, "x");
            let text = given.as_ref().err().map(ToString::to_string);
            let expected = (!fits).then(|| format!("odd gave {gives} bytes in place of {asked}"));
            assert_eq!(text, expected);
        }
    }
}
