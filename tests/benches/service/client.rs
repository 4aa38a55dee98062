//! The client of all services: it waits for an answer before it asks again.

use crate::bare;
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use zbus::connection::Builder;
use zbus::message::Message;
use zbus::wire::OwnedFd;
use zbus::{Connection, Variant};

/// Where a service is.
pub(crate) enum Place {
    Bus { address: String, name: String },
    Peer(PathBuf),
}

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) device: Option<&'a str>,
    pub(crate) count: u32,
    pub(crate) bytes: u64,
}

pub(crate) const PAGE: Ask<'_> = Ask { device: Some("/dev/video0"), count: 1, bytes: 4096 };

type Keys = HashMap<&'static str, Variant<'static>>;

/// The same as the arguments of a call. Whoever asks it again has them already.
pub(crate) struct Question {
    arguments: (Vec<Keys>, Keys),
    count: u32,
}

impl From<Ask<'_>> for Question {
    fn from(ask: Ask<'_>) -> Self {
        let mut participant = Keys::from([
            ("name", Variant::from("client")),
            ("min-count", Variant::from(ask.count)),
            ("min-size", Variant::from(ask.bytes)),
        ]);
        if let Some(device) = ask.device {
            participant.insert("device", Variant::from(device.to_owned()));
        }
        Self { arguments: (vec![participant], Keys::new()), count: ask.count }
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    connection: Connection,
    name: Option<String>,
}

impl Client {
    /// Waits until the service is there.
    pub(crate) async fn connect(place: &Place) -> Self {
        let started = Instant::now();
        loop {
            match Self::try_connect(place).await {
                Ok(client) => return client,
                Err(error) => assert!(started.elapsed() < Duration::from_secs(10), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn try_connect(place: &Place) -> zbus::Result<Self> {
        let (builder, name) = match place {
            Place::Bus { address, name } => {
                (Builder::address(address.as_str()), Some(name.clone()))
            }
            Place::Peer(path) => (Builder::unix_stream(UnixStream::connect(path)?).p2p(), None),
        };
        let client = Self { connection: builder.build().await?, name };
        client.call("/", "org.freedesktop.DBus.Peer", "Ping", &()).await?;
        Ok(client)
    }

    async fn call<B>(&self, path: &str, of: &str, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        self.connection.call_method(self.name.as_deref(), path, Some(of), method, body).await
    }

    /// How long a bare service takes for a page.
    pub(crate) async fn bare(&self) -> Duration {
        let started = Instant::now();
        let answer = self.call(bare::PATH, bare::INTERFACE, "Memory", &()).await.unwrap();
        let took = started.elapsed();
        drop(answer.body().deserialize::<OwnedFd>().unwrap());
        took
    }

    /// The least that a bare service can be asked.
    pub(crate) async fn nothing(&self) {
        self.call("/", "org.freedesktop.DBus.Peer", "Ping", &()).await.unwrap();
    }

    /// How long heapqd takes, and the lease.
    pub(crate) async fn lease(&self, question: &Question) -> (Duration, u64) {
        let (path, interface) = ("/org/heapq/Allocator1", "org.heapq.Allocator1");
        let started = Instant::now();
        let answer = self.call(path, interface, "Allocate", &question.arguments).await.unwrap();
        let took = started.elapsed();
        let body = answer.body();
        let (said, buffers): (HashMap<&str, Variant<'_>>, Vec<OwnedFd>) =
            body.deserialize().unwrap();
        assert_eq!(buffers.len(), usize::try_from(question.count).unwrap(), "{said:?}");
        (took, u64::try_from(&said["lease"]).unwrap())
    }

    pub(crate) async fn release(&self, lease: u64) {
        let (path, interface) = ("/org/heapq/Allocator1", "org.heapq.Allocator1");
        self.call(path, interface, "Release", &(lease)).await.unwrap();
    }

    /// How long heapqd takes for buffers, which are given back.
    pub(crate) async fn allocate(&self, question: &Question) -> Duration {
        let (took, lease) = self.lease(question).await;
        self.release(lease).await;
        took
    }
}
