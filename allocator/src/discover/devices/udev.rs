//! What udev's rules found out about a node, from udev's database.

use crate::discover::root::Root;
use heapq_constraints::Name;
use heapq_policies::is_udev_property;
use std::collections::BTreeMap;

/// Properties that are kept of one node.
const PROPERTIES_MAX: usize = 64;
/// Longest value that is kept, in bytes.
const VALUE_MAX: usize = 512;

/// The properties of the character device of this number (`81:3`), as far as policies may look at
/// them; `None` where udev knows none.
///
/// The database has a file for each character device, `/run/udev/data/cMAJOR:MINOR`, with a line
/// `E:KEY=VALUE` for each property (systemd, src/libsystemd/sd-device/sd-device.c).
pub(super) fn properties(root: &Root, number: &str) -> Option<BTreeMap<Name, Name>> {
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return None;
    }
    let text = root.text(&format!("/run/udev/data/c{number}"))?;
    let stated = text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
    let plain = |value: &str| {
        !value.is_empty() && value.len() <= VALUE_MAX && !value.chars().any(char::is_control)
    };
    let kept = stated.filter(|(key, value)| is_udev_property(key) && plain(value));
    let kept = kept.take(PROPERTIES_MAX).map(|(key, value)| (key.into(), value.into()));
    let kept: BTreeMap<Name, Name> = kept.collect();
    (!kept.is_empty()).then_some(kept)
}
