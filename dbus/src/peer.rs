//! The service without a bus: one client at the other end of a Unix socket.
//!
//! A bus bounds what a client may send and leave unread; here we have to. zbus's own socket takes
//! a claimed message length at its word and answers calls whether or not the answers are read, so
//! one peer could have gigabytes and every file descriptor of the process. `Guarded` is a socket
//! that reads no message above a bound, and none at all while too many calls are unanswered.
//!
//! Who the client is, the kernel says: `SO_PEERCRED` of the socket, taken when the connection was
//! made. Hanging up is leaving.

mod meter;
mod socket;

use crate::gate::Session;
use crate::objects::Objects;
use crate::proxy::PATH;
use crate::service::{Allocator1, Service, announce};
use heapq_allocator::Caller;
use socket::Guarded;
use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Serves one client on `stream` until it hangs up, then ends what it held.
///
/// # Errors
/// When the peer's credentials cannot be had, or it does not introduce itself properly and in time.
pub async fn serve(service: Arc<Service>, stream: UnixStream) -> io::Result<()> {
    let caller = credentials(&stream).await?;
    let session = Arc::new(Session::of_peer(&next_name(), caller));
    let served = converse(&service, stream, &session).await;
    service.left_peer(&session);
    served
}

async fn converse(
    service: &Arc<Service>,
    stream: UnixStream,
    session: &Arc<Session>,
) -> io::Result<()> {
    let mut topologies = service.topologies();
    let mut shown = Objects::of(&topologies.borrow_and_update());
    let connecting = connect(service, stream, session, &shown);
    let connection = tokio::time::timeout(HANDSHAKE, connecting)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the peer did not introduce itself"))?
        .map_err(io::Error::other)?;
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
    announce(&server.interface::<_, Allocator1>(PATH).await?).await?;
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
    let builder = Builder::socket(Guarded::new(stream, ready.clone())?)
        .server(Guid::generate())
        .p2p()
        .user_id(uid)
        .serve_at(PATH, Allocator1::for_peer(service.clone(), session.clone()))
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
    caller.await.map_err(io::Error::other)
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
    let seats = Arc::new(Seats::default());
    loop {
        match listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => admit(&service, &seats, stream),
            Err(error) => {
                // Out of descriptors: wait for some client to leave instead of spinning.
                tracing::warn!(%error, "a private connection could not be taken");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn admit(service: &Arc<Service>, seats: &Arc<Seats>, stream: UnixStream) {
    let uid = rustix::net::sockopt::socket_peercred(&stream).map(|known| known.uid.as_raw());
    let seat = uid.ok().and_then(|uid| Seat::take(seats, uid));
    let Some(seat) = seat else {
        tracing::warn!(?uid, "too many private connections; one more was refused");
        return;
    };
    let service = service.clone();
    tokio::spawn(async move {
        if let Err(error) = serve(service, stream).await {
            tracing::debug!(%error, "a private connection ended");
        }
        drop(seat);
    });
}

/// Connections at a time, by user.
#[derive(Debug, Default)]
struct Seats(Mutex<HashMap<u32, usize>>);

/// One connection; gives its seat back when dropped.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    uid: u32,
}

impl Seat {
    fn take(seats: &Arc<Seats>, uid: u32) -> Option<Self> {
        let mut taken = seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = taken.values().sum();
        let of_user = taken.entry(uid).or_default();
        if *of_user >= PER_USER || total >= TOTAL {
            return None;
        }
        *of_user += 1;
        Some(Self { seats: seats.clone(), uid })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = taken.get_mut(&self.uid) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_cannot_take_all_seats() {
        let seats = Arc::new(Seats::default());
        let taken: Vec<_> = (0..PER_USER).map(|_| Seat::take(&seats, 1000).unwrap()).collect();
        assert!(Seat::take(&seats, 1000).is_none());
        assert!(Seat::take(&seats, 1001).is_some());
        drop(taken);
        assert!(Seat::take(&seats, 1000).is_some());
    }
}
