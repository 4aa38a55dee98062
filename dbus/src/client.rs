//! The service as its clients see it: the same questions and the same typed answers as the
//! in-process [`Broker`](heapq_allocator::Broker), so that callers need not care which they ask.
//!
//! Runs on the caller's tokio runtime. Leases last as long as the [`Client`]: dropping it leaves
//! the bus (or hangs up), which ends them.

mod participation;

pub use participation::{Participation, Told};

use crate::error::Error;
use crate::gate::DESCRIPTORS;
use crate::proxy::Allocator1Proxy;
use crate::wire::Asked;
use crate::wire::answer::{self, Garbled};
use crate::wire::connecting::{DESCRIPTORS_MAX, MAX_FDS};
use crate::wire::usage::{self, Entry};
use heapq_allocator::{Grant, Outcome};
use heapq_constraints::Answer;
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use zbus::Variant;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::fdo::DBusProxy;

/// Where the service is.
#[derive(Debug)]
pub enum Place {
    /// The system bus.
    System,
    /// The session bus.
    Session,
    /// The bus at a D-Bus address.
    Address(String),
    /// A socket that `heapqd --p2p` listens on; no bus in between.
    Peer(PathBuf),
    /// One end of a socket pair, the service holding the other.
    Stream(UnixStream),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system bus"),
            Self::Session => f.write_str("the session bus"),
            Self::Address(address) => write!(f, "the bus at {address}"),
            Self::Peer(path) => write!(f, "the socket {}", path.display()),
            Self::Stream(_) => f.write_str("a private socket"),
        }
    }
}

/// Why a call gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody serves there (or no longer).
    #[error("{place}: no heapq service answers: {cause}")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// What the connection says.
        cause: zbus::Error,
    },
    /// The service refused or failed.
    #[error("{}", .0.text())]
    Refused(Error),
    /// It answered something else than its interface promises.
    #[error(transparent)]
    Garbled(#[from] Garbled),
}

/// How long a call may take before the service counts as unreachable. An allocation of many large
/// buffers clears gigabytes, so this is generous.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to the service.
#[derive(Clone, Debug)]
pub struct Client {
    proxy: Allocator1Proxy<'static>,
    place: String,
}

impl Client {
    /// Connects, and sees that the service is there (the bus starts it when it can).
    ///
    /// # Errors
    /// [`Failure::Unreachable`] when there is no bus, or nobody on it who serves the interface.
    pub async fn connect(place: Place) -> Result<Self, Failure> {
        let name = place.to_string();
        let unreachable = |cause| Failure::Unreachable { place: name.clone(), cause };
        let proxy = proxy(place).await.map_err(unreachable)?;
        proxy.version().await.map_err(unreachable)?;
        Ok(Self { proxy, place: name })
    }

    /// The same service over a private socket, where it gives one: without the bus's limits, and in
    /// half the time. Else, and for one that is private already, as before. Leases that this client
    /// holds stay with the connection that is left.
    pub async fn private(self) -> Self {
        match self.switched().await {
            Some(proxy) => Self { proxy, ..self },
            None => self,
        }
    }

    async fn switched(&self) -> Option<Allocator1Proxy<'static>> {
        if !self.proxy.inner().connection().is_bus() {
            return None;
        }
        let options = HashMap::from([(MAX_FDS, Variant::from(DESCRIPTORS_MAX))]);
        let socket = self.proxy.connect(&options).await.ok()?;
        let stream = UnixStream::from(OwnedFd::from(socket));
        proxy(Place::Stream(stream)).await.ok()
    }

    /// What would be allocated, and why: allocates nothing.
    ///
    /// # Errors
    /// [`Failure`]; a conflict is an answer.
    pub async fn plan(&self, asked: &Asked) -> Result<Answer, Failure> {
        let participants = asked.participants().map_err(Failure::Refused)?;
        let options = asked.options(false).map_err(Failure::Refused)?;
        let reply = self.proxy.plan(&participants, &options).await.map_err(|e| self.failure(e))?;
        Ok(answer::read_answer(&reply)?)
    }

    /// Allocates. A grant holds all its buffers, in however many messages they came.
    ///
    /// # Errors
    /// [`Failure`]; a conflict, want of memory and a quota are outcomes.
    pub async fn allocate(&self, asked: &Asked) -> Result<Outcome, Failure> {
        let participants = asked.participants().map_err(Failure::Refused)?;
        let options = asked.options(true).map_err(Failure::Refused)?;
        let (reply, buffers) =
            self.proxy.allocate(&participants, &options).await.map_err(|e| self.failure(e))?;
        let buffers = buffers.into_iter().map(OwnedFd::from).collect();
        let mut outcome = answer::read_outcome(&reply, buffers)?;
        // With it goes the receipt.
        drop(reply);
        if let Outcome::Granted(grant) = &mut outcome {
            self.complete(grant).await?;
        }
        Ok(outcome)
    }

    /// Fetches the buffers that did not fit into the first message.
    async fn complete(&self, grant: &mut Grant) -> Result<(), Failure> {
        loop {
            let have = u32::try_from(grant.buffers.len()).unwrap_or(u32::MAX);
            let total = grant.total_buffers;
            if have >= total {
                return Ok(());
            }
            let more = self.buffers(grant.lease, have).await?;
            if more.is_empty() {
                let problem = format!("announces {total} buffers and gives {have}");
                return Err(Garbled { key: "total".into(), problem }.into());
            }
            grant.buffers.extend(more);
        }
    }

    /// Some of the buffers of a lease from the `first` on: at least one where there is one, as
    /// many as a message carries.
    ///
    /// # Errors
    /// [`Failure`], when the lease is not this client's above all.
    pub async fn buffers(&self, lease: u64, first: u32) -> Result<Vec<OwnedFd>, Failure> {
        let (buffers, _receipt) =
            self.proxy.get_buffers(lease, first).await.map_err(|e| self.failure(e))?;
        Ok(buffers.into_iter().map(OwnedFd::from).collect())
    }

    /// Ends a lease. The buffers live on as long as somebody holds them.
    ///
    /// # Errors
    /// [`Failure`], when the lease is not this client's above all.
    pub async fn release(&self, lease: u64) -> Result<(), Failure> {
        self.proxy.release(lease).await.map_err(|e| self.failure(e))
    }

    /// Has buffers counted again that this client got from a service that is gone: see [`Self::gone`].
    /// The numbers of the new leases; the inner error is an outcome, a quota that they would exceed,
    /// and then none is counted.
    ///
    /// # Errors
    /// [`Failure`]; the text says which of them is no buffer of a heap.
    pub async fn adopt(
        &self,
        buffers: &[OwnedFd],
    ) -> Result<Result<Vec<u64>, Box<Outcome>>, Failure> {
        let mut leases = Vec::new();
        for some in buffers.chunks(DESCRIPTORS) {
            match self.adopt_some(some).await {
                Ok(Ok(lease)) => leases.push(lease),
                failed => {
                    for lease in leases {
                        self.release(lease).await?;
                    }
                    return failed.map(|outcome| outcome.map(|_| Vec::new()));
                }
            }
        }
        Ok(Ok(leases))
    }

    /// As many as one message carries.
    async fn adopt_some(&self, buffers: &[OwnedFd]) -> Result<Result<u64, Box<Outcome>>, Failure> {
        let copies: io::Result<Vec<OwnedFd>> = buffers.iter().map(OwnedFd::try_clone).collect();
        let copies = copies.map_err(|error| Failure::Refused(Error::Failed(error.to_string())))?;
        let copies = copies.into_iter().map(Into::into).collect();
        let reply = self.proxy.adopt(copies, &HashMap::new()).await;
        Ok(answer::read_lease(&reply.map_err(|error| self.failure(error))?)?)
    }

    /// This client's own memory as a dma-buf: `memory` is a memfd that is sealed against shrinking,
    /// and written to all over.
    ///
    /// # Errors
    /// [`Failure`]; the text says what is amiss.
    pub async fn wrap(&self, memory: OwnedFd) -> Result<OwnedFd, Failure> {
        let wrapped = self.proxy.wrap(memory.into(), &HashMap::new()).await;
        let (buffer, _receipt) = wrapped.map_err(|e| self.failure(e))?;
        Ok(buffer.into())
    }

    /// The node of a heap itself: what is taken there is bounded by this process's control group
    /// only.
    ///
    /// # Errors
    /// [`Failure`]; the text says what is missing.
    pub async fn open_heap(&self, name: &str) -> Result<OwnedFd, Failure> {
        let opened = self.proxy.open_heap(name, &HashMap::new()).await;
        let (node, _said) = opened.map_err(|e| self.failure(e))?;
        Ok(node.into())
    }

    /// Who holds what, as far as this client may know.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn usage(&self) -> Result<Vec<Entry>, Failure> {
        let (entries, _receipt) = self.proxy.usage().await.map_err(|e| self.failure(e))?;
        Ok(entries.iter().map(usage::read).collect::<Result<_, _>>()?)
    }

    /// Waits until the service has gone, or this client's connection to it: its leases have ended
    /// then. Buffers stay valid, but nobody counts them any more. [`Self::connect`] finds the
    /// service again when it is back; a bus starts it. [`Self::adopt`] has the buffers counted
    /// there.
    pub async fn gone(&self) {
        let connection = self.proxy.inner().connection();
        tokio::select! {
            () = connection.closed() => {}
            () = self.left_bus(), if connection.is_bus() => {}
        }
    }

    /// Waits until who had the service's name has it no longer.
    async fn left_bus(&self) {
        let proxy = self.proxy.inner();
        let Ok(mut changes) = proxy.receive_owner_changed().await else { return };
        let Ok(bus) = DBusProxy::new(proxy.connection()).await else { return };
        if bus.get_name_owner(proxy.destination().clone()).await.is_ok() {
            poll_fn(|context| Pin::new(&mut changes).poll_next(context)).await;
        }
    }

    /// The version of the service.
    ///
    /// # Errors
    /// [`Failure`] when it no longer answers.
    pub async fn version(&self) -> Result<String, Failure> {
        self.proxy.version().await.map_err(|e| self.failure(Error::ZBus(e)))
    }

    /// Whether its heaps are stand-ins, whose buffers are no dma-bufs.
    ///
    /// # Errors
    /// [`Failure`] when it no longer answers.
    pub async fn stand_in(&self) -> Result<bool, Failure> {
        self.proxy.stand_in().await.map_err(|e| self.failure(Error::ZBus(e)))
    }

    /// What an administrator should know of it, a line each.
    ///
    /// # Errors
    /// [`Failure`] when it no longer answers.
    pub async fn problems(&self) -> Result<Vec<String>, Failure> {
        self.proxy.problems().await.map_err(|e| self.failure(Error::ZBus(e)))
    }

    /// Where it is, in words.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The connection, for those who want to watch signals or properties themselves.
    #[must_use]
    pub fn proxy(&self) -> &Allocator1Proxy<'static> {
        &self.proxy
    }

    fn failure(&self, error: Error) -> Failure {
        match error {
            Error::ZBus(cause) if is_gone(&cause) => {
                Failure::Unreachable { place: self.place.clone(), cause }
            }
            error => Failure::Refused(error),
        }
    }
}

/// Whether an error says that nobody is there, rather than that somebody refused.
fn is_gone(error: &zbus::Error) -> bool {
    use zbus::fdo::Error as Standard;
    match error {
        zbus::Error::InputOutput(_) => true,
        zbus::Error::FDO(standard) => matches!(
            **standard,
            Standard::ServiceUnknown(_)
                | Standard::NameHasNoOwner(_)
                | Standard::NoReply(_)
                | Standard::Disconnected(_)
        ),
        _ => false,
    }
}

async fn proxy(place: Place) -> zbus::Result<Allocator1Proxy<'static>> {
    let builder = match place {
        Place::System => Builder::system(),
        Place::Session => Builder::session(),
        Place::Address(address) => Builder::address(address.as_str()),
        Place::Peer(path) => Builder::unix_stream(UnixStream::connect(path)?).p2p(),
        Place::Stream(stream) => Builder::unix_stream(stream).p2p(),
    };
    let connection = builder.method_timeout(TIMEOUT).build().await?;
    Allocator1Proxy::builder(&connection)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}
