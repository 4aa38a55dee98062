//! The guarded socket: see the module above for what it guards against.

use super::ahead::{Incoming, Most, refused};
use super::meter::{DESCRIPTORS, MESSAGE, Meter};
use crate::stream::{Received, Stream};
use async_trait::async_trait;
use heapq_allocator::sys::socket::all_received;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;
use zbus::Message;
use zbus::connection::socket::{ReadHalf, Socket, Split, WriteHalf};
use zbus::message::Type;

/// Calls of one peer that may be unanswered before no more are read. With 16 descriptors in each
/// answer this also bounds those that wait in a socket which nobody reads.
const UNANSWERED: usize = 8;

/// How often to look whether a peer whose calls are not answered yet has gone.
const LOOK: Duration = Duration::from_millis(200);

/// A Unix stream whose peer is not trusted.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: Arc<Stream>,
    ready: Arc<AtomicBool>,
}

impl Guarded {
    /// Takes over a connected stream; needs a tokio runtime. Until `ready` is set no signal goes
    /// out: zbus announces every object that a connection is built with, to a client that was not
    /// there before and has not asked.
    pub(super) fn new(
        stream: std::os::unix::net::UnixStream,
        ready: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        Ok(Self { stream: Arc::new(Stream::new(stream)?), ready })
    }

    /// Tells, from now on, whether the peer has received all that was sent to it.
    pub(super) fn received(&self) -> impl Fn() -> bool + Send + 'static {
        let stream = Arc::downgrade(&self.stream);
        move || {
            let open = stream.upgrade();
            open.is_none_or(|stream| all_received(stream.as_fd()).unwrap_or_default())
        }
    }
}

impl Socket for Guarded {
    type ReadHalf = Reader;
    type WriteHalf = Writer;

    fn split(self) -> Split<Reader, Writer> {
        let calls = Arc::new(Calls::default());
        let most = Most { bytes: MESSAGE, descriptors: DESCRIPTORS, ahead: 2048 };
        let reader = Reader {
            stream: self.stream.clone(),
            calls: calls.clone(),
            meter: Meter::new(),
            incoming: Incoming::new(self.stream.clone(), most),
        };
        Split::new(reader, Writer { stream: self.stream, calls, ready: self.ready })
    }
}

/// Calls that were read and are not answered.
#[derive(Debug, Default)]
struct Calls {
    unanswered: AtomicUsize,
    answered: Notify,
}

impl Calls {
    fn came(&self, calls: usize) {
        self.unanswered.fetch_add(calls, Ordering::SeqCst);
    }

    fn answered(&self) {
        // An answer to what was no call must not let more in.
        let _ = self
            .unanswered
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |calls| calls.checked_sub(1));
        self.answered.notify_one();
    }

    /// Waits until more may come in, or the peer has gone: what waits unread would hide that. Only
    /// the read half waits, so one permit is enough.
    async fn room(&self, peer: &Stream) -> io::Result<()> {
        while self.unanswered.load(Ordering::SeqCst) >= UNANSWERED {
            let answered = timeout(LOOK, self.answered.notified());
            if answered.await.is_err() && hung_up(peer)? {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        Ok(())
    }
}

fn hung_up(peer: &Stream) -> io::Result<bool> {
    let mut ends = [PollFd::new(peer, PollFlags::empty())];
    poll(&mut ends, Some(&Timespec::default()))?;
    Ok(ends[0].revents().contains(PollFlags::HUP))
}

/// What the peer sends.
#[derive(Debug)]
pub(super) struct Reader {
    stream: Arc<Stream>,
    calls: Arc<Calls>,
    meter: Meter,
    incoming: Incoming,
}

impl Reader {
    /// Reads no further than to the end of the introduction.
    async fn introduction(&self, buffer: &mut [u8]) -> Received {
        let received = self.stream.read(|| {
            let (_, waiting) = recv(&self.stream, &mut *buffer, RecvFlags::PEEK)?;
            let most = self.meter.takes(&buffer[..waiting]);
            self.stream.receive(&mut buffer[..most], DESCRIPTORS)
        });
        received.await
    }
}

#[async_trait]
impl ReadHalf for Reader {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.calls.room(&self.stream).await?;
        let (bytes, descriptors) = if self.meter.in_introduction() {
            self.introduction(buffer).await?
        } else if self.meter.at_start() {
            self.incoming.first(buffer).await?
        } else {
            self.incoming.rest(buffer).await?
        };
        self.meter.descriptors(descriptors.len()).map_err(refused)?;
        let calls = self.meter.feed(&buffer[..bytes]).map_err(refused)?;
        self.calls.came(calls);
        Ok((bytes, descriptors))
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

/// What goes to the peer.
#[derive(Debug)]
pub(super) struct Writer {
    stream: Arc<Stream>,
    calls: Arc<Calls>,
    ready: Arc<AtomicBool>,
}

#[async_trait]
impl WriteHalf for Writer {
    async fn send_message(&mut self, message: &Message) -> zbus::Result<()> {
        let signal = message.message_type() == Type::Signal;
        if signal && !self.ready.load(Ordering::SeqCst) {
            return Ok(());
        }
        let sent = self.stream.send(message).await;
        if matches!(message.message_type(), Type::MethodReturn | Type::Error) {
            self.calls.answered();
        }
        sent
    }

    async fn sendmsg(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.stream.transmit(bytes, fds).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.stream.close()
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn pair() -> io::Result<(Stream, UnixStream)> {
        let (one, other) = UnixStream::pair()?;
        Ok((Stream::new(one)?, other))
    }

    #[tokio::test]
    async fn nothing_more_is_read_while_too_many_calls_wait() {
        let (peer, other) = pair().unwrap();
        let calls = Calls::default();
        calls.came(UNANSWERED);
        assert!(timeout(LOOK * 2, calls.room(&peer)).await.is_err());
        calls.answered();
        calls.room(&peer).await.unwrap();
        calls.came(1);
        drop(other);
        assert!(calls.room(&peer).await.is_err());
    }

    #[tokio::test]
    async fn answers_to_nothing_let_nothing_in() {
        let (peer, _other) = pair().unwrap();
        let calls = Calls::default();
        calls.answered();
        calls.came(UNANSWERED);
        // The permit that the stray answer left behind wakes the waiter once, no more.
        assert!(timeout(LOOK, calls.room(&peer)).await.is_err());
    }
}
