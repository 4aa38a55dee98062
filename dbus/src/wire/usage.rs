//! The entries of `Usage`: who holds what, and what outlived its lease.

use super::answer::{Dictionary, Garbled};
use super::tree::to_json;
use heapq_allocator::LeaseInfo;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// One lease, or what is left of one, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Its number.
    pub lease: u64,
    /// The lease has ended; its buffers have not.
    pub orphaned: bool,
    /// The connection that holds it, or did.
    pub holder: String,
    /// Whose quota it counts against.
    pub uid: u32,
    /// The process that asked, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The systemd unit of that process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its login session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The heap of each buffer of a frame.
    pub heaps: Vec<String>,
    /// How many buffers there were.
    pub buffers: u32,
    /// Bytes of them, as allocated.
    pub bytes: u64,
    /// For how many seconds.
    pub seconds: u64,
    /// The inodes of the buffers that still exist.
    pub living: Vec<u64>,
    /// Who knows that they do.
    pub known_by: String,
}

/// An entry as it is sent.
#[must_use]
pub fn dictionary(info: &LeaseInfo) -> Dictionary {
    let heaps: Vec<String> = info.heaps.iter().map(ToString::to_string).collect();
    let living: Vec<u64> = info.living.iter().copied().collect();
    let mut dictionary = Dictionary::from([
        ("lease", Variant::from(info.lease)),
        ("orphaned", Variant::from(info.orphaned)),
        ("holder", Variant::from(info.holder.0.to_string())),
        ("uid", Variant::from(info.uid)),
        ("heaps", Variant::from(heaps)),
        ("buffers", Variant::from(info.buffers)),
        ("bytes", Variant::from(info.bytes)),
        ("seconds", Variant::from(info.age.as_secs())),
        ("living", Variant::from(living)),
        ("known-by", Variant::from(info.known_by)),
    ]);
    dictionary.extend(info.pid.map(|pid| ("pid", Variant::from(pid))));
    let names = [("unit", &info.unit), ("session", &info.session)];
    let known = names.into_iter().filter_map(|(key, name)| Some((key, name.as_ref()?)));
    dictionary.extend(known.map(|(key, name)| (key, Variant::from(name.to_string()))));
    dictionary
}

/// An entry as it came.
///
/// # Errors
/// When it is not as the interface says.
pub fn read(entry: &HashMap<String, OwnedVariant>) -> Result<Entry, Garbled> {
    let json = entry.iter().map(|(key, value)| (key.clone(), to_json(value))).collect();
    let garbled = |error: serde_json::Error| Garbled {
        key: "an entry of Usage".into(),
        problem: error.to_string(),
    };
    serde_json::from_value(serde_json::Value::Object(json)).map_err(garbled)
}
