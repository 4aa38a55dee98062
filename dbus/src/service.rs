//! The service behind all its connections: the broker, and what bounds those who ask it.

mod allocate;
mod allocator1;
mod at_once;
mod prompt;

pub use allocator1::{Allocator1, announce};
pub(crate) use allocator1::{receipt, wired};
pub use at_once::Rest;
pub use prompt::{Prompt, Prompted};

use crate::authority::{Asking, Authority};
use crate::flight::{Flight, Load};
use crate::gate::{Call, Gate, Need, Session};
use crate::moments::Moments;
use crate::peer::Peers;
use crate::recall::{Key, Known, Recall};
use crate::turns::Turns;
use heapq_allocator::{Broker, Caller, Holder, Standing, Topology};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::watch;

/// Allocations at a time, and those of one user. Each may clear gigabytes, so more would only fight
/// for memory bandwidth.
const ALLOCATIONS: (usize, usize) = (8, 6);

/// Plans at a time, and those of one user. They take milliseconds at worst, of one processor.
const PLANS: (usize, usize) = (2, 1);

/// Threads that may block: what is only asked never waits behind memory that is being cleared, and
/// neither behind the user database or a reading of the machine.
pub const THREADS: usize = ALLOCATIONS.0 + PLANS.0 + 4;

/// What a bus bears that its clients have not received: dbus-daemon listens to us no longer at 64
/// descriptors, or at 127 MiB.
const ON_BUS: Load = Load { descriptors: 62, bytes: 16 << 20 };

/// The same for private sockets, where the kernel has to bear it.
pub(crate) const ON_SOCKETS: Load = Load { descriptors: 8192, bytes: 16 << 20 };

/// The service behind all its connections.
#[derive(Debug)]
pub struct Service {
    broker: Arc<Broker>,
    gate: Gate,
    problems: RwLock<Vec<String>>,
    topologies: watch::Sender<Arc<Topology>>,
    plans: Arc<Turns>,
    allocations: Arc<Turns>,
    moments: Moments,
    recall: Recall,
    on_bus: Arc<Flight>,
    peers: Peers,
    /// Whom to ask of clients on the bus that no policy names; on no bus there is nobody.
    authority: OnceLock<Authority>,
}

impl Service {
    /// Serves what `broker` has. `problems` are what an administrator should know of the start:
    /// policy files that were left out above all.
    #[must_use]
    pub fn new(broker: Broker, problems: Vec<String>) -> Arc<Self> {
        let (topologies, _) = watch::channel(broker.topology());
        Arc::new(Self {
            broker: Arc::new(broker),
            gate: Gate::default(),
            problems: RwLock::new(problems),
            topologies,
            plans: Turns::new(PLANS.0, PLANS.1),
            allocations: Turns::new(ALLOCATIONS.0, ALLOCATIONS.1),
            moments: Moments::default(),
            recall: Recall::default(),
            on_bus: Flight::new(ON_BUS),
            peers: Peers::default(),
            authority: OnceLock::new(),
        })
    }

    /// From now on the polkit of that connection's bus is asked of those whom no policy names.
    pub fn trust(&self, authority: Authority) {
        if self.authority.set(authority).is_err() {
            tracing::warn!("the service is on a bus already; its polkit stays");
        }
    }

    /// Puts polkit's word into a call, where an answer depends on it.
    async fn consult(
        &self,
        mut call: Call,
        standing: &Standing,
        need: Need,
        interactive: bool,
    ) -> Call {
        let rights = standing.silent(need.rights());
        if let Some(authority) = self.authority.get().filter(|_| !rights.is_empty()) {
            let asking = Asking { rights: &rights, interactive };
            call.caller = authority.consult(&call.session, asking, &call.caller).await;
        }
        call
    }

    /// The caller with polkit's word, where an answer depends on it; `None`: polkit is yet to be asked.
    fn consulted(
        &self,
        session: &Session,
        caller: Arc<Caller>,
        standing: &Standing,
        need: Need,
        interactive: bool,
    ) -> Option<Arc<Caller>> {
        let rights = standing.silent(need.rights());
        let asking = Asking { rights: &rights, interactive };
        match self.authority.get().filter(|_| !rights.is_empty()) {
            Some(authority) => authority.consulted(session, asking, &caller),
            None => Some(caller),
        }
    }

    /// The topology, now and whenever it changes.
    #[must_use]
    pub fn topologies(&self) -> watch::Receiver<Arc<Topology>> {
        self.topologies.subscribe()
    }

    /// Tells every connection what the broker knows now: after its machine or policies were read
    /// again.
    pub fn publish(&self) {
        self.recall.clear();
        self.topologies.send_replace(self.broker.topology());
    }

    /// What was found for the same question before, if it is what would be found for `caller`, who has
    /// this standing.
    fn find(&self, question: Key<'_>, caller: &Caller, standing: &Standing) -> Option<Arc<Known>> {
        let holds = |known: &Arc<Known>| self.broker.holds(&known.solved, caller, standing);
        self.recall.find(question).filter(holds)
    }

    /// Whose turn it is to allocate.
    pub(crate) fn allocations(&self) -> &Arc<Turns> {
        &self.allocations
    }

    /// For whom something may be done on the event loop.
    fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The broker that it asks.
    #[must_use]
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Replaces the problems, after policies were read again.
    pub fn set_problems(&self, problems: Vec<String>) {
        *self.problems.write().unwrap_or_else(PoisonError::into_inner) = problems;
    }

    fn problems(&self) -> Vec<String> {
        self.problems.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many clients on the bus have called.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.gate.clients()
    }

    /// The private connections.
    pub(crate) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Ends what a client on the bus held, when it has left.
    pub fn left_bus(&self, name: &str) {
        if let Some(holder) = self.gate.leave(name) {
            self.left(&holder);
        }
    }

    /// Ends what a client on a private socket held, when it has hung up.
    pub fn left_peer(&self, session: &Session) {
        session.leave();
        self.left(session.holder());
    }

    fn left(&self, holder: &Holder) {
        tracing::debug!(client = %holder.0, "left");
        self.broker.left(holder);
        self.on_bus.left(holder);
        self.peers.flight().left(holder);
        self.lost(holder);
    }
}
