//! Heaps that fail as they are told to.

use super::{Heaps, Source, StandIn};
use heapq_constraints::{Heap, Origin};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a test waits for what is bound to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What one heap does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conduct {
    /// Opening it fails so.
    pub(crate) open: Option<Errno>,
    /// Allocating fails so, after `after` buffers.
    pub(crate) fails: Option<Errno>,
    /// Buffers that it still gives.
    pub(crate) after: u64,
    /// They are so long, whatever is asked.
    pub(crate) gives: Option<u64>,
}

/// Says that something has begun, and is told to go on.
type Gate = (Sender<()>, Receiver<()>);

/// A machine's heaps by name; those not named give what is asked of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    conduct: Arc<Mutex<BTreeMap<String, Conduct>>>,
    /// Buffers that were asked of any of them.
    pub(crate) asked: Arc<AtomicU64>,
    gate: Option<Arc<Mutex<Gate>>>,
}

impl Fake {
    pub(crate) fn with(self, heap: &str, conduct: Conduct) -> Self {
        self.conduct.lock().unwrap().insert(heap.to_owned(), conduct);
        self
    }

    /// Each allocation says on the first channel that it has begun, and waits on the second.
    pub(crate) fn gated(self, begun: Sender<()>, go_on: Receiver<()>) -> Self {
        Self { gate: Some(Arc::new(Mutex::new((begun, go_on)))), ..self }
    }

    /// Makes a heap give nothing from now on, or again.
    pub(crate) fn exhaust(&self, heap: &str, yes: bool) {
        let fails = yes.then_some(Errno::NOMEM);
        let conduct = Conduct { fails, ..Conduct::default() };
        self.conduct.lock().unwrap().insert(heap.to_owned(), conduct);
    }

    pub(crate) fn failing(self, heap: &str, errno: Errno) -> Self {
        self.with(heap, Conduct { fails: Some(errno), ..Conduct::default() })
    }
}

impl Heaps for Fake {
    fn open(&self, heap: &Heap) -> io::Result<Box<dyn Source>> {
        let conduct = self.conduct.lock().unwrap().get(&*heap.name).cloned().unwrap_or_default();
        if let Some(errno) = conduct.open {
            return Err(errno.into());
        }
        Ok(Box::new(Open { fake: self.clone(), conduct, given: AtomicU64::new(0) }))
    }

    fn denied(&self, heap: &Heap) -> Option<Origin> {
        let conduct = self.conduct.lock().unwrap().get(&*heap.name)?.open?;
        (conduct == Errno::ACCESS).then(|| Origin::Sysfs(format!("fake/{}", heap.name).into()))
    }

    /// It can be watched as a dma-buf can.
    fn wrap(&self, _memory: &OwnedFd, _bytes: u64, _name: &str) -> io::Result<OwnedFd> {
        Ok(rustix::pipe::pipe()?.0)
    }

    fn node(&self, heap: &Heap) -> io::Result<OwnedFd> {
        self.open(heap)?;
        Ok(std::fs::File::open("/dev/null")?.into())
    }

    fn stand_in(&self) -> bool {
        false
    }
}

struct Open {
    fake: Fake,
    conduct: Conduct,
    given: AtomicU64,
}

impl Source for Open {
    fn allocate(&self, bytes: u64, name: &str) -> io::Result<OwnedFd> {
        self.fake.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(gate) = &self.fake.gate {
            let (begun, go_on) = &*gate.lock().unwrap();
            begun.send(()).unwrap();
            go_on.recv_timeout(PATIENCE).unwrap();
        }
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        match self.conduct.fails {
            Some(errno) if given >= self.conduct.after => Err(errno.into()),
            _ => self.conduct.gives.map_or_else(|| StandIn.allocate(bytes, name), memory),
        }
    }
}

/// A file of that length, of which nothing is there.
fn memory(bytes: u64) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("fake", rustix::fs::MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&file, bytes)?;
    Ok(file)
}
