//! `org.heapq.Allocator1`: each method passes the gate, has its question read, asks the broker and
//! dresses the answer. Nothing is decided here.

use crate::authority::{Asking, Authority};
use crate::error::Error;
use crate::gate::{self, Call, Gate, Need, Session};
use crate::wire::answer::{self, Dictionary};
use crate::wire::{Asked, Options, Participants};
use heapq_allocator::{Broker, Holder, Outcome, Topology};
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use zbus::message::{Flags, Header};
use zbus::object_server::InterfaceRef;
use zbus::wire::OwnedFd as WireFd;
use zbus::{Connection, interface};

/// Most file descriptors in one reply. dbus-daemon disconnects a sender of 17.
pub const BUFFERS_PER_MESSAGE: usize = heapq_allocator::broker::FDS_PER_MESSAGE;

/// Allocations at a time. Each may clear gigabytes, so more would only fight for memory bandwidth.
pub const ALLOCATIONS: usize = 8;

/// Threads that may block: more than allocate at a time, so that what is only asked never waits
/// behind memory that is being cleared.
pub const THREADS: usize = ALLOCATIONS + 4;

/// The service behind all its connections.
#[derive(Debug)]
pub struct Service {
    broker: Arc<Broker>,
    gate: Gate,
    problems: RwLock<Vec<String>>,
    topologies: watch::Sender<Arc<Topology>>,
    allocations: Arc<Semaphore>,
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
            allocations: Arc::new(Semaphore::new(ALLOCATIONS)),
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
    async fn consult(&self, mut call: Call, need: Need, interactive: bool) -> Call {
        let rights = self.broker.silent(&call.caller, need.rights());
        if let Some(authority) = self.authority.get().filter(|_| !rights.is_empty()) {
            let asking = Asking { rights: &rights, interactive };
            call.caller = authority.consult(&call.session, asking, &call.caller).await;
        }
        call
    }

    /// The topology, now and whenever it changes.
    #[must_use]
    pub fn topologies(&self) -> watch::Receiver<Arc<Topology>> {
        self.topologies.subscribe()
    }

    /// Tells every connection what the broker knows now: after its machine or policies were read
    /// again.
    pub fn publish(&self) {
        self.topologies.send_replace(self.broker.topology());
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
    }
}

/// The interface as one connection serves it.
#[derive(Debug)]
pub struct Allocator1 {
    service: Arc<Service>,
    /// The client at the other end of a private socket; `None` on a bus, where there are many.
    peer: Option<Arc<Session>>,
}

impl Allocator1 {
    /// For a connection to a bus.
    #[must_use]
    pub fn on_bus(service: Arc<Service>) -> Self {
        Self { service, peer: None }
    }

    /// For a private socket and the one client at its other end.
    #[must_use]
    pub fn for_peer(service: Arc<Service>, peer: Arc<Session>) -> Self {
        Self { service, peer: Some(peer) }
    }

    async fn enter(&self, connection: &Connection, header: &Header<'_>) -> Result<Call, Error> {
        let method = header.member().map(ToString::to_string).unwrap_or_default();
        let Some(need) = gate::need(&method) else {
            return Err(Error::NotAuthorized(format!("{method} is not open to anybody")));
        };
        let call = match &self.peer {
            Some(session) => Gate::enter_from_peer(session)?,
            None => self.service.gate.enter_from_bus(connection, header.sender()).await?,
        };
        let interactive = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let call = self.service.consult(call, need, interactive).await;
        match need {
            Need::Right(right) => self.service.broker.authorise(&call.caller, right)?,
            // The broker finds a lease by its holder only: another's does not exist for it.
            Need::Anybody | Need::Lease => {}
        }
        Ok(call)
    }

    /// Asks the broker on a thread that may block, and ends what it gave to one who left meanwhile.
    async fn ask<T: Send + 'static>(
        &self,
        call: Call,
        turn: Option<OwnedSemaphorePermit>,
        ask: impl FnOnce(&Broker, &Call) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let broker = self.service.broker.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let answer = ask(&broker, &call);
            if call.session.is_gone() {
                broker.left(call.session.holder());
            }
            // Not before: a client that no longer waits has not stopped what it began.
            drop(turn);
            answer
        });
        asked.await.map_err(|error| Error::Failed(format!("the request was abandoned: {error}")))?
    }
}

/// Waits for one's turn to allocate, in the order of coming.
async fn turn(allocations: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let turn = allocations.clone().acquire_owned().await;
    turn.map_err(|error| Error::Failed(format!("the request was abandoned: {error}")))
}

fn question(participants: Participants, options: Options) -> Result<(Asked, bool), Error> {
    Asked::from_call(participants.0?, options.0?)
}

fn carried(buffers: Vec<OwnedFd>) -> Vec<WireFd> {
    buffers.into_iter().take(BUFFERS_PER_MESSAGE).map(WireFd::from).collect()
}

#[interface(name = "org.heapq.Allocator1")]
impl Allocator1 {
    /// Answers a question without allocating.
    ///
    /// participants: who will touch the buffers, in pipeline order; the keys are those of
    /// [[participant]] in the vocabulary, e.g. name (s), device (s), usage (as), contiguous (b),
    /// min-size (t), format (aa{sv}). Any integer type is taken where it fits.
    ///
    /// options: the keys of [request], e.g. limit-total (t), strict (b).
    ///
    /// answer: verdict (s) is "ok" or "conflict". With "ok": heap (s), heaps (as, best first),
    /// plane-heaps (as, where planes have buffers of their own), count (u), total (u, buffers in
    /// all), size and allocation-size (t, bytes of one frame), fourcc and modifier (s), planes
    /// (aa{sv}: buffer-index u, offset t, stride u, size t), access (s), contiguous, protected,
    /// assumed and size-assumed (b), sync-points (aa{sv}: participant s, read b, write b,
    /// because s), left-out (as). explanation (a{sv}) is the whole answer with every reason and
    /// its origin, as "heapq plan --json" prints it. Where that would take more than 256 KiB of
    /// JSON, the ends of its lists are left out, and explanation-cut (b) says so.
    ///
    /// Errors: InvalidConstraint, UnknownDevice, TooMany; NotAuthorized when the bus does not vouch
    /// for the caller.
    #[zbus(out_args("answer"))]
    async fn plan(
        &self,
        participants: Participants,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Dictionary, Error> {
        let call = self.enter(connection, &header).await?;
        let (asked, _) = question(participants, options)?;
        let answer = self.ask(call, None, move |broker, call| {
            let question = asked.question().map_err(|complaints| Error::invalid(&complaints))?;
            Ok(answer::planned(&broker.plan(&call.caller, question)?))
        });
        answer.await
    }

    /// Answers a question, and on "ok" allocates. Needs a grant in the policies.
    ///
    /// participants, options: as for Plan; the option explain (b) asks for the explanation of an
    /// "ok" answer too.
    ///
    /// answer: as of Plan. With "ok" also: lease (t, for Release and GetBuffers), candidate (u),
    /// stand-in (b, true when the buffers are no dma-bufs), fallback-from (a(ss), heaps that
    /// failed before and how). Two more verdicts: "no-memory" (fallback-from lists the heaps
    /// tried) and "over-quota" (account (s, whose bound it is), what (s), bound, in-use and asked
    /// (t), origin (s, who set it)).
    ///
    /// buffers: frame by frame, in a frame plane by plane: the first 16 at most; GetBuffers gives
    /// the rest. Empty unless "ok". Whoever gets one keeps it, whatever becomes of the lease. The
    /// lease ends with Release or when its client leaves the bus.
    ///
    /// Errors: NotAuthorized, InvalidConstraint, UnknownDevice, TooMany, HeapGone, Failed.
    #[zbus(out_args("answer", "buffers"))]
    async fn allocate(
        &self,
        participants: Participants,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Dictionary, Vec<WireFd>), Error> {
        let call = self.enter(connection, &header).await?;
        let (asked, explained) = question(participants, options)?;
        let turn = turn(&self.service.allocations).await?;
        let outcome = self.ask(call, Some(turn), move |broker, call| {
            let question = asked.question().map_err(|complaints| Error::invalid(&complaints))?;
            let outcome = broker.allocate(&call.caller, call.session.holder(), question)?;
            let answer = answer::allocated(&outcome, explained);
            let buffers = match outcome {
                Outcome::Granted(grant) => carried(grant.buffers),
                _ => Vec::new(),
            };
            Ok((answer, buffers))
        });
        outcome.await
    }

    /// The buffers of a lease from index first on, 16 at most; none past the last. Those that came
    /// with Allocate (the first 16) are not kept.
    ///
    /// Errors: UnknownLease, Failed.
    #[zbus(out_args("buffers"))]
    async fn get_buffers(
        &self,
        lease: u64,
        first: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Vec<WireFd>, Error> {
        let call = self.enter(connection, &header).await?;
        Ok(carried(self.service.broker.more(call.session.holder(), lease, first)?))
    }

    /// Ends a lease of the caller. Its buffers live on for those who hold them.
    ///
    /// Errors: UnknownLease.
    async fn release(
        &self,
        lease: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let call = self.enter(connection, &header).await?;
        Ok(self.service.broker.release(call.session.holder(), lease)?)
    }

    /// The version of the service.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Counts up, from 1, with every change of the heaps, the devices or the policies.
    #[zbus(property)]
    fn generation(&self) -> u64 {
        self.service.broker.topology().generation
    }

    /// Whether buffers are plain memfds and no dma-bufs.
    #[zbus(property(emits_changed_signal = "const"))]
    fn stand_in(&self) -> bool {
        self.service.broker.stand_in()
    }

    /// What an administrator should know: policy files that were left out, oddities of the
    /// machine. A line each.
    #[zbus(property)]
    fn problems(&self) -> Vec<String> {
        let mut problems = self.service.problems();
        problems.extend(self.service.broker.topology().warnings.iter().cloned());
        problems
    }
}

/// Tells clients that properties may have changed.
///
/// # Errors
/// Those of the connection.
pub async fn announce(interface: &InterfaceRef<Allocator1>) -> zbus::Result<()> {
    let emitter = interface.signal_emitter();
    let served = interface.get().await;
    served.generation_changed(emitter).await?;
    served.problems_changed(emitter).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn what_is_only_asked_does_not_wait_behind_allocations() {
        let threads = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(THREADS)
            .build()
            .unwrap();
        threads.block_on(async {
            let allocations = Arc::new(Semaphore::new(ALLOCATIONS));
            let mut ends = Vec::new();
            for _ in 0..2 * THREADS {
                let (end, ended) = channel::<()>();
                ends.push(end);
                let allocations = allocations.clone();
                tokio::spawn(async move {
                    let turn = turn(&allocations).await.unwrap();
                    tokio::task::spawn_blocking(move || {
                        // Until the sender goes.
                        let _ = ended.recv();
                        drop(turn);
                    })
                    .await
                });
            }
            while allocations.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            let asked = tokio::task::spawn_blocking(|| "answer");
            let asked = tokio::time::timeout(Duration::from_secs(20), asked).await;
            drop(ends);
            assert_eq!(asked.unwrap().unwrap(), "answer");
        });
    }
}
