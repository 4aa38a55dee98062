//! `org.heapq.Allocator1`: each method passes the gate, has its question read, asks the broker and
//! dresses the answer. Nothing is decided here.

use super::Service;
use super::at_once::{Answered, Guest, Rest};
use super::prompt::{Prompt, Prompted};
use crate::error::Error;
use crate::flight::{Cargo, Flight, Load};
use crate::gate::{self, Call, METHODS, Need, Session};
use crate::turns::Turns;
use crate::wire::answer::{self, Dictionary, Reply};
use crate::wire::{Asked, Options, Participants, connecting, usage};
use crate::{peer, refusals, reload};
use heapq_allocator::{Broker, Holder, Outcome};
use heapq_policies::Right;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use zbus::message::{Body, Flags, Header, Message};
use zbus::object_server::InterfaceRef;
use zbus::wire::{OwnedFd as WireFd, OwnedObjectPath};
use zbus::{Connection, interface};

/// Bytes from which on a reply has a receipt.
const LONG: usize = 32 << 10;
/// The interface as one connection serves it.
#[derive(Clone, Debug)]
pub struct Allocator1 {
    service: Arc<Service>,
    /// The client at the other end of a private socket; `None` on a bus, where there are many.
    peer: Option<Arc<Session>>,
    /// The call that this one answers.
    asked: Option<Body>,
}

impl Allocator1 {
    /// For a connection to a bus.
    #[must_use]
    pub fn on_bus(service: Arc<Service>) -> Self {
        Self { service, peer: None, asked: None }
    }

    /// For a private socket and the one client at its other end.
    #[must_use]
    pub fn for_peer(service: Arc<Service>, peer: Arc<Session>) -> Self {
        Self { service, peer: Some(peer), asked: None }
    }

    async fn enter(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Arc<Call>, Error> {
        let method = header.member().map(|name| name.as_str()).unwrap_or_default();
        self.enter_by(gate::need(&METHODS, method), connection, header).await
    }

    /// Lets a call in that needs this; `None`: it is in no table, and open to nobody.
    pub(crate) async fn enter_by(
        &self,
        need: Option<Need>,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Arc<Call>, Error> {
        let Some(need) = need else {
            return Err(Error::NotAuthorized("this method is not open to anybody".into()));
        };
        let call = match &self.peer {
            Some(session) => self.service.gate.enter_from_peer(session)?,
            None => self.service.gate.enter_from_bus(connection, header.sender()).await?,
        };
        let interactive = is_interactive(header);
        let standing = call.session.standing(&self.service.broker, &call.caller);
        let call = self.service.consult(call, &standing, need, interactive).await;
        match need {
            Need::Right(right) => {
                // Policies may be others since polkit was asked.
                let standing = call.session.standing(&self.service.broker, &call.caller);
                let denied = standing.authorise(&call.caller, right);
                denied.map_err(Error::from).inspect_err(|why| refusals::denied(&call, why))?;
            }
            // The broker finds a lease by its holder only: another's does not exist for it.
            Need::Anybody | Need::Lease | Need::Participant | Need::Own => {}
        }
        Ok(Arc::new(call))
    }

    /// Lets a call in, where that can be said at once; `None` also where it is refused.
    pub(super) fn enter_at_once(&self, header: &Header<'_>) -> Option<Guest> {
        let need = gate::need(&METHODS, header.member()?.as_str())?;
        let session = match &self.peer {
            Some(session) => session.clone(),
            None => self.service.gate.known(header.sender()?)?,
        };
        let caller = session.caller()?.clone();
        let standing = session.standing(&self.service.broker, &caller);
        let interactive = is_interactive(header);
        let caller = self.service.consulted(&session, caller, &standing, need, interactive)?;
        if let Need::Right(right) = need {
            standing.authorise(&caller, right).ok()?;
        }
        (!session.is_gone()).then_some(Guest { session, caller, standing })
    }

    /// Ends a lease of the caller.
    pub(super) fn released(&self, holder: &Holder, lease: u64) -> Result<(), Error> {
        self.flight().named(holder, lease);
        Ok(self.service.broker.release(holder, lease)?)
    }

    /// Asks the broker on a thread that may block, when it is the client's turn, and ends what it
    /// gave to one who left meanwhile.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        call: &Arc<Call>,
        turns: &Arc<Turns>,
        ask: impl FnOnce(&Broker, &Call) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = turns.take(call.caller.uid, call.session.holder()).await;
        if call.session.is_gone() {
            return Err(left());
        }
        let (broker, call) = (self.service.broker.clone(), call.clone());
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

    /// The service behind it.
    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Who a sender is on this connection, where it is anybody.
    pub(crate) fn holder(&self, sender: Option<&str>) -> Option<Holder> {
        match &self.peer {
            Some(session) => Some(session.holder().clone()),
            None => sender.map(Holder::new),
        }
    }

    /// The messages that are on their way over this kind of connection.
    pub(super) fn flight(&self) -> &Arc<Flight> {
        match &self.peer {
            Some(_) => self.service.peers.flight(),
            None => &self.service.on_bus,
        }
    }

    /// Room for a message of so many `bytes`, with one buffer at least where there are any.
    ///
    /// # Errors
    /// [`Error::TooMany`] when there is none; [`Error::Failed`] when the client has left, and the books
    /// are closed for it.
    pub(crate) async fn room(
        &self,
        call: &Call,
        buffers: usize,
        bytes: usize,
    ) -> Result<Cargo, Error> {
        let bytes = if bytes < LONG { 0 } else { bytes };
        let least = Load { descriptors: 1 + buffers.min(1), bytes };
        let most = buffers.saturating_add(1).min(call.session.descriptors());
        let (uid, holder) = (call.caller.uid, call.session.holder());
        let room = if bytes > 0 {
            // What is long takes memory while it waits.
            self.flight().take(uid, holder, least, most)
        } else {
            self.flight().room(uid, holder, least, most).await
        };
        if call.session.is_gone() {
            return Err(left());
        }
        room.ok_or_else(|| unreceived(call))
    }

    /// The reply when it is short, or when there is room for it.
    pub(crate) async fn sendable(&self, call: &Call, mut reply: Reply) -> Result<Reply, Error> {
        if reply.bytes() >= LONG {
            reply.add_receipt(receipt(self.room(call, 0, reply.bytes()).await?)?);
        }
        Ok(reply)
    }

    /// As many of the buffers as there is room for; the lease keeps the others. A reply that is too
    /// long to go without receipt ends the lease.
    async fn hand_over(
        &self,
        call: &Call,
        mut reply: Reply,
        outcome: Outcome,
    ) -> Result<(Reply, Vec<WireFd>), Error> {
        let Outcome::Granted(grant) = outcome else {
            return Ok((self.sendable(call, reply).await?, Vec::new()));
        };
        let (broker, holder) = (&self.service.broker, call.session.holder());
        let mut buffers = grant.buffers;
        let cargo = match self.room(call, buffers.len(), reply.bytes()).await {
            Ok(cargo) => Some(cargo),
            Err(Error::TooMany(_)) if reply.bytes() < LONG => None,
            Err(error) => {
                broker.release(holder, grant.lease)?;
                return Err(error);
            }
        };
        let fit = cargo.as_ref().map_or(0, |cargo| cargo.descriptors() - 1);
        if fit < buffers.len() {
            broker.keep(holder, grant.lease, buffers.split_off(fit))?;
        }
        let sent = cargo.map_or(Ok(None), |cargo| cargo.send(grant.lease));
        if let Some(receipt) = sent.map_err(no_receipt)? {
            reply.add_receipt(receipt);
        }
        Ok((reply, wired(buffers)))
    }
}

impl Prompt for Allocator1 {
    type Rest = Option<Rest>;

    fn at_once(&self, call: &Message) -> Option<Answered> {
        let header = call.header();
        if is_silent(&header) {
            return None;
        }
        match header.member()?.as_str() {
            "Allocate" => self.allocate_at_once(call, &header),
            "Release" => self.release_at_once(call, &header),
            _ => None,
        }
    }

    fn of(&self, call: &Message) -> Self {
        Self { asked: Some(call.body()), ..self.clone() }
    }
}

fn is_interactive(call: &Header<'_>) -> bool {
    call.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH)
}

fn is_silent(call: &Header<'_>) -> bool {
    call.primary().flags().contains(Flags::NO_REPLY_EXPECTED)
}

/// Nobody could end a lease of which nobody is told.
fn wants_answer(call: &Header<'_>) -> Result<(), Error> {
    if is_silent(call) {
        return Err(Error::InvalidConstraint("a lease for a call that wants no answer".into()));
    }
    Ok(())
}

pub(crate) fn receipt(cargo: Cargo) -> Result<OwnedFd, Error> {
    cargo.receipt(None).map_err(no_receipt)
}

fn no_receipt(error: std::io::Error) -> Error {
    Error::Failed(format!("a receipt: {error}"))
}

fn left() -> Error {
    Error::Failed("its client has left".into())
}

fn unreceived(call: &Call) -> Error {
    Error::TooMany(format!(
        "messages to clients of uid {} that they have not received, or whose receipts they keep",
        call.caller.uid
    ))
}

fn question(participants: Participants, options: Options) -> Result<(Asked, bool), Error> {
    Asked::from_call(participants.0?, options.0?)
}

pub(crate) fn wired(buffers: Vec<OwnedFd>) -> Vec<WireFd> {
    buffers.into_iter().map(WireFd::from).collect()
}

#[interface(name = "org.heapq.Allocator1")]
impl Allocator1 {
    /// Answers a question without allocating.
    ///
    /// participants: who will touch the buffers, in pipeline order; the keys are those of
    /// [[participant]] in the vocabulary, e.g. name (s), device (s, a device number t, or h: a
    /// descriptor of the opened node), usage (as), contiguous (b), min-size (t), format (aa{sv}).
    /// Any integer type is taken where it fits.
    ///
    /// options: the keys of [request], e.g. limit-total (t), strict (b).
    ///
    /// answer: verdict (s) is "ok" or "conflict". With "ok": heap (s), heaps (as, best first),
    /// plane-heaps (as, where planes have buffers of their own), count (u), total (u, buffers in
    /// all), size and allocation-size (t, bytes of one frame), fourcc and modifier (s), planes
    /// (aa{sv}: buffer-index u, offset t, stride u, size t), access (s), contiguous, protected,
    /// assumed and size-assumed (b), sync-points (aa{sv}: participant s, read b, write b, because
    /// s), left-out (as). What is false or empty is absent. explanation (a{sv}) is the whole answer
    /// with every reason and its origin, as heapq(1) prints it as JSON. Where that would take more
    /// than 256 KiB of JSON, the ends of its lists are left out, and explanation-cut (b) says so.
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
    ) -> Result<Reply, Error> {
        let call = self.enter(connection, &header).await?;
        let (asked, _) = question(participants, options)?;
        let reply = self.ask(&call, &self.service.plans, move |broker, call| {
            let question = asked.question().map_err(|complaints| Error::invalid(&complaints))?;
            Ok(answer::planned(&broker.plan(&call.caller, question)?))
        });
        self.sendable(&call, reply.await?).await
    }

    /// Answers a question, and on "ok" allocates. Needs a grant in the policies.
    ///
    /// participants, options: as for Plan; the option explain (b) asks for the explanation of an
    /// "ok" answer too.
    ///
    /// answer: as of Plan. With "ok" also: lease (t, for Release and GetBuffers), candidate (u, where
    /// it is not the first), stand-in (b, true when the buffers are no dma-bufs), fallback-from
    /// (a(ss), heaps that failed before and how). Two more verdicts: "no-memory" (fallback-from
    /// lists the heaps tried) and "over-quota" (account (s, whose bound it is), what (s), bound,
    /// in-use and asked (t), origin (s, who set it)).
    ///
    /// buffers: frame by frame, in a frame plane by plane: as many of the first as one message
    /// carries, 15 at most on a bus, fewer or none while the user's clients leave others unread;
    /// GetBuffers gives the rest. Empty unless "ok". Whoever gets one keeps it, whatever becomes of
    /// the lease. The lease ends with Release or when its client leaves the bus.
    ///
    /// receipt (h) in some answers of this and of Plan, where there are buffers or they are long: to
    /// be closed, as D-Bus libraries do with a message that is done with. As long as it is open the
    /// message counts as not received, and a user's share of those is bounded.
    ///
    /// Errors: NotAuthorized, InvalidConstraint, UnknownDevice, TooMany, HeapGone, Failed.
    #[zbus(out_args("answer", "buffers"))]
    async fn allocate(
        &self,
        participants: Participants,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Reply, Vec<WireFd>), Error> {
        let call = self.enter(connection, &header).await?;
        wants_answer(&header)?;
        let (asked, explain) = question(participants, options)?;
        let standing = call.session.standing(&self.service.broker, &call.caller);
        let key =
            self.asked.as_ref().and_then(|asked| self.service.recall.key(asked, call.caller.uid));
        let known = key.and_then(|key| self.service.find(key, &call.caller, &standing));
        let (reply, outcome) = self.provide(&call, known, asked, explain).await?;
        self.hand_over(&call, reply, outcome).await
    }

    /// The buffers of a lease from index first on, as many as one message carries; none past the
    /// last. Those that came with Allocate are not kept. receipt: as in the answer of Allocate.
    ///
    /// Errors: UnknownLease, TooMany, Failed.
    #[zbus(out_args("buffers", "receipt"))]
    async fn get_buffers(
        &self,
        lease: u64,
        first: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<WireFd>, WireFd), Error> {
        let call = self.enter(connection, &header).await?;
        self.flight().named(call.session.holder(), lease);
        let cargo = self.room(&call, call.session.descriptors(), 0).await?;
        let (holder, most) = (call.session.holder(), cargo.descriptors() - 1);
        let buffers = self.service.broker.more(holder, lease, first, most)?;
        Ok((wired(buffers), receipt(cargo)?.into()))
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
        self.released(call.session.holder(), lease)
    }

    /// Counts buffers again that the caller has from before the service was restarted: they are
    /// charged to the caller, as if it had just been given them. Nothing is taken or given back, and
    /// the service keeps none of the descriptors.
    ///
    /// buffers: dma-bufs of heaps of this machine, each once, 16 at most.
    ///
    /// options: none yet.
    ///
    /// answer: verdict (s): "ok", with lease (t), which ends as one of Allocate does and has no
    /// buffers for GetBuffers; or "over-quota", as of Allocate: then nothing is charged.
    ///
    /// Errors: NotAuthorized, InvalidConstraint (the text says which descriptor is no such buffer),
    /// TooMany, Failed.
    #[zbus(out_args("answer"))]
    async fn adopt(
        &self,
        buffers: Vec<WireFd>,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Reply, Error> {
        let call = self.enter(connection, &header).await?;
        wants_answer(&header)?;
        self.adopted(&call, buffers, options).await
    }

    /// A private socket to the service, for the caller or whomever it gives it to. It serves the
    /// same objects to the same user, and is a client of its own: its leases end when it is closed.
    /// No bus's limits hold there, and answers come in half the time. It is closed when a message
    /// comes with more than 16 descriptors or with more than 256 KiB, as a bus does at bounds of its
    /// own.
    ///
    /// options: max-fds (u), how many descriptors the client takes in one message: 2 to 253, 16
    /// unless it says otherwise.
    ///
    /// Errors: NotAuthorized, InvalidConstraint, TooMany, Failed.
    #[zbus(out_args("socket"))]
    async fn connect(
        &self,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<WireFd, Error> {
        let call = self.enter(connection, &header).await?;
        let most = connecting::max_fds(&options.0?)?;
        let cargo = self.room(&call, 0, 0).await?;
        Ok(peer::invite(&self.service, &call.session, most, cargo)?.into())
    }

    /// The caller's own memory as a dma-buf, for devices that do not take memory of programs. The
    /// caller's control group goes on paying for it; nothing is charged, and a client has 1024 of
    /// them at most.
    ///
    /// memfd: open for reading and writing, a whole number of pages, 1 GiB at most, all of it
    /// written to; sealed with F_SEAL_SHRINK and neither with F_SEAL_WRITE nor F_SEAL_FUTURE_WRITE.
    ///
    /// options: none yet.
    ///
    /// buffer: all of that memory. receipt: as in the answer of Allocate.
    ///
    /// Errors: NotAuthorized, InvalidConstraint (the text says what is amiss with the memory),
    /// TooMany, Failed (there is no udmabuf, or it does not take so much).
    #[zbus(out_args("buffer", "receipt"))]
    async fn wrap(
        &self,
        memfd: WireFd,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(WireFd, WireFd), Error> {
        let call = self.enter(connection, &header).await?;
        self.wrapped(&call, memfd, options).await
    }

    /// The node of a heap itself, open for reading, which suffices to allocate. Needs the right to
    /// open heaps, which nobody has as shipped. What is taken there is not metered, so the kernel
    /// has to bound it: only "system", only where the parameter mem_accounting of dma_heap is Y, and
    /// only where a memory.max, of the caller's control group or one above and not the caller's
    /// own file, is below the machine's memory. As long as the caller stays, Usage lists it.
    ///
    /// options: none yet.
    ///
    /// node: not the caller's alone once it is given away. said: cgroup (s), who pays; limit (t,
    /// bytes), what bounds it; receipt (h), as in the answer of Allocate.
    ///
    /// Errors: NotAuthorized (the text says what is missing), InvalidConstraint, TooMany, Failed.
    #[zbus(out_args("node", "said"))]
    async fn open_heap(
        &self,
        name: &str,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(WireFd, Dictionary), Error> {
        let call = self.enter(connection, &header).await?;
        self.opened(&call, name, options).await
    }

    /// Reads the policies and the machine again, as SIGHUP does. Needs the right to reload.
    ///
    /// problems: what there is to say of the policy files, a text each, as the property Problems
    /// has it from then on; empty when all is well. A file with an error changes nothing: the
    /// policies that applied before still do, and the last text says so.
    ///
    /// Errors: NotAuthorized, TooMany, Failed.
    #[zbus(out_args("problems"))]
    async fn reload(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Vec<String>, Error> {
        let _call = self.enter(connection, &header).await?;
        reload::reload(&self.service).await
    }

    /// Who holds what: the leases of the caller's user, and what outlived them. With the right to
    /// reload: those of all users.
    ///
    /// entries: one for each lease, 1024 and 1 MiB at most, the newest of them: lease (t), orphaned
    /// (b: the lease has ended, its buffers have not), holder (s), uid (u), pid (u), unit and
    /// session (s) where they are known, heaps (as), buffers (u), bytes (t), seconds (t, since it
    /// was given), living (at, the inodes of the buffers that exist), known-by (s, who says that
    /// they do).
    ///
    /// receipt: as in the answer of Allocate.
    ///
    /// Errors: NotAuthorized when the bus does not vouch for the caller, TooMany, Failed.
    #[zbus(out_args("entries", "receipt"))]
    async fn usage(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<Dictionary>, WireFd), Error> {
        let call = self.enter(connection, &header).await?;
        let listed = self.ask(&call, &self.service.plans, |broker, call| {
            let all = broker.authorise(&call.caller, Right::Reload).is_ok();
            let mut shown = broker.usage();
            shown.retain(|info| all || info.uid == call.caller.uid);
            shown.sort_by_key(|info| info.age);
            Ok(usage::entries(shown.iter()))
        });
        let (entries, bytes) = listed.await?;
        let cargo = self.room(&call, 0, bytes).await?;
        Ok((entries, receipt(cargo)?.into()))
    }

    /// Makes a collection: several processes that negotiate one set of buffers. The caller is its
    /// creator and first participant, and pays for its buffers. Needs a grant.
    ///
    /// options: name (s, the creator's, "creator" unless stated); participants (u, how many, or as,
    /// which; without it the creator's Ready closes the round); migrate (b, a stricter newcomer may
    /// move everybody to new buffers); failure-domain (s: "collection", the loss of one who was
    /// there from the start ends it for all, or "participant"); ready-within and move-within (t,
    /// milliseconds, 5000); joins (u, uses of the token, 63); token-lifetime (t, milliseconds,
    /// 600000); and the keys of [request], e.g. limit-total (t).
    ///
    /// participant: the creator's object, an org.heapq.Participant1. Its path means something to
    /// its owner only. token: lets whoever has it in.
    ///
    /// Errors: NotAuthorized, InvalidConstraint, TooMany.
    #[zbus(out_args("participant", "token"))]
    async fn create_collection(
        &self,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String), Error> {
        let call = self.enter(connection, &header).await?;
        self.found(&call, options, connection).await
    }

    /// Becomes a participant of a collection. Needs a grant, as allocating does.
    ///
    /// participant: the keys of [[participant]] in the vocabulary, name (s) above all, and
    /// dispensable (b): its loss does not end the collection. Nothing but a name: no needs. What
    /// comes after the allocation is solved against the buffers that are there, and a conflict
    /// names allocation.KEY.
    ///
    /// path: its object, an org.heapq.Participant1.
    ///
    /// Errors: NotAuthorized, UnknownToken, InvalidConstraint, TooMany.
    #[zbus(out_args("path"))]
    async fn join_collection(
        &self,
        token: &str,
        participant: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedObjectPath, Error> {
        let call = self.enter(connection, &header).await?;
        self.accede(&call, token, participant, connection).await
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
pub async fn announce(interface: &InterfaceRef<Prompted<Allocator1>>) -> zbus::Result<()> {
    let emitter = interface.signal_emitter();
    let served = interface.get().await;
    served.0.generation_changed(emitter).await?;
    served.0.problems_changed(emitter).await
}
