//! What udev's rules found out about a node, from udev's database.

use crate::discover::root::Root;
use heapq_constraints::Name;
use heapq_policies::is_udev_property;
use std::collections::BTreeMap;

/// Properties that are kept of one node.
const PROPERTIES_MAX: usize = 64;
/// Links that are kept of one node.
const LINKS_MAX: usize = 16;
/// Longest value that is kept, in bytes.
const VALUE_MAX: usize = 512;

/// What udev's database has of one node.
#[derive(Default)]
pub(super) struct Known {
    /// Its properties, as far as policies may look at them.
    pub(super) properties: BTreeMap<Name, Name>,
    /// The links to it below /dev, with their whole paths.
    pub(super) links: Vec<Name>,
}

/// What udev knows of the character device of this number (`81:3`); nothing where it does not know it.
///
/// The database has a file for each character device, `/run/udev/data/cMAJOR:MINOR`, with a line
/// `E:KEY=VALUE` for each property and `S:PATH` for each link (systemd,
/// src/libsystemd/sd-device/sd-device.c).
pub(super) fn known(root: &Root, number: &str) -> Known {
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return Known::default();
    }
    let text = root.text(&format!("/run/udev/data/c{number}")).unwrap_or_default();
    let stated = text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
    let kept = stated.filter(|(key, value)| is_udev_property(key) && plain(value));
    let kept = kept.take(PROPERTIES_MAX).map(|(key, value)| (key.into(), value.into()));
    let links = text.lines().filter_map(|line| line.strip_prefix("S:"));
    let links = links.filter(|link| plain(link) && !link.split('/').any(|part| part == ".."));
    let links = links.take(LINKS_MAX).map(|link| format!("/dev/{link}").into());
    Known { properties: kept.collect(), links: links.collect() }
}

fn plain(value: &str) -> bool {
    !value.is_empty() && value.len() <= VALUE_MAX && !value.chars().any(char::is_control)
}
