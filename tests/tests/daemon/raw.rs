//! A client that says exactly what a test wants it to, on a bus or on a private socket.

use super::heapqd::PATIENCE;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use zbus::message::Message;

/// A connected socket.
pub(crate) struct Raw(pub(crate) UnixStream);

impl Raw {
    /// One that has said nothing yet.
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// One that may send messages.
    pub(crate) fn introduced(path: &Path) -> Self {
        let mut raw = Self::connect(path);
        let uid = rustix::process::geteuid().as_raw().to_string();
        let hex: String = uid.bytes().map(|byte| format!("{byte:02x}")).collect();
        raw.say(format!("\0AUTH EXTERNAL {hex}\r\n").as_bytes());
        assert!(raw.hear().starts_with(b"OK "));
        raw.say(b"NEGOTIATE_UNIX_FD\r\n");
        assert!(raw.hear().starts_with(b"AGREE_UNIX_FD"));
        raw.say(b"BEGIN\r\n");
        raw
    }

    /// One that may send messages over the bus at `path`.
    pub(crate) fn on_bus(path: &Path) -> Self {
        let mut raw = Self::introduced(path);
        let hello = Message::method_call("/org/freedesktop/DBus", "Hello")
            .destination("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .build(&())
            .unwrap();
        raw.say(hello.data());
        // The bus takes no descriptors with what it reads along with the introduction.
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("NameAcquired") {
            heard.extend(raw.hear());
        }
        raw
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn hear(&mut self) -> Vec<u8> {
        let mut bytes = [0; 4096];
        let length = self.0.read(&mut bytes).unwrap();
        bytes[..length].to_vec()
    }

    /// Some bytes with copies of a descriptor; whether they went out.
    pub(crate) fn say_with(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> bool {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
        let parts = [IoSlice::new(bytes)];
        match sendmsg(&self.0, &parts, &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(sent) => sent == bytes.len(),
            // The other side may have hung up already.
            Err(Errno::PIPE | Errno::CONNRESET) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether the other side has hung up.
    pub(crate) fn ends_cut_off(mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// The fixed part of a method call's header, little endian.
pub(crate) fn header(body: u32, fields: u32) -> Vec<u8> {
    let mut header = vec![b'l', 1, 0, 1];
    for word in [body, 1, fields] {
        header.extend(word.to_le_bytes());
    }
    header
}
