//! Who calls, what their method needs, and how much they may have under way.
//!
//! Every method passes here first. A client is known by its connection, never by what it says of
//! itself: on a bus by the credentials that the bus vouches for, on a private socket by those that
//! the kernel keeps with it. They are asked for once, since a connection's do not change.
//!
//! A client may leave while its call is being worked on, and the bus's word of that may even be
//! handled before the call is. A [`Session`] is therefore entered into the books *before* its
//! credentials are asked for: from then on either the bus refuses (the client had left), or its
//! leaving is noted in the session, where the call finds it when it is done.

use crate::authority::Answers;
use crate::error::Error;
use crate::seats::{Seat, Seats};
use heapq_allocator::{Broker, Caller, Holder, Process, Standing};
use heapq_constraints::Name;
use heapq_policies::Right;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, UniqueName};

/// What a method asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it tells what everybody can read in /sys, in other words.
    Anybody,
    /// This right; without it the call is refused.
    Right(Right),
    /// The lease that it names is the caller's own.
    Lease,
    /// The participant whose object it is called on is the caller's own.
    Participant,
    /// It tells of what is the caller's own; with the right to reload, of everybody's.
    Own,
}

/// Every method of `org.heapq.Allocator1`. One that is not here cannot be called; a test compares
/// the table with the interface.
pub const METHODS: [(&str, Need); 12] = [
    ("Plan", Need::Anybody),
    ("Allocate", Need::Right(Right::Allocate)),
    ("GetBuffers", Need::Lease),
    ("Release", Need::Lease),
    ("Adopt", Need::Right(Right::Allocate)),
    ("Connect", Need::Right(Right::Allocate)),
    ("Wrap", Need::Right(Right::Allocate)),
    ("OpenHeap", Need::Right(Right::OpenHeap)),
    ("Reload", Need::Right(Right::Reload)),
    ("Usage", Need::Own),
    ("CreateCollection", Need::Right(Right::Allocate)),
    ("JoinCollection", Need::Right(Right::Allocate)),
];

/// Every method of `org.heapq.Participant1`, likewise.
pub const OF_PARTICIPANTS: [(&str, Need); 7] = [
    ("SetConstraints", Need::Participant),
    ("Ready", Need::Participant),
    ("GetBuffers", Need::Participant),
    ("Grow", Need::Participant),
    ("Shrink", Need::Participant),
    ("Explain", Need::Participant),
    ("Leave", Need::Participant),
];

impl Need {
    /// The rights that the answer depends on.
    #[must_use]
    pub fn rights(self) -> &'static [Right] {
        match self {
            // Which heaps a caller may have is part of every plan.
            Self::Anybody => &[Right::Scarce],
            Self::Right(Right::Allocate) => &[Right::Allocate, Right::Scarce],
            Self::Right(Right::Scarce) => &[Right::Scarce],
            Self::Right(Right::OpenHeap) => &[Right::OpenHeap],
            Self::Right(Right::Reload) | Self::Own => &[Right::Reload],
            Self::Lease | Self::Participant => &[],
        }
    }
}

/// What `method` needs; `None` for one that is not in its `table`.
#[must_use]
pub fn need(table: &[(&str, Need)], method: &str) -> Option<Need> {
    table.iter().find(|(name, _)| *name == method).map(|(_, need)| *need)
}

/// Calls that one client may have under way. Enough for a pool of threads; what is beyond it is a
/// client that does not wait for answers.
const CALLS: usize = 32;

/// Calls that all clients of one user, and those of all users, may have under way.
const CALLS_OF_A_USER: usize = 256;
const CALLS_IN_ALL: usize = 4096;

/// Clients known at a time. A bus bounds its connections lower than this.
const SESSIONS: usize = 4096;

/// Most descriptors in one message on a bus: dbus-daemon disconnects a sender of 17.
pub const DESCRIPTORS: usize = 16;

/// One client: a connection.
#[derive(Debug)]
pub struct Session {
    holder: Holder,
    caller: OnceCell<Arc<Caller>>,
    /// The name by which polkit knows it; `None` off the bus.
    bus_name: Option<Name>,
    answers: Answers,
    /// What the policies said of it last.
    standing: Mutex<Option<Standing>>,
    calls: AtomicUsize,
    gone: AtomicBool,
    descriptors: usize,
}

impl Session {
    /// A client whose name is `name` and of whom nothing else is known yet.
    fn new(name: &str) -> Self {
        Self {
            holder: Holder::new(name),
            caller: OnceCell::new(),
            bus_name: None,
            answers: Answers::default(),
            standing: Mutex::default(),
            calls: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
            descriptors: DESCRIPTORS,
        }
    }

    /// A client on a private socket, who takes so many descriptors in one message.
    #[must_use]
    pub fn of_peer(name: &str, caller: Arc<Caller>, descriptors: usize) -> Self {
        Self { caller: OnceCell::new_with(Some(caller)), descriptors, ..Self::new(name) }
    }

    /// Its name on the bus that it is on; `None` on a private socket.
    #[must_use]
    pub fn unique_name(&self) -> Option<UniqueName<'static>> {
        UniqueName::try_from(self.holder.0.to_string()).ok()
    }

    /// Most descriptors in one message to it.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.descriptors
    }

    /// The same client, whom polkit knows by this name on the bus.
    #[must_use]
    pub fn known_as(self, bus_name: &str) -> Self {
        Self { bus_name: Some(bus_name.into()), ..self }
    }

    /// The name by which polkit knows it.
    #[must_use]
    pub fn bus_name(&self) -> Option<&str> {
        self.bus_name.as_deref()
    }

    /// What polkit said of it.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// What the policies say of it now.
    pub(crate) fn standing(&self, broker: &Broker, caller: &Caller) -> Standing {
        let mut known = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = broker.standing(caller, &self.holder, known.take());
        *known = Some(standing.clone());
        standing
    }

    /// Who holds this client's leases.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Who it is, once that is known.
    #[must_use]
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        self.caller.get()
    }

    /// Notes that the client has left. Whoever does this ends its leases *afterwards*.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Whether the client has left.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

/// One call that passed the gate. While it lives it counts against its client's bound.
#[derive(Debug)]
pub struct Call {
    /// Whose call it is.
    pub session: Arc<Session>,
    /// Who that is.
    pub caller: Arc<Caller>,
    _counted: Counted,
    _of_user: Seat,
}

#[derive(Debug)]
struct Counted(Arc<Session>);

impl Counted {
    fn new(session: &Arc<Session>) -> Result<Self, Error> {
        let counted = Self(session.clone());
        let calls = session.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if calls > CALLS {
            return Err(Error::too_many("calls under way", calls, CALLS));
        }
        Ok(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The books of all clients.
#[derive(Debug)]
pub struct Gate {
    /// Those on the bus, by name.
    sessions: Mutex<BTreeMap<Name, Arc<Session>>>,
    calls: Arc<Seats>,
}

impl Default for Gate {
    fn default() -> Self {
        let calls = Seats::new(CALLS_OF_A_USER, CALLS_IN_ALL);
        Self { sessions: Mutex::default(), calls }
    }
}

impl Gate {
    /// Lets a call on the bus in.
    ///
    /// # Errors
    /// `NotAuthorized` when the bus does not vouch for the sender (it has left), `TooMany` when it
    /// has too much under way.
    pub async fn enter_from_bus(
        &self,
        connection: &Connection,
        sender: Option<&UniqueName<'_>>,
    ) -> Result<Call, Error> {
        let sender =
            sender.ok_or_else(|| Error::NotAuthorized("a call without a sender".into()))?;
        let session = self.session(sender.as_str())?;
        let counted = Counted::new(&session)?;
        let known = session.caller.get_or_try_init(|| credentials(connection, sender)).await;
        match known {
            Ok(caller) => self.call(session.clone(), caller.clone(), counted),
            Err(error) => {
                self.leave(sender.as_str());
                Err(error)
            }
        }
    }

    /// A client on the bus who has called before.
    pub fn known(&self, sender: &UniqueName<'_>) -> Option<Arc<Session>> {
        self.books().get(sender.as_str()).cloned()
    }

    /// Lets a call on a private socket in.
    ///
    /// # Errors
    /// `TooMany` when the client has too much under way.
    pub fn enter_from_peer(&self, session: &Arc<Session>) -> Result<Call, Error> {
        let counted = Counted::new(session)?;
        let caller = session.caller.get().cloned();
        let caller = caller.ok_or_else(|| Error::NotAuthorized("a peer without a name".into()))?;
        self.call(session.clone(), caller, counted)
    }

    fn call(
        &self,
        session: Arc<Session>,
        caller: Arc<Caller>,
        counted: Counted,
    ) -> Result<Call, Error> {
        let seat = self.calls.take(caller.uid);
        let seat = seat.map_err(|bound| {
            let who = format!("calls under way of all clients of uid {}", caller.uid);
            Error::too_many(&who, bound + 1, bound)
        })?;
        Ok(Call { session, caller, _counted: counted, _of_user: seat })
    }

    /// Strikes a client that has left; its holder, when it was known, so that its leases can be
    /// ended.
    pub fn leave(&self, name: &str) -> Option<Holder> {
        let session = self.books().remove(name)?;
        session.leave();
        Some(session.holder.clone())
    }

    /// How many clients are known.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.books().len()
    }

    fn session(&self, name: &str) -> Result<Arc<Session>, Error> {
        let mut books = self.books();
        if let Some(session) = books.get(name) {
            return Ok(session.clone());
        }
        if books.len() >= SESSIONS {
            return Err(Error::too_many("clients", books.len() + 1, SESSIONS));
        }
        let session = Arc::new(Session::new(name).known_as(name));
        books.insert(session.holder.0.clone(), session.clone());
        Ok(session)
    }

    fn books(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the bus vouches for.
async fn credentials(
    connection: &Connection,
    sender: &UniqueName<'_>,
) -> Result<Arc<Caller>, Error> {
    let refused = |why: String| Error::NotAuthorized(format!("{sender}: {why}"));
    let bus = DBusProxy::new(connection).await?;
    let known = bus.get_connection_credentials(BusName::from(sender.clone())).await;
    let known = known.map_err(|error| refused(error.to_string()))?;
    let uid = known.unix_user_id().ok_or_else(|| refused("the bus knows no user id".into()))?;
    let pid = known.process_id();
    let gids = known.unix_group_ids().cloned();
    // Newer buses hand out the process itself.
    let process = pid.and_then(|pid| {
        let pidfd = known.into_process_fd().map(OwnedFd::from);
        Process::of(pid, pidfd).ok()
    });
    // The user database may sit behind a network service.
    let caller = tokio::task::spawn_blocking(move || match gids {
        Some(gids) => Caller::with_groups(uid, gids, pid),
        None => Caller::of_user(uid, pid),
    });
    let caller = caller.await.map_err(|error| Error::Failed(error.to_string()))?;
    let Some(process) = process else { return Ok(Arc::new(caller)) };
    // An older bus told a number, which may have become another's before we held its process:
    // not if the client is still there.
    let there = bus.get_name_owner(BusName::from(sender.clone())).await;
    there.map_err(|error| refused(error.to_string()))?;
    Ok(Arc::new(caller.running_as(process)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Caller {
        Caller::with_groups(1000, Vec::new(), None)
    }

    #[test]
    fn calls_under_way_are_bounded_and_count_down_when_done() {
        let gate = Gate::default();
        let session = |name| Arc::new(Session::of_peer(name, Arc::new(somebody()), DESCRIPTORS));
        let fill = |session: &Arc<Session>| -> Vec<Call> {
            std::iter::from_fn(|| gate.enter_from_peer(session).ok()).collect()
        };
        let peer = session("peer");
        let mut calls = fill(&peer);
        assert_eq!(calls.len(), CALLS);
        let refused = gate.enter_from_peer(&peer).unwrap_err();
        assert!(matches!(&refused, Error::TooMany(text) if text.contains("32")), "{refused}");
        while calls.len() < CALLS_OF_A_USER {
            calls.extend(fill(&session("another")));
        }
        assert_eq!(calls.len(), CALLS_OF_A_USER);
        let refused = gate.enter_from_peer(&session("one more")).unwrap_err();
        assert!(matches!(&refused, Error::TooMany(text) if text.contains("1000")), "{refused}");
        drop(calls);
        assert!(gate.enter_from_peer(&peer).is_ok());
    }

    #[test]
    fn leaving_is_seen_by_the_call_under_way() {
        let gate = Gate::default();
        let session = gate.session(":1.7").unwrap();
        assert!(!session.is_gone());
        assert_eq!(gate.leave(":1.7"), Some(Holder::new(":1.7")));
        assert!(session.is_gone());
        assert_eq!((gate.leave(":1.7"), gate.clients()), (None, 0));
    }

    #[test]
    fn what_is_not_in_the_table_needs_more_than_anybody_has() {
        assert_eq!(need(&METHODS, "Allocate"), Some(Need::Right(Right::Allocate)));
        assert_eq!(need(&METHODS, "MapHeap"), None);
    }
}
