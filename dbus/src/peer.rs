//! The service without a bus: one client at the other end of a Unix socket.
//!
//! A bus bounds what a client may send and leave unread; here we have to. zbus's own socket takes
//! a claimed message length at its word and answers calls whether or not the answers are read, so
//! one peer could have gigabytes and every file descriptor of the process. `Guarded` is a socket
//! that reads no message above a bound, and none at all while too many calls are unanswered.
//!
//! Who the client is, the kernel says: `SO_PEERCRED` of the socket, taken when the connection was
//! made. Hanging up is leaving.

mod ahead;
mod meter;
mod socket;
mod stream;

use crate::error::Error;
use crate::flight::{Cargo, Flight};
use crate::gate::{DESCRIPTORS, Session};
use crate::objects::Objects;
use crate::proxy::PATH;
use crate::refusals;
use crate::seats::{Seat, Seats};
use crate::service::{Allocator1, ON_SOCKETS, Prompted, Service, announce};
use heapq_allocator::{Caller, Process};
use socket::Guarded;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UnixListener;
use zbus::connection::Builder;
use zbus::fdo::ObjectManager;
use zbus::{Connection, Guid};

/// How long a peer may take to introduce itself.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Connections of one user at a time.
const PER_USER: usize = 32;

/// Connections at a time.
const TOTAL: usize = 256;

/// What all private connections share.
#[derive(Debug)]
pub(crate) struct Peers {
    seats: Arc<Seats>,
    flight: Arc<Flight>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { seats: Seats::new(PER_USER, TOTAL), flight: Flight::new(ON_SOCKETS) }
    }
}

impl Peers {
    /// What was sent to them and may not have been received.
    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }
}

/// Serves one client on `stream` until it hangs up, then ends what it held.
///
/// # Errors
/// When the peer's credentials cannot be had, or it does not introduce itself properly and in time.
pub async fn serve(service: Arc<Service>, stream: UnixStream) -> io::Result<()> {
    let caller = Arc::new(credentials(&stream).await?);
    attend(&service, stream, Session::of_peer(&next_name(), caller, DESCRIPTORS), None).await
}

/// Makes a private connection for a `guest`, who takes so many `descriptors` in one message, and
/// returns its end. `cargo` is the room for the message that brings it there.
///
/// Whoever has that end is served as the guest's user: on a socket pair the kernel would name this process
/// at both ends.
///
/// # Errors
/// `TooMany` when the user has too many connections, `Failed` when no socket can be had.
pub(crate) fn invite(
    service: &Arc<Service>,
    guest: &Session,
    descriptors: usize,
    cargo: Cargo,
) -> Result<OwnedFd, Error> {
    let caller = guest.caller().ok_or_else(|| Error::NotAuthorized("a nameless guest".into()))?;
    let failed = |error: io::Error| Error::Failed(format!("a private socket: {error}"));
    let seat = service.peers().seats.take(caller.uid).map_err(|bound| {
        let who = format!("private connections, those of uid {} above all", caller.uid);
        Error::too_many(&who, bound + 1, bound)
    })?;
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let under_way = Invited { cargo: Some(cargo), end: Some(ours.try_clone().map_err(failed)?) };
    let mut session = Session::of_peer(&next_name(), caller.clone(), descriptors);
    if let Some(name) = guest.bus_name() {
        session = session.known_as(name);
    }
    let (service, uid) = (service.clone(), caller.uid);
    tokio::spawn(async move {
        if let Err(error) = attend(&service, ours, session, Some(under_way)).await {
            refusals::dropped(Some(uid), &error);
        }
        drop(seat);
    });
    Ok(theirs.into())
}

/// A client that has not said anything yet: its end of the socket may still be in the bus.
struct Invited {
    cargo: Option<Cargo>,
    end: Option<UnixStream>,
}

impl Invited {
    fn arrived(mut self) {
        self.cargo = None;
    }
}

impl Drop for Invited {
    fn drop(&mut self) {
        if let (Some(cargo), Some(end)) = (self.cargo.take(), self.end.take()) {
            cargo.until_closed(end.into());
        }
    }
}

async fn attend(
    service: &Arc<Service>,
    stream: UnixStream,
    session: Session,
    invited: Option<Invited>,
) -> io::Result<()> {
    let session = Arc::new(session);
    let served = converse(service, stream, &session, invited).await;
    service.left_peer(&session);
    served
}

async fn converse(
    service: &Arc<Service>,
    stream: UnixStream,
    session: &Arc<Session>,
    invited: Option<Invited>,
) -> io::Result<()> {
    let mut topologies = service.topologies();
    let mut shown = Objects::of(&topologies.borrow_and_update());
    let connecting = connect(service, stream, session, &shown);
    let connection = tokio::time::timeout(HANDSHAKE, connecting)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the peer did not introduce itself"))?
        .map_err(io::Error::other)?;
    if let Some(invited) = invited {
        invited.arrived();
    }
    loop {
        tokio::select! {
            () = connection.closed() => return Ok(()),
            changed = topologies.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let topology = topologies.borrow_and_update().clone();
                shown = follow(&connection, shown, &topology).await.map_err(io::Error::other)?;
            }
        }
    }
}

/// Shows a connection's client a new topology.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn follow(
    connection: &Connection,
    shown: Objects,
    topology: &heapq_allocator::Topology,
) -> zbus::Result<Objects> {
    let next = Objects::of(topology);
    let server = connection.object_server();
    next.replace(&shown, server).await?;
    announce(&server.interface::<_, Prompted<Allocator1>>(PATH).await?).await?;
    Ok(next)
}

async fn connect(
    service: &Arc<Service>,
    stream: UnixStream,
    session: &Arc<Session>,
    objects: &Objects,
) -> zbus::Result<Connection> {
    let uid = session.caller().map_or(u32::MAX, |caller| caller.uid);
    let ready = Arc::new(AtomicBool::new(false));
    let socket = Guarded::new(stream, ready.clone())?;
    service.peers().flight.opened(session.holder(), socket.received());
    let builder = Builder::socket(socket)
        .server(Guid::generate())
        .p2p()
        .user_id(uid)
        .serve_at(PATH, Prompted(Allocator1::for_peer(service.clone(), session.clone())))
        .serve_at(PATH, ObjectManager);
    let connection = objects.serve(builder).build().await?;
    // From now on signals tell of changes.
    ready.store(true, Ordering::SeqCst);
    Ok(connection)
}

/// Who is at the other end. On a socket pair that is whoever made the pair.
async fn credentials(stream: &UnixStream) -> io::Result<Caller> {
    let known = rustix::net::sockopt::socket_peercred(stream)?;
    let uid = known.uid.as_raw();
    let pid = u32::try_from(known.pid.as_raw_nonzero().get()).ok();
    // The user database may sit behind a network service.
    let caller = tokio::task::spawn_blocking(move || Caller::of_user(uid, pid));
    let caller = caller.await.map_err(io::Error::other)?;
    Ok(match pid.and_then(|pid| Process::of_peer(pid, stream).ok()) {
        Some(process) => caller.running_as(process),
        None => caller,
    })
}

/// Holders on private sockets are numbered, unlike any name of a bus.
fn next_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("peer-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A socket that clients connect to.
///
/// # Errors
/// Those of binding; a socket that nobody listens on any more is replaced.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Serves everybody who connects to `listener`, for ever.
pub async fn listen(service: Arc<Service>, listener: UnixListener) {
    loop {
        match listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => admit(&service, stream),
            Err(error) => {
                // Out of descriptors: wait for some client to leave instead of spinning.
                tracing::warn!(%error, "a private connection could not be taken");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn admit(service: &Arc<Service>, stream: UnixStream) {
    let uid = rustix::net::sockopt::socket_peercred(&stream).ok().map(|known| known.uid.as_raw());
    let seat: Option<Seat> = uid.and_then(|uid| service.peers().seats.take(uid).ok());
    let Some(seat) = seat else {
        refusals::dropped(uid, &"there are too many; one more was refused");
        return;
    };
    let service = service.clone();
    tokio::spawn(async move {
        if let Err(error) = serve(service, stream).await {
            refusals::dropped(uid, &error);
        }
        drop(seat);
    });
}
