//! The socket to a bus. zbus's own is woken by the bus for each message that it takes from us, which
//! is as often as for what it has for us.

use crate::peer::ahead::{Incoming, Most};
use crate::stream::{DESCRIPTORS, Received, Stream};
use async_trait::async_trait;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use zbus::Message;
use zbus::connection::socket::{ReadHalf, Socket, Split, WriteHalf};

/// In bytes: the D-Bus specification lets no message be longer ("Message Format"), and a bus passes
/// none on that is.
const LONGEST: u64 = 128 << 20;

/// A connected stream.
#[derive(Debug)]
pub(super) struct ToBus(Arc<Stream>);

impl ToBus {
    /// Takes over a connected stream; needs a tokio runtime.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        Stream::new(stream).map(|stream| Self(Arc::new(stream)))
    }
}

impl Socket for ToBus {
    type ReadHalf = Reader;
    type WriteHalf = Writer;

    fn split(self) -> Split<Reader, Writer> {
        let most = Most { bytes: LONGEST, descriptors: DESCRIPTORS, ahead: 8192 };
        let messages = Messages { incoming: Incoming::new(self.0.clone(), most), begun: false };
        Split::new(Reader { introduction: Introduction(self.0.clone()), messages }, Writer(self.0))
    }
}

/// What the bus sends.
#[derive(Debug)]
pub(super) struct Reader {
    introduction: Introduction,
    messages: Messages,
}

#[async_trait]
impl ReadHalf for Reader {
    async fn receive_message(
        &mut self,
        seq: u64,
        bytes: &mut Vec<u8>,
        fds: &mut Vec<OwnedFd>,
    ) -> zbus::Result<Message> {
        // Messages whose beginning was read with the introduction are read to their end like it.
        if bytes.is_empty() {
            self.messages.begun = false;
            self.messages.receive_message(seq, bytes, fds).await
        } else {
            self.introduction.receive_message(seq, bytes, fds).await
        }
    }

    async fn recvmsg(&mut self, buffer: &mut [u8]) -> Received {
        self.introduction.recvmsg(buffer).await
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

/// Bytes as they are asked for.
#[derive(Debug)]
struct Introduction(Arc<Stream>);

#[async_trait]
impl ReadHalf for Introduction {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> Received {
        self.0.read(|| self.0.receive(buffer, DESCRIPTORS)).await
    }
}

/// Messages, of which zbus asks for the header first.
#[derive(Debug)]
struct Messages {
    incoming: Incoming,
    begun: bool,
}

#[async_trait]
impl ReadHalf for Messages {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> Received {
        if std::mem::replace(&mut self.begun, true) {
            self.incoming.rest(buffer).await
        } else {
            self.incoming.first(buffer).await
        }
    }
}

/// What goes to the bus.
#[derive(Debug)]
pub(super) struct Writer(Arc<Stream>);

#[async_trait]
impl WriteHalf for Writer {
    async fn send_message(&mut self, message: &Message) -> zbus::Result<()> {
        self.0.send(message).await
    }

    async fn sendmsg(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.0.transmit(bytes, fds).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.0.close()
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, fstat, memfd_create};
    use std::future::poll_fn;
    use std::os::fd::AsFd;
    use std::pin::Pin;
    use zbus::connection::Builder;
    use zbus::export::futures_core::Stream;
    use zbus::wire::OwnedFd as WireFd;
    use zbus::{Guid, MessageStream};

    #[tokio::test]
    async fn messages_come_as_they_were_sent_short_or_long_with_their_descriptors() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let theirs = Builder::unix_stream(theirs).server(Guid::generate()).p2p().build();
        let ours = Builder::socket(ToBus::new(ours).unwrap()).p2p().build();
        let (ours, theirs) = tokio::try_join!(ours, theirs).unwrap();
        let mut came = MessageStream::from(&ours);
        let sizes = [(1, 0), (3000, 2), (5, 1), (8192, 0), (8000, 253), (1 << 20, 3), (5, 0)];
        let memfd = |_| WireFd::from(memfd_create("m", MemfdFlags::CLOEXEC).unwrap());
        let sent = sizes.map(|(bytes, descriptors)| {
            let descriptors: Vec<WireFd> = (0..descriptors).map(memfd).collect();
            Message::method_call("/", "M").build(&("x".repeat(bytes), descriptors)).unwrap()
        });
        let inodes = |message: &Message| -> Vec<u64> {
            message.data().fds().iter().map(|fd| fstat(fd.as_fd()).unwrap().st_ino).collect()
        };
        let receiving = async {
            for sent in &sent {
                let next = poll_fn(|context| Pin::new(&mut came).poll_next(context)).await;
                let next = next.unwrap().unwrap();
                assert_eq!(next.data().bytes(), sent.data().bytes());
                assert_eq!(inodes(&next), inodes(sent));
            }
        };
        // The long one does not fit into the socket.
        let sending = async {
            for message in &sent {
                theirs.send(message).await.unwrap();
            }
        };
        tokio::join!(sending, receiving);
    }
}
