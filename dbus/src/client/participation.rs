//! A collection as one of its participants sees it from outside.

use super::{Client, Failure};
use crate::error::Error;
use crate::proxy::Participant1Proxy;
use crate::wire::answer::{self, Garbled, Received};
use crate::wire::negotiation::{Failed, State};
use crate::wire::write;
use heapq_allocator::Outcome;
use heapq_constraints::value::Table;
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use zbus::export::futures_core::Stream;
use zbus::proxy::{CacheProperties, SignalStream};
use zbus::wire::OwnedObjectPath;

/// One participant. It ends with [`Self::leave`], or with the client's connection; to drop it ends
/// nothing.
#[derive(Debug)]
pub struct Participation {
    client: Client,
    proxy: Participant1Proxy<'static>,
    signals: SignalStream<'static>,
}

/// What a participant is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// There are buffers, or others than before.
    Allocated {
        /// The number of their set.
        generation: u64,
        /// Under which they are fetched.
        lease: u64,
    },
    /// A set of buffers is replaced by another.
    Superseded {
        /// Its number.
        generation: u64,
    },
    /// Something failed.
    Failed(Failed),
}

impl Client {
    /// Makes a collection; the token lets others in.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn create_collection(
        &self,
        options: &Table,
    ) -> Result<(Participation, String), Failure> {
        let options = write::dictionary(options).map_err(Failure::Refused)?;
        let made = self.proxy.create_collection(&options).await;
        let (path, token) = made.map_err(|error| self.failure(error))?;
        Ok((Participation::at(self, path).await?, token))
    }

    /// Becomes a participant of the collection that `token` leads to.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn join_collection(
        &self,
        token: &str,
        participant: &Table,
    ) -> Result<Participation, Failure> {
        let participant = write::dictionary(participant).map_err(Failure::Refused)?;
        let joined = self.proxy.join_collection(token, &participant).await;
        Participation::at(self, joined.map_err(|error| self.failure(error))?).await
    }
}

impl Participation {
    async fn at(client: &Client, path: OwnedObjectPath) -> Result<Self, Failure> {
        let failed = |error| client.failure(Error::ZBus(error));
        let proxy = Participant1Proxy::builder(client.proxy.inner().connection())
            .path(path)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(failed)?;
        let signals = proxy.inner().receive_all_signals().await.map_err(failed)?;
        Ok(Self { client: client.clone(), proxy, signals })
    }

    /// Says what the participant needs, in place of what it said before.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_constraints(&self, constraints: &Table) -> Result<(), Failure> {
        let constraints = write::dictionary(constraints).map_err(Failure::Refused)?;
        self.done(self.proxy.set_constraints(&constraints).await)
    }

    /// Says that all is said, or that superseded buffers are used no more.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ready(&self) -> Result<(), Failure> {
        self.done(self.proxy.ready().await)
    }

    /// Asks for so many frames more; [`Self::wait`] tells what came of it.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn grow(&self, frames: u32) -> Result<(), Failure> {
        self.done(self.proxy.grow(frames).await)
    }

    /// Gives up to so many frames back; [`Self::wait`] tells what came of it.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn shrink(&self, frames: u32) -> Result<(), Failure> {
        self.done(self.proxy.shrink(frames).await)
    }

    /// Leaves in good order.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn leave(self) -> Result<(), Failure> {
        self.done(self.proxy.leave().await)
    }

    /// Where the participant is.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn state(&self) -> Result<State, Failure> {
        let state = self.done(self.proxy.state().await.map_err(Error::ZBus))?;
        Ok(State::read(&state)?)
    }

    /// The next that the participant is told, however long that takes.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] when the connection has ended.
    pub async fn wait(&mut self) -> Result<Told, Failure> {
        let next = poll_fn(|context| Pin::new(&mut self.signals).poll_next(context)).await;
        let ended =
            || zbus::Error::InputOutput(std::sync::Arc::new(std::io::ErrorKind::BrokenPipe.into()));
        let message = next.ok_or_else(|| self.client.failure(Error::ZBus(ended())))?;
        let read = |error: zbus::Error| Garbled::of("signal", error);
        let header = message.header();
        let member = header.member().map(|member| member.as_str().to_owned()).unwrap_or_default();
        let body = message.body();
        Ok(match member.as_str() {
            "Allocated" => {
                let (generation, lease) = body.deserialize().map_err(read)?;
                Told::Allocated { generation, lease }
            }
            "Superseded" => Told::Superseded { generation: body.deserialize().map_err(read)? },
            "Failed" => {
                let why: Received = body.deserialize().map_err(read)?;
                Told::Failed(Failed::read(&why)?)
            }
            other => return Err(Garbled::of("signal", format!("{other} is none")).into()),
        })
    }

    /// All buffers of a lease, in however many messages they come.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn buffers(&self, lease: u64) -> Result<Vec<OwnedFd>, Failure> {
        let mut all = Vec::new();
        loop {
            let first = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let (some, _receipt) = self.done(self.proxy.get_buffers(lease, first).await)?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some.into_iter().map(OwnedFd::from));
        }
    }

    /// The whole answer behind the buffers, which do not come along, or behind the last failure.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn explain(&self) -> Result<Outcome, Failure> {
        let answer = self.done(self.proxy.explain().await)?;
        Ok(answer::read_outcome(&answer, Vec::new())?)
    }

    /// Its object, for those who want to call it themselves.
    #[must_use]
    pub fn proxy(&self) -> &Participant1Proxy<'static> {
        &self.proxy
    }

    fn done<T>(&self, result: Result<T, Error>) -> Result<T, Failure> {
        result.map_err(|error| self.client.failure(error))
    }
}
