//! The machine of the demonstration, and the service on it.

use super::pipeline::Cast;
use crate::cli::Global;
use crate::problem::Problem;
use crate::session::{Session, policy_dirs};
use crate::table::printable;
use heapq_allocator::discover::bundled_board;
use heapq_allocator::{Broker, Caller, Config, Topology};
use heapq_constraints::{Heap, Name};
use heapq_dbus::client::Place;
use heapq_dbus::peer;
use heapq_dbus::service::Service;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::Builder;

/// Where the demonstration takes place.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Machine {
    /// The heaps are this machine's own; otherwise the board is a bundled one.
    real: bool,
    /// The board's first `compatible`, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<Name>,
    /// Heaps that may be used.
    heaps: Vec<Name>,
    devices: usize,
}

impl Machine {
    /// `real`: where its root is, if it is no bundled one.
    fn new(real: Option<&Path>, topology: &Topology) -> Self {
        let opens = |heap: &&Heap| real.is_none_or(|root| opens(heap, root));
        Self {
            real: real.is_some(),
            board: topology.board.first().cloned(),
            heaps: usable(topology).filter(opens).map(|heap| heap.name.clone()).collect(),
            devices: topology.shown().count(),
        }
    }

    pub(super) fn in_words(&self) -> String {
        let heaps = printable(&super::joined(&self.heaps, ", "));
        if self.real {
            return format!("This machine's own heaps: {heaps}.\n");
        }
        let board = printable(self.board.as_deref().unwrap_or("a board"));
        format!(
            "A bundled board, {board}, with stand-in heaps ({heaps}): memfds, no dma-bufs.\n\
             This machine has no dma-buf heaps that we may open and that serve its own devices.\n"
        )
    }
}

/// Heaps that are there and may be used.
fn usable(topology: &Topology) -> impl Iterator<Item = &Heap> {
    topology.heaps.heaps().iter().filter(|heap| heap.present && heap.permitted)
}

/// Whether this process may open one of the heap's nodes, which a capture does not have.
fn opens(heap: &Heap, root: &Path) -> bool {
    let mut names = [&heap.name].into_iter().chain(&heap.aliases);
    names.any(|name| {
        let node = File::open(root.join("dev/dma_heap").join(&**name));
        let kind = node.and_then(|node| node.metadata()).map(|node| node.file_type());
        kind.is_ok_and(|kind| kind.is_char_device())
    })
}

/// The service, and a client's end of its private connection.
pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) topology: Arc<Topology>,
    service: JoinHandle<io::Result<()>>,
}

impl Stage {
    /// Opens a broker (on this machine's heaps if there are any) and serves it in a thread of its
    /// own, with a runtime of its own, to one client: this one.
    pub(super) fn set(global: &Global) -> Result<(Self, Machine), Problem> {
        let (broker, machine) = broker(global)?;
        let topology = broker.topology();
        let service = Service::new(broker, Vec::new());
        let pair = UnixStream::pair().map_err(Problem::system("making a socket pair"))?;
        let (ours, theirs) = pair;
        let service = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(peer::serve(service, theirs))
        });
        let session = Session::daemon(Place::Stream(ours))?;
        Ok((Self { session, topology, service }, machine))
    }

    /// Hangs up; the service ends its client's leases and then itself.
    pub(super) fn close(self) -> Result<(), Problem> {
        drop(self.session);
        match self.service.join() {
            Ok(served) => served.map_err(Problem::system("serving")),
            Err(_) => Err(Problem::Demo("the service's thread panicked".to_owned())),
        }
    }
}

/// The broker of this machine, if its heaps can be opened and serve its own devices; else that of
/// a bundled board.
fn broker(global: &Global) -> Result<(Broker, Machine), Problem> {
    let config = Config {
        root: global.root.clone().unwrap_or_else(|| PathBuf::from("/")),
        board: None,
        policy_dirs: policy_dirs(global),
        stand_in: false,
        privileged: true,
    };
    // A machine that cannot be read has no heaps for us either.
    if let Ok((broker, _)) = Broker::open(config.clone()) {
        let machine = Machine::new(Some(&config.root), &broker.topology());
        if !machine.heaps.is_empty() && serves(&broker) {
            return Ok((broker, machine));
        }
    }
    let board = Some(bundled_board().into());
    let (broker, _) = Broker::open(Config { board, stand_in: true, ..config })?;
    let machine = Machine::new(None, &broker.topology());
    Ok((broker, machine))
}

/// Whether this machine's camera, encoder and display have a heap in common.
fn serves(broker: &Broker) -> bool {
    let question = Cast::of(&broker.topology()).question().question();
    let answer = question.map(|question| broker.plan(&Caller::myself(), question));
    matches!(answer, Ok(Ok(answer)) if answer.plan.is_some())
}
