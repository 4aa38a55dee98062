//! What of a machine a snapshot shows to others.

use crate::discover::{Observation, SeenDevice};
use crate::topology::Topology;
use heapq_constraints::Name;
use std::collections::{BTreeMap, BTreeSet};

/// Longest word that a module's parameter may be and still be a mode and not a name of somebody.
const WORD_MAX: usize = 16;

/// As much of `seen` as plans need: the heaps and where memory is, the devices that take buffers, by
/// `topology`, and those that master their DMA.
///
/// What may tell one machine or person from another is left out: labels that users, or the makers of
/// what is plugged in, chose; parameters of modules that are more than a number or a mode; and
/// warnings, which quote what they found.
#[must_use]
pub fn share(seen: &Observation, topology: &Topology) -> Observation {
    let mut kept: BTreeSet<&Name> = topology.shown().map(|device| &device.path).collect();
    let linked = seen.devices.iter().filter(|device| !device.heap_links.is_empty());
    kept.extend(linked.map(|device| &device.path));
    let masters = seen.devices.iter().filter(|device| kept.contains(&device.path));
    let masters: Vec<&Name> = masters.filter_map(|device| device.master.as_ref()).collect();
    kept.extend(masters);
    let devices = seen.devices.iter().filter(|device| kept.contains(&device.path));
    Observation {
        devices: devices.map(unlabelled).collect(),
        modules: seen.modules.iter().filter_map(modes).collect(),
        warnings: Vec::new(),
        ..seen.clone()
    }
}

/// Without the labels of what is plugged in or made up: a camera's may be `Anna's phone`.
fn unlabelled(device: &SeenDevice) -> SeenDevice {
    let mut device = device.clone();
    // By what a thing is plugged into, and not by its serial number.
    let by_place = |link: &Name| link.contains("/by-path/");
    device.links.values_mut().for_each(|links| links.retain(by_place));
    device.links.retain(|_, links| !links.is_empty());
    let plugged = device.bus.as_deref() == Some("usb");
    if plugged || device.path.starts_with("/sys/devices/virtual/") {
        device.names = Vec::new();
        device.udev.values_mut().for_each(|of_node| of_node.retain(|key, _| is_no_label(key)));
    }
    device
}

/// Numbers of makers and models, what the system calls those, and what the device can do.
fn is_no_label(property: &str) -> bool {
    property.ends_with("_ID")
        || property.ends_with("_FROM_DATABASE")
        || matches!(property, "ID_BUS" | "ID_PATH" | "ID_V4L_CAPABILITIES" | "ID_V4L_VERSION")
}

fn modes(
    (module, parameters): (&Name, &BTreeMap<Name, Name>),
) -> Option<(Name, BTreeMap<Name, Name>)> {
    let mode = |value: &str| value.split(',').all(|item| is_number(item) || is_word(item));
    let kept = parameters.iter().filter(|(_, value)| mode(value));
    let kept: BTreeMap<Name, Name> =
        kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!kept.is_empty()).then(|| (module.clone(), kept))
}

fn is_number(text: &str) -> bool {
    let digits = text.trim().trim_start_matches('-');
    // A serial number has more.
    digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
    text.len() <= WORD_MAX && text.bytes().all(letter)
}
