//! How attackers reach the daemon.

use crate::raw::Raw;
use heapq_dbus::proxy::{NAME, PATH};
use serde::Serialize;
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;
use zbus::Variant;
use zbus::message::{Flags, Message};
use zbus::wire::DynamicType;

/// On a bus, or on a private socket, at this path.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Bus(PathBuf),
    Private(PathBuf),
}

/// `a{sv}`.
pub(super) type Dictionary<'v> = HashMap<&'v str, Variant<'v>>;

/// How long an attacker waits for an answer that may not come.
const SHORTLY: Duration = Duration::from_millis(500);

impl Way {
    /// A connection that has said nothing yet.
    pub(super) fn connect(&self) -> Raw {
        let (Self::Bus(path) | Self::Private(path)) = self;
        Raw::connect(path)
    }

    /// A connection that may send messages.
    pub(super) fn open(&self) -> Raw {
        let raw = match self {
            Self::Bus(path) => Raw::on_bus(path),
            Self::Private(path) => Raw::introduced(path),
        };
        raw.0.set_read_timeout(Some(SHORTLY)).unwrap();
        raw.0.set_write_timeout(Some(SHORTLY)).unwrap();
        raw
    }

    /// A call of the service's own interface.
    pub(super) fn call(&self, member: &str, body: &(impl Serialize + DynamicType)) -> Vec<u8> {
        self.call_of(PATH, NAME, member, body)
    }

    /// A call of anything.
    pub(super) fn call_of(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Vec<u8> {
        let call = Message::method_call(path, member).interface(interface);
        self.addressed(call).build(body).unwrap().data().to_vec()
    }

    /// The same without wanting an answer.
    pub(super) fn silent(&self, member: &str, body: &(impl Serialize + DynamicType)) -> Vec<u8> {
        let call = Message::method_call(PATH, member).interface(NAME);
        let call = call.with_flags(Flags::NO_REPLY_EXPECTED);
        self.addressed(call).build(body).unwrap().data().to_vec()
    }

    fn addressed<'m>(&self, message: zbus::message::Builder<'m>) -> zbus::message::Builder<'m> {
        match self {
            Self::Bus(_) => message.destination(NAME),
            Self::Private(_) => message,
        }
    }
}

/// A participant with one key more.
pub(super) fn with<'v>(key: &'v str, value: Variant<'v>) -> Vec<Dictionary<'v>> {
    vec![HashMap::from([
        ("name", Variant::from("p")),
        ("min-size", Variant::U64(4096)),
        (key, value),
    ])]
}

/// A question that can be met.
pub(super) fn modest<'v>() -> (Vec<Dictionary<'v>>, Dictionary<'v>) {
    (with("min-count", Variant::U32(2)), Dictionary::new())
}

/// What comes back until `wanted` does, or shortly after nothing more does.
pub(super) fn hear(raw: &mut Raw, wanted: &str) -> String {
    let mut heard = Vec::new();
    let mut more = [0; 65536];
    while !String::from_utf8_lossy(&heard).contains(wanted) {
        match raw.0.read(&mut more) {
            Ok(0) | Err(_) => break,
            Ok(length) => heard.extend_from_slice(&more[..length]),
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// Says it as often as the other side listens, `times` at most.
pub(super) fn repeat(raw: &mut Raw, bytes: &[u8], times: usize) {
    use std::io::Write;
    for _ in 0..times {
        if raw.0.write_all(bytes).is_err() {
            break;
        }
    }
}
