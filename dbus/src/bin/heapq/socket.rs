//! Lines with file descriptors beside them, between this program and a child of it.

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most descriptors of a message: what one message of a bus would carry.
pub(crate) const MOST: usize = 16;
/// Longest line, in bytes.
const LINE: usize = 8192;

/// Sends one message.
///
/// # Errors
/// More than [`MOST`] buffers; what sendmsg says.
pub(crate) fn send<F: AsFd>(socket: BorrowedFd<'_>, line: &[u8], buffers: &[F]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let borrowed: Vec<BorrowedFd<'_>> = buffers.iter().map(AsFd::as_fd).collect();
    if !borrowed.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::Error::other("more buffers than a message carries"));
    }
    let sent = sendmsg(socket, &[IoSlice::new(line)], &mut beside, SendFlags::NOSIGNAL)?;
    if sent == line.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// One message; whatever is longer than a line or has more descriptors is cut, and fails later. Empty
/// when the other side has gone.
///
/// # Errors
/// What recvmsg says.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut line = vec![0; LINE];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut line)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    line.truncate(received.bytes);
    let mut buffers = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            buffers.extend(descriptors);
        }
    }
    Ok((line, buffers))
}
