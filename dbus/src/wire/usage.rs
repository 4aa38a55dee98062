//! The entries of `Usage`: who holds what, and what outlived its lease.

use super::answer::{Dictionary, Garbled};
use super::tree::to_json;
use heapq_allocator::LeaseInfo;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use zbus::wire::serialized::Context;
use zbus::wire::{LE, serialized_size};
use zbus::{OwnedVariant, Variant};

/// Entries of one answer, and bytes of them all.
const ENTRIES: usize = 1024;
const BYTES: usize = 1 << 20;

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
fn dictionary(info: &LeaseInfo) -> Dictionary {
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

/// As many of the entries as one answer has, and how many bytes they take.
#[must_use]
pub fn entries<'a>(of: impl Iterator<Item = &'a LeaseInfo>) -> (Vec<Dictionary>, usize) {
    let mut left = BYTES;
    let fitting = of.take(ENTRIES).map_while(|info| {
        let entry = dictionary(info);
        let size = serialized_size(Context::new(LE, 0), &entry).ok()?;
        left = left.checked_sub(size.size())?;
        Some(entry)
    });
    let entries = fitting.collect();
    (entries, BYTES - left)
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

#[cfg(test)]
mod tests {
    use super::*;
    use heapq_allocator::Holder;
    use std::time::Duration;

    fn info(living: u64) -> LeaseInfo {
        LeaseInfo {
            lease: 1,
            orphaned: false,
            holder: Holder::new(":1.1"),
            uid: 7,
            pid: None,
            unit: None,
            session: None,
            heaps: Vec::new(),
            buffers: 1,
            bytes: 4096,
            age: Duration::ZERO,
            living: (0..living).collect(),
            known_by: "the kernel",
        }
    }

    #[test]
    fn an_answer_is_bounded_however_much_there_is() {
        for (infos, expected) in [(vec![info(1); 3], 3), (vec![info(1); 2000], ENTRIES)] {
            let (entries, bytes) = entries(infos.iter());
            assert_eq!(entries.len(), expected);
            assert!(bytes > 100 * expected && bytes < 300 * expected, "{bytes}");
        }
        let (entries, bytes) = entries(vec![info(4096); 100].iter());
        assert!((25..100).contains(&entries.len()) && bytes <= BYTES, "{bytes}");
    }
}
