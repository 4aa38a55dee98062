//! Devices with a driver, the nodes through which clients open them, and who masters their DMA.

mod attributes;
mod names;
mod udev;

use super::devicetree::{Directory, Tree, find_master};
use super::masters::{self, Rules};
use super::modules::{self, Parameters};
use super::root::{Root, natural};
use super::{Arch, SeenDevice};
use heapq_constraints::Name;
use heapq_policies::DmaMaster;
use names::{above, instance, is_node};
use std::collections::{BTreeMap, BTreeSet};

/// Where the nodes of a class are listed, what the class is called, and how nodes' names begin
/// (connectors of DRM and subdevices of V4L2 take no buffers).
const CLASSES: [(&str, &str, &[&str]); 4] = [
    ("/sys/class/video4linux", "video4linux", &["video", "vbi", "swradio", "v4l-touch"]),
    ("/sys/class/drm", "drm", &["card", "renderD"]),
    ("/sys/class/accel", "accel", &["accel"]),
    ("/sys/bus/media/devices", "media", &["media"]),
];
/// How often the nodes are read, where some come or go each time.
const READINGS_MAX: usize = 5;

/// Devices by what tells them apart: path, subsystem, and the driver's instance where several
/// share one path.
type Found = BTreeMap<(String, &'static str, Option<Name>), SeenDevice>;

/// The devices, and the parameters of the modules that drive those with nodes, as /sys shows them or
/// else the kernel's `command_line`.
pub(super) fn read(
    root: &Root,
    tree: Option<&Directory<'_>>,
    arch: Arch,
    rules: &Rules<'_>,
    command_line: &str,
) -> (Vec<SeenDevice>, Parameters) {
    let reader = Reader { root, tree, arch };
    // A device whose nodes come or go is seen with all that it has at one time, or not at all: with its
    // media controller alone, nothing would be known of it. A module's parameters are there before the
    // nodes and go after them.
    let mut listed = Vec::new();
    let (mut devices, mut parameters) = Default::default();
    for _ in 0..READINGS_MAX {
        let now: Vec<Vec<String>> = CLASSES.iter().map(|(dir, ..)| root.list(dir)).collect();
        if now == listed {
            break;
        }
        devices = reader.opened();
        parameters = modules::read(root, &devices, command_line);
        listed = now;
    }
    reader.add_bound(&mut devices);
    reader.find_masters(&mut devices, rules);
    masters::follow(&mut devices, &|warning| root.warn(warning));
    devices.sort_by_cached_key(order);
    (devices, parameters)
}

/// The order of devices: by path, and of those of one path by node.
pub(super) fn order(device: &SeenDevice) -> (Name, (String, u64, String)) {
    (device.path.clone(), natural(device.nodes.first().map_or("", |node| node)))
}

/// A media controller's node belongs to the device whose pipeline it shows, where that is one.
fn join_media(found: Found) -> Vec<SeenDevice> {
    let (media, mut found): (Found, Found) =
        found.into_iter().partition(|((_, subsystem, _), _)| *subsystem == "media");
    for ((path, subsystem, instance), device) in media {
        let mut same = found.iter_mut().filter(|((other, _, _), _)| *other == path);
        match (same.next(), same.next()) {
            (Some((_, only)), None) => {
                let numbers = device.numbers.into_iter().map(Some).chain(std::iter::repeat(None));
                for (node, number) in device.nodes.into_iter().zip(numbers) {
                    beside(&mut only.numbers, only.nodes.len(), number);
                    only.nodes.push(node);
                }
                only.udev.extend(device.udev);
                only.links.extend(device.links);
            }
            _ => drop(found.insert((path, subsystem, instance), device)),
        }
    }
    found.into_values().collect()
}

/// Notes what is known of the node at `index`: lists are in the order of the nodes, of which some
/// have nothing to note.
fn beside(list: &mut Vec<Name>, index: usize, known: Option<Name>) {
    if let Some(known) = known {
        list.resize(index, Name::default());
        list.push(known);
    }
}

struct Reader<'a> {
    root: &'a Root,
    tree: Option<&'a Directory<'a>>,
    arch: Arch,
}

impl Reader<'_> {
    /// The devices that have nodes.
    fn opened(&self) -> Vec<SeenDevice> {
        let mut found = Found::new();
        for (dir, subsystem, prefixes) in CLASSES {
            let names = self.root.list(dir);
            // By prefix first: what is most asked for comes first among a device's nodes.
            for prefix in prefixes {
                for name in names.iter().filter(|name| is_node(name, prefix)) {
                    self.add_node(&mut found, dir, subsystem, name);
                }
            }
        }
        join_media(found)
    }

    fn add_node(&self, found: &mut Found, dir: &str, subsystem: &'static str, name: &str) {
        let entry = format!("{dir}/{name}");
        let Some(target) = self.root.link(&entry).filter(|to| to.starts_with("/sys/devices/"))
        else {
            self.root.warn(format!("{entry}: leads to no device"));
            return;
        };
        // The kernel adds this file last and removes it first: while it is there, so is all else. In a
        // capture it may be missing.
        let number = self.root.line(&format!("{target}/dev"));
        if number.is_none() && self.root.live() {
            return;
        }
        let parent = self.parent_of_node(&target, subsystem);
        let label = self.root.line(&format!("{target}/name"));
        let instance = label.as_deref().and_then(instance).map(Name::from);
        let node = self.node_path(&target, subsystem, name);
        let known = number.as_deref().map(|number| udev::known(self.root, number));
        let known = known.unwrap_or_default();
        let key = (parent, subsystem, instance);
        let new = (!found.contains_key(&key)).then(|| self.device(&key.0, subsystem));
        // What went meanwhile was read in pieces.
        if !self.root.is_link(&entry) {
            return;
        }
        let device = found.entry(key).or_insert_with(|| new.unwrap_or_default());
        if !known.properties.is_empty() {
            device.udev.insert(node.clone(), known.properties);
        }
        if !known.links.is_empty() {
            device.links.insert(node.clone(), known.links);
        }
        beside(&mut device.names, device.nodes.len(), label);
        beside(&mut device.numbers, device.nodes.len(), number);
        device.nodes.push(node);
    }

    /// The device that a node belongs to: what its `device` link says, else what is above it.
    fn parent_of_node(&self, target: &str, subsystem: &str) -> String {
        let linked = self.root.link(&format!("{target}/device"));
        if let Some(linked) = linked.filter(|to| to.starts_with("/sys/devices/")) {
            return linked;
        }
        let above = target.rsplit_once('/').map_or(target, |(above, _)| above);
        let above = above.strip_suffix(&format!("/{subsystem}")).unwrap_or(above);
        // A node without a device, such as a loopback camera's, stands for itself.
        if above == "/sys/devices/virtual" { target.to_owned() } else { above.to_owned() }
    }

    fn node_path(&self, target: &str, subsystem: &str, name: &str) -> Name {
        let named = self.uevent(target, "DEVNAME").filter(|name| !name.contains(".."));
        match (named, subsystem) {
            (Some(named), _) => format!("/dev/{named}").into(),
            (None, "drm") => format!("/dev/dri/{name}").into(),
            (None, "accel") => format!("/dev/accel/{name}").into(),
            (None, _) => format!("/dev/{name}").into(),
        }
    }

    /// What has a driver on the platform and PCI buses but no node of its own: others' DMA masters,
    /// and what a client may name by its path or address.
    fn add_bound(&self, devices: &mut Vec<SeenDevice>) {
        let known: BTreeSet<Name> = devices.iter().map(|device| device.path.clone()).collect();
        for bus in ["platform", "pci"] {
            let dir = format!("/sys/bus/{bus}/devices");
            for name in self.root.list(&dir) {
                let target = self.root.link(&format!("{dir}/{name}"));
                let Some(path) = target.filter(|to| to.starts_with("/sys/devices/")) else {
                    self.root.warn(format!("{dir}/{name}: leads to no device"));
                    continue;
                };
                let bound = || {
                    self.root.is_link(&format!("{path}/driver"))
                        || self.root.exists_or_dangles(&format!("{path}/dma_heap"))
                };
                if known.contains(path.as_str()) || !bound() {
                    continue;
                }
                let device = self.device(&path, bus);
                // Unbound meanwhile, it was read in pieces.
                devices.extend(bound().then_some(device));
            }
        }
    }

    /// Who masters DMA for whom, as the rules say where to look; whom they name becomes a device.
    fn find_masters(&self, devices: &mut Vec<SeenDevice>, rules: &Rules<'_>) {
        let described = |one: &SeenDevice| Some((one.of_node.clone()?, one.path.clone()));
        let nodes: BTreeMap<Name, Name> = devices.iter().filter_map(described).collect();
        let mut known: BTreeSet<Name> = devices.iter().map(|one| one.path.clone()).collect();
        let mut at = 0;
        while let Some(device) = devices.get_mut(at) {
            let mut ways = rules.dma_master(device).iter();
            device.master = ways.find_map(|way| self.master(device, way, &nodes));
            let added = device.master.clone().filter(|master| known.insert(master.clone()));
            devices.extend(added.map(|path| {
                let bus = self.root.link_name(&format!("{path}/subsystem"));
                self.device(&path, bus.as_deref().unwrap_or(""))
            }));
            at += 1;
        }
    }

    /// Where a way leads from `device`; `nodes` has the devices by their nodes in the devicetree.
    fn master(
        &self,
        device: &SeenDevice,
        way: &DmaMaster,
        nodes: &BTreeMap<Name, Name>,
    ) -> Option<Name> {
        match way {
            DmaMaster::Bus(buses) => self.carrier(&device.path, buses),
            DmaMaster::Parent => {
                let parent = above(&device.path).next()?;
                self.root.is_link(&format!("{parent}/subsystem")).then(|| parent.into())
            }
            _ => {
                let node = device.of_node.as_ref().map(|node| node.to_string());
                let found = find_master(self.tree?, node.as_ref(), way)?;
                nodes.get(&*self.tree?.path(&found)).cloned()
            }
        }
    }
}
