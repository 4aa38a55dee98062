//! The guarded socket: see the module above for what it guards against.

use super::ahead::Ahead;
use super::meter::{DESCRIPTORS, Meter};
use super::stream::Stream;
use async_trait::async_trait;
use heapq_allocator::sys::socket::all_received;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recv, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
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

/// Most descriptors that go out with one message: the kernel carries no more.
const SENT: usize = 253;

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
        let reader = Reader {
            stream: self.stream.clone(),
            calls: calls.clone(),
            meter: Meter::new(),
            ahead: Ahead::new(),
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
    ahead: Ahead,
}

/// Bytes, and the descriptors that came with them.
type Received = io::Result<(usize, Vec<OwnedFd>)>;

impl Reader {
    /// Reads no further than to the end of the introduction.
    async fn introduction(&self, buffer: &mut [u8]) -> Received {
        let received = self.stream.read(|| {
            let (_, waiting) = recv(&self.stream, &mut *buffer, RecvFlags::PEEK)?;
            let most = self.meter.takes(&buffer[..waiting]);
            receive(&self.stream, &mut buffer[..most])
        });
        received.await
    }

    /// The first bytes of a message, with its descriptors.
    async fn message(&mut self, buffer: &mut [u8]) -> Received {
        while !self.ahead.has_message().map_err(refused)? {
            let mut ready = self.stream.readable().await?;
            match self.ahead.fill(|room| receive(&self.stream, room)) {
                Ok(false) => {}
                // Nothing is left: to see that, no second read is needed.
                Ok(true) => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => return Err(error),
            }
        }
        let descriptors = self.ahead.descriptors().map_err(refused)?;
        Ok((self.ahead.take(buffer), descriptors))
    }

    /// More of a message: zbus never asks for more than there is of it.
    async fn rest(&mut self, buffer: &mut [u8]) -> Received {
        match self.ahead.take(buffer) {
            0 => {
                let received = || receive(&self.stream, buffer);
                self.stream.read(received).await
            }
            bytes => Ok((bytes, Vec::new())),
        }
    }
}

#[async_trait]
impl ReadHalf for Reader {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.calls.room(&self.stream).await?;
        let (bytes, descriptors) = if self.meter.in_introduction() {
            self.introduction(buffer).await?
        } else if self.meter.at_start() {
            self.message(buffer).await?
        } else {
            self.rest(buffer).await?
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

fn refused(offence: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, offence)
}

fn receive(stream: &Stream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(buffer)];
    let received = recvmsg(stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        let bound = format!("more than {DESCRIPTORS} descriptors with one message");
        return Err(io::Error::new(io::ErrorKind::InvalidData, bound));
    }
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((received.bytes, descriptors))
}

/// What goes to the peer.
#[derive(Debug)]
pub(super) struct Writer {
    stream: Arc<Stream>,
    calls: Arc<Calls>,
    ready: Arc<AtomicBool>,
}

impl Writer {
    async fn send(&mut self, message: &Message) -> zbus::Result<()> {
        let data = message.data();
        let descriptors: Vec<BorrowedFd<'_>> = data.fds().iter().map(AsFd::as_fd).collect();
        let mut sent = 0;
        while sent < data.len() {
            let with = if sent == 0 { descriptors.as_slice() } else { &[] };
            match self.transmit(&data[sent..], with).await {
                Ok(bytes) => sent += bytes,
                // What followed half a message would be taken for the rest of it.
                Err(error) if sent > 0 => {
                    return self.close().await.and(Err(error)).map_err(Into::into);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn transmit(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.stream.write(|| transmit(&self.stream, bytes, fds)).await
    }
}

#[async_trait]
impl WriteHalf for Writer {
    async fn send_message(&mut self, message: &Message) -> zbus::Result<()> {
        let signal = message.message_type() == Type::Signal;
        if signal && !self.ready.load(Ordering::SeqCst) {
            return Ok(());
        }
        let sent = self.send(message).await;
        if matches!(message.message_type(), Type::MethodReturn | Type::Error) {
            self.calls.answered();
        }
        sent
    }

    async fn sendmsg(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.transmit(bytes, fds).await
    }

    async fn close(&mut self) -> io::Result<()> {
        match rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both) {
            Ok(()) | Err(Errno::NOTCONN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

fn transmit(stream: &Stream, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SENT))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        let bound = format!("{} descriptors with one message", fds.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, bound));
    }
    let flags = SendFlags::NOSIGNAL;
    Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut ancillary, flags)?)
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
