//! `SIOCOUTQ` of `linux/sockios.h`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

mod raw {
    // The same number under its name for terminals.
    nix::ioctl_read_bad!(outq, nix::libc::TIOCOUTQ, nix::libc::c_int);
}

/// Whether the peer of a Unix socket has received all that was sent to it; if it has closed its end,
/// all is gone.
///
/// # Errors
/// `ENOTTY` for what is no socket.
pub fn all_received(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut waiting: nix::libc::c_int = 0;
    // SAFETY: the argument is the integer that this request number is for, and lives through the
    // call.
    unsafe { raw::outq(socket.as_raw_fd(), &raw mut waiting) }?;
    Ok(waiting == 0)
}

#[cfg(test)]
mod tests {
    use super::all_received;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_sent_is_received_when_its_last_byte_is() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let received = |socket: &UnixStream| all_received(socket.as_fd()).unwrap();
        assert!(received(&one));
        one.write_all(b"to be received").unwrap();
        assert!(!received(&one) && received(&other));
        other.read_exact(&mut [0; 13]).unwrap();
        assert!(!received(&one));
        other.read_exact(&mut [0; 1]).unwrap();
        assert!(received(&one));
        one.write_all(b"and to be lost").unwrap();
        drop(other);
        assert!(received(&one));
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(all_received(null.as_fd()).is_err());
    }
}
