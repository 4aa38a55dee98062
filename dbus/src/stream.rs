//! A Unix stream that wakes nobody for nothing. tokio's own waits for room all the time, so that
//! whoever takes a message out of it wakes its sender.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, recvmsg, sendmsg, shutdown,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use zbus::Message;

/// Most descriptors that go with one message: the kernel carries no more (`SCM_MAX_FD`).
pub(crate) const DESCRIPTORS: usize = 253;

/// Bytes, and the descriptors that came with them.
pub(crate) type Received = io::Result<(usize, Vec<OwnedFd>)>;

/// Waits for what comes in, and for room only while somebody has something to send.
#[derive(Debug)]
pub(crate) struct Stream(AsyncFd<UnixStream>);

impl Stream {
    /// Takes over a connected stream; needs a tokio runtime.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        watched(stream, Interest::READABLE).map(Self)
    }

    /// Waits until there may be something to read. Whoever took all says so to the guard.
    pub(crate) async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, UnixStream>> {
        self.0.readable().await
    }

    /// Does `read` as soon as there is something.
    pub(crate) async fn read<T>(&self, mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        self.0.async_io(Interest::READABLE, |_| read()).await
    }

    /// Reads what is there, with `most` descriptors at most.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing, `UnexpectedEof` when there will be nothing any more;
    /// `InvalidData` when there are more descriptors.
    pub(crate) fn receive(&self, buffer: &mut [u8], most: usize) -> Received {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let bytes = rustix::cmsg_space!(ScmRights(most)).min(space.len());
        let mut ancillary = RecvAncillaryBuffer::new(&mut space[..bytes]);
        let mut parts = [IoSliceMut::new(buffer)];
        let received = recvmsg(self, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            let more = format!("more than {most} descriptors with one message");
            return Err(io::Error::new(io::ErrorKind::InvalidData, more));
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((received.bytes, descriptors))
    }

    /// Sends a whole message.
    pub(crate) async fn send(&self, message: &Message) -> zbus::Result<()> {
        let data = message.data();
        let descriptors: Vec<BorrowedFd<'_>> = data.fds().iter().map(AsFd::as_fd).collect();
        let mut sent = 0;
        while sent < data.len() {
            let with = if sent == 0 { descriptors.as_slice() } else { &[] };
            sent += self.transmit(&data[sent..], with).await?;
        }
        Ok(())
    }

    /// Sends as much as there is room for, as soon as there is some.
    pub(crate) async fn transmit(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        match self.transmit_now(bytes, fds) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // epoll keeps a copy apart, for which nobody waits when this is done.
                let copy = watched(self.0.get_ref().try_clone()?, Interest::WRITABLE)?;
                let transmit = |_: &UnixStream| self.transmit_now(bytes, fds);
                copy.async_io(Interest::WRITABLE, transmit).await
            }
            done => done,
        }
    }

    fn transmit_now(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
            let bound = format!("{} descriptors with one message", fds.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, bound));
        }
        Ok(sendmsg(self, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?)
    }

    /// Hangs up.
    pub(crate) fn close(&self) -> io::Result<()> {
        match shutdown(self, Shutdown::Both) {
            Ok(()) | Err(Errno::NOTCONN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

#[expect(
    deprecated,
    reason = "sound for this type, whose descriptor is its own and stays the same"
)]
fn watched(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(stream, interest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn who_sends_more_than_there_is_room_for_waits_for_room_or_the_end() {
        let (one, other) = UnixStream::pair().unwrap();
        let [one, other] = [one, other].map(|end| Stream::new(end).unwrap());
        let mut full = 0;
        while let Ok(sent) = one.transmit_now(&[7; 4096], &[]) {
            full += sent;
        }
        let waiting = || timeout(Duration::from_millis(50), one.transmit(&[7; 4096], &[]));
        assert!(waiting().await.is_err());
        let mut buffer = vec![0; 1 << 20];
        let read = || async { other.read(|| other.receive(&mut vec![0; 1 << 20], 0)).await };
        let (sent, taken) = tokio::join!(one.transmit(&[7; 4096], &[]), read());
        let mut taken = taken.unwrap().0;
        while taken < full + sent.as_ref().unwrap() {
            taken += other.receive(&mut buffer, 0).unwrap().0;
        }
        while one.transmit_now(&[7; 4096], &[]).is_ok() {}
        let (sent, ()) = tokio::join!(one.transmit(&[7], &[]), async { other.close().unwrap() });
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
