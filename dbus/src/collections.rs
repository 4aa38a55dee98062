//! Collections on D-Bus: `org.heapq.Participant1`.
//!
//! An object's path ends in a number that counts the memberships *of the caller*: the same path is
//! another participant for every client, so that nobody can name another's, and that an object is
//! there says nothing of anybody. Objects are added when the first client has so many memberships,
//! outside of what the `ObjectManager` announces, and stay.

mod told;

use crate::error::Error;
use crate::gate::{self, Call, OF_PARTICIPANTS};
use crate::service::{Allocator1, Service, receipt, wired};
use crate::turns::Turns;
use crate::wire::answer::{Dictionary, Reply};
use crate::wire::{Options, negotiation};
use heapq_allocator::broker::{Action, Bell, Entrant, Token, Window, Work};
use heapq_allocator::collection::View;
use heapq_allocator::{Broker, Holder};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::wire::{OwnedFd as WireFd, OwnedObjectPath};
use zbus::{Connection, interface};

/// The path of a client's participants, but for the number.
pub const PARTICIPANTS: &str = "/org/heapq/Participant1";

/// The time that collections go by.
fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

impl Service {
    /// Ends what a client that left was in.
    pub(crate) fn lost(&self, holder: &Holder) {
        for work in self.broker().lost(holder, now()) {
            self.carry_out(work);
        }
    }

    /// Has work done that follows from participants' doings, when it is its turn.
    fn carry_out(&self, work: Work) {
        tokio::spawn(carry_out(self.broker().clone(), self.allocations().clone(), work));
    }
}

async fn carry_out(broker: Arc<Broker>, turns: Arc<Turns>, work: Work) {
    let mut next = Some(work);
    while let Some(work) = next {
        let (caller, holder) = work.of();
        let turn = turns.take(caller.uid, holder).await;
        let broker = broker.clone();
        let done = tokio::task::spawn_blocking(move || {
            let next = broker.carry_out(work, now);
            drop(turn);
            next
        });
        // Without an end of its own only where the service ends.
        next = done.await.ok().flatten();
    }
}

impl Allocator1 {
    /// `CreateCollection`.
    pub(crate) async fn found(
        &self,
        call: &Call,
        options: Options,
        connection: &Connection,
    ) -> Result<(OwnedObjectPath, String), Error> {
        let terms = negotiation::terms(&options.0?)?;
        let mut token = None;
        let path = self.enrol(call, connection, |entrant| {
            let (seat, made) = self.service().broker().create_collection(entrant, terms, now())?;
            token = Some(made);
            Ok(seat)
        });
        let path = path.await?;
        Ok((path, token.map(|token: Token| token.text().to_owned()).unwrap_or_default()))
    }

    /// `JoinCollection`.
    pub(crate) async fn accede(
        &self,
        call: &Call,
        token: &str,
        participant: Options,
        connection: &Connection,
    ) -> Result<OwnedObjectPath, Error> {
        let member = negotiation::member(participant.0?, None)?;
        let token = Token::claimed(token);
        self.enrol(call, connection, |entrant| {
            Ok(self.service().broker().join_collection(entrant, &token, member, now())?)
        })
        .await
    }

    /// Makes the caller a participant: shows it its object, and tells it of what happens.
    async fn enrol(
        &self,
        call: &Call,
        connection: &Connection,
        enter: impl FnOnce(&Entrant<'_>) -> Result<u32, Error>,
    ) -> Result<OwnedObjectPath, Error> {
        let holder = call.session.holder();
        let rung = Arc::new(Notify::new());
        let bell = rung.clone();
        let bell = Bell(Arc::new(move || bell.notify_one()));
        let seat = enter(&Entrant { caller: &call.caller, holder, bell })?;
        let path = OwnedObjectPath::try_from(format!("{PARTICIPANTS}/{seat}"))
            .map_err(|error| Error::Failed(error.to_string()))?;
        let mut emitter = SignalEmitter::new(connection, path.clone())?;
        if let Some(name) = call.session.unique_name() {
            emitter = emitter.set_destination(name.into());
        }
        let owner = told::Owner { service: self.service().clone(), holder: holder.clone(), seat };
        tokio::spawn(told::follow(owner, emitter, rung));
        if call.session.is_gone() {
            self.service().lost(holder);
        }
        // It may be there already: for another client, or from before.
        connection.object_server().at(path.clone(), Participant1::new(self, seat)).await?;
        Ok(path)
    }
}

/// One number of every client's participants.
#[derive(Debug)]
pub struct Participant1 {
    desk: Allocator1,
    seat: u32,
}

impl Participant1 {
    /// The participants with this number, on the connection that `desk` serves.
    #[must_use]
    pub fn new(desk: &Allocator1, seat: u32) -> Self {
        Self { desk: desk.clone(), seat }
    }

    async fn enter(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Arc<Call>, Error> {
        let method = header.member().map(ToString::to_string).unwrap_or_default();
        self.desk.enter_by(gate::need(&OF_PARTICIPANTS, &method), connection, header).await
    }

    fn act(&self, holder: &Holder, action: Action) -> Result<(), Error> {
        let service = self.desk.service();
        let work = service.broker().act(holder, self.seat, action, now())?;
        work.into_iter().for_each(|work| service.carry_out(work));
        Ok(())
    }

    fn view(&self, holder: &Holder) -> Result<View, Error> {
        let view = self.desk.service().broker().view(holder, self.seat);
        let unknown = "this client has no such participant".to_owned();
        view.ok_or(Error::UnknownParticipant(unknown))
    }
}

#[interface(name = "org.heapq.Participant1")]
impl Participant1 {
    /// Says what the participant needs, in place of what it said before. Takes back Ready.
    ///
    /// constraints: the keys of [[participant]] in the vocabulary; the name need not be repeated.
    /// Nothing but a name is: no needs.
    ///
    /// Errors: UnknownParticipant, InvalidConstraint, TooMany; NotNow when the allocation has begun.
    async fn set_constraints(
        &self,
        constraints: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let call = self.enter(connection, &header).await?;
        let holder = call.session.holder();
        let name = self.view(holder)?.name;
        let member = negotiation::member(constraints.0?, Some(&name))?;
        self.act(holder, Action::State(Box::new(member)))
    }

    /// Says that all is said: the allocation begins when everybody has. After Superseded: that the
    /// participant uses the old buffers no more.
    ///
    /// Errors: UnknownParticipant; NotNow after a failure.
    async fn ready(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let call = self.enter(connection, &header).await?;
        self.act(call.session.holder(), Action::Ready)
    }

    /// The buffers of a lease that Allocated named, from index first on, as many as one message
    /// carries; none past the last. They can be had again. receipt: as in the answer of Allocate.
    ///
    /// Errors: UnknownParticipant, UnknownLease, TooMany, Failed.
    #[zbus(out_args("buffers", "receipt"))]
    async fn get_buffers(
        &self,
        lease: u64,
        first: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(Vec<WireFd>, WireFd), Error> {
        let call = self.enter(connection, &header).await?;
        let cargo = self.desk.room(&call, call.session.descriptors(), 0).await?;
        let service = self.desk.service();
        let window = Window { lease, first, most: cargo.descriptors() - 1 };
        let (buffers, work) =
            service.broker().fetch(call.session.holder(), self.seat, window, now())?;
        work.into_iter().for_each(|work| service.carry_out(work));
        Ok((wired(buffers), receipt(cargo)?.into()))
    }

    /// Asks for so many frames more, for everybody. Allocated or Failed tells what came of it.
    ///
    /// Errors: UnknownParticipant; NotNow before Allocated; TooMany while an earlier wish waits.
    async fn grow(
        &self,
        frames: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let call = self.enter(connection, &header).await?;
        self.act(call.session.holder(), Action::Grow(frames))
    }

    /// Gives up to so many frames back: of those that this participant has grown, and of those that
    /// nobody needs any more. The last ones go. Allocated or Failed tells what came of it.
    ///
    /// Errors: as of Grow.
    async fn shrink(
        &self,
        frames: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let call = self.enter(connection, &header).await?;
        self.act(call.session.holder(), Action::Shrink(frames))
    }

    /// The whole answer behind the buffers or the last failure, as of Allocate with the option
    /// explain.
    ///
    /// Errors: UnknownParticipant, TooMany; NotNow when nothing was answered yet.
    #[zbus(out_args("answer"))]
    async fn explain(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Reply, Error> {
        let call = self.enter(connection, &header).await?;
        let reply = negotiation::explanation(&self.view(call.session.holder())?)?;
        self.desk.sendable(&call, reply).await
    }

    /// Leaves in good order: the participant's needs go, the others' buffers stay. The object is
    /// gone for its owner, and the number may come back with another membership.
    ///
    /// Errors: UnknownParticipant.
    async fn leave(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let call = self.enter(connection, &header).await?;
        self.act(call.session.holder(), Action::Leave)
    }

    /// Where the participant is: name (s), phase (s: "gathering", "allocating", "allocated" or
    /// "failed"), waits-for (as, who has not joined or is not ready), missing (u, how many have to
    /// join where the creator gave a number). With buffers: generation and lease (t), count (u,
    /// frames), total (u, buffers), alternative (u, the one chosen for this participant), and heap,
    /// size, fourcc, modifier, planes, access, sync-points and so on as in the answer of Allocate.
    /// After a failure: failure (a{sv}) as Failed told it.
    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self, #[zbus(header)] header: Option<Header<'_>>) -> Result<Dictionary, Error> {
        let sender = header.as_ref().and_then(|header| header.sender());
        let holder = self.desk.holder(sender.map(|name| name.as_str()));
        let view = self.view(&holder.ok_or_else(|| {
            Error::UnknownParticipant("State is its owner's to read".to_owned())
        })?)?;
        Ok(negotiation::state(&view, self.desk.service().broker().stand_in()))
    }

    /// There are buffers, or something about them has changed (State says what): of the set of this
    /// number, under this lease. They are fetched anew, all of them: a frame that came may have the
    /// index of one that went. To its owner alone.
    #[zbus(signal)]
    async fn allocated(
        emitter: &SignalEmitter<'_>,
        generation: u64,
        lease: u64,
    ) -> zbus::Result<()>;

    /// The set of this number is replaced by another: fetch that, or say Ready, then let go of the
    /// old. To its owner alone.
    #[zbus(signal)]
    async fn superseded(emitter: &SignalEmitter<'_>, generation: u64) -> zbus::Result<()>;

    /// Something failed. why: of (s: "collection", "participant", "grow" or "shrink"; after the
    /// first two it is over for this participant), verdict (s: "conflict", "no-memory",
    /// "over-quota", "error", "lost", "not-ready", "left-out" or "needed"), text (s), participants
    /// (as, who was lost or not ready), conflicts (aas, the names of what conflicts), and the keys
    /// of Allocate's answer for its verdict. Explain has the rest. To its owner alone.
    #[zbus(signal)]
    async fn failed(emitter: &SignalEmitter<'_>, why: Dictionary) -> zbus::Result<()>;
}
