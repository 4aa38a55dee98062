//! Calls that take no time: they are answered where they are read, without a task or a thread. What
//! is refused, fails or has to wait for anything is left to those, as if nothing had been done.

use super::{Allocator1, wired};
use crate::flight::Load;
use crate::gate::Session;
use crate::recall::{Key, Known};
use crate::wire::{Asked, Options, Participants, Reply, answer, plain};
use heapq_allocator::{Caller, Outcome, Standing};
use heapq_constraints::value::Table;
use std::sync::Arc;
use zbus::message::{Body, Header, Message};
use zbus::wire::OwnedFd as WireFd;

/// Participants, and keys of them all, of a question that is solved at once.
const FEW: (usize, usize) = (4, 32);

/// What an answer of `Allocate` was made of. To close buffers takes a while.
#[derive(Debug)]
pub struct Rest {
    _known: Arc<Known>,
    _asked: Option<Asked>,
    _body: (Reply, Vec<WireFd>),
}

pub(super) type Answered = (zbus::Result<Message>, Option<Rest>);

/// Who may make a call. It is over before it could count against any bound.
pub(super) struct Guest {
    pub(super) session: Arc<Session>,
    pub(super) caller: Arc<Caller>,
    pub(super) standing: Standing,
}

impl Allocator1 {
    /// `Allocate` of little from heaps that give single pages.
    pub(super) fn allocate_at_once(
        &self,
        message: &Message,
        header: &Header<'_>,
    ) -> Option<Answered> {
        let guest = self.enter_at_once(header)?;
        let (known, asked) = self.known(&message.body(), &guest)?;
        let Guest { session, caller, standing } = guest;
        let (broker, holder) = (self.service().broker(), session.holder());
        let load = Load { descriptors: 1 + known.quick?, bytes: 0 };
        if load.descriptors > session.descriptors() {
            return None;
        }
        let cargo = self.flight().take(caller.uid, holder, load, load.descriptors)?;
        let Outcome::Granted(mut grant) = broker.provide(&caller, &standing, &known.solved).ok()?
        else {
            return None;
        };
        // Nobody was told of it.
        let take_back = || {
            let _ = broker.release(holder, grant.lease);
        };
        let Ok(receipt) = cargo.send(grant.lease) else {
            take_back();
            return None;
        };
        let mut reply = answer::granted_as(&grant, known.said.get());
        receipt.into_iter().for_each(|receipt| reply.add_receipt(receipt));
        let body = (reply, wired(std::mem::take(&mut grant.buffers)));
        let told = Message::method_return(header).build(&body).inspect_err(|_| take_back());
        Some((told, Some(Rest { _known: known, _asked: asked, _body: body })))
    }

    /// `Release` of a lease of the caller.
    pub(super) fn release_at_once(
        &self,
        message: &Message,
        header: &Header<'_>,
    ) -> Option<Answered> {
        let guest = self.enter_at_once(header)?;
        let lease = message.body().deserialize().ok()?;
        self.released(guest.session.holder(), lease).ok()?;
        Some((Message::method_return(header).build(&()), None))
    }

    /// What was found for the same question before, or what is found for one that is short, with what
    /// that says.
    fn known(&self, question: &Body, guest: &Guest) -> Option<(Arc<Known>, Option<Asked>)> {
        let (service, Guest { session, caller, standing }) = (self.service(), guest);
        let key = service.recall.key(question, caller.uid)?;
        if let Some(known) = service.find(key, caller, standing) {
            known.said.get_or_init(|| answer::entries(known.solved.answer()));
            return Some((known, None));
        }
        let _ends_here = service.moments().begin(caller.uid)?;
        let (participants, options) = read(question, key)?;
        let (asked, explain) = Asked::from_call(participants, options).ok()?;
        if explain || !is_short(&asked) {
            return None;
        }
        let broker = service.broker();
        let solve = |question| broker.solve_unexplained(caller, standing, question);
        let known = Known::find(broker, &asked, solve).ok()?;
        service.recall.keep(key, session.holder(), &known);
        Some((known, Some(asked)))
    }
}

/// What a question says whose bytes say it all.
fn read(question: &Body, key: Key<'_>) -> Option<(Vec<Table>, Table)> {
    let by_zbus = || {
        let (participants, options): (Participants, Options) = question.deserialize().ok()?;
        Some((participants.0.ok()?, options.0.ok()?))
    };
    plain::read(key.bytes).or_else(by_zbus)
}

fn is_short(asked: &Asked) -> bool {
    let keys = asked.participants.iter().map(|one| one.entries.len()).sum::<usize>();
    asked.participants.len() <= FEW.0 && keys <= FEW.1
}
