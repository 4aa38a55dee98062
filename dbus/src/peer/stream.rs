//! A Unix stream that wakes nobody for nothing. tokio's own waits for room all the time, so that
//! whoever takes a message out of it wakes its sender.

use rustix::net::sockopt::set_socket_passcred;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::time::sleep;

/// How often it is tried to write where nobody can wait for room.
const PAUSE: Duration = Duration::from_millis(5);

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
        // A read would end where another process of the peer goes on, as if that were all.
        set_socket_passcred(&stream, false)?;
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

    /// Does `write`, as soon as there is room.
    pub(crate) async fn write<T>(&self, mut write: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match write() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await,
                done => return done,
            }
        }
    }

    /// Waits until there may be room. epoll keeps a copy apart, for which nobody waits afterwards.
    async fn room(&self) {
        let copy = self.0.get_ref().try_clone();
        match copy.and_then(|copy| watched(copy, Interest::WRITABLE)) {
            // Whatever ends the waiting, the next try tells.
            Ok(copy) => drop(copy.writable().await),
            // There is no descriptor left for that.
            Err(_) => sleep(PAUSE).await,
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
    use std::io::{Read, Write};
    use tokio::time::timeout;

    #[tokio::test]
    async fn who_sends_more_than_there_is_room_for_waits_for_room_or_the_end() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let one = Stream::new(one).unwrap();
        let send = || one.0.get_ref().write(&[7; 4096]);
        let mut full = 0;
        while let Ok(sent) = send() {
            full += sent;
        }
        assert!(timeout(Duration::from_millis(50), one.write(send)).await.is_err());
        let (sent, ()) = tokio::join!(one.write(send), async {
            other.read_exact(&mut vec![0; full]).unwrap();
        });
        other.read_exact(&mut vec![0; sent.unwrap()]).unwrap();
        while send().is_ok() {}
        let (sent, ()) = tokio::join!(one.write(send), async { drop(other) });
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
