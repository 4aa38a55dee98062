//! Devices with a driver, the nodes through which clients open them, and who masters their DMA.

use super::devicetree::Tree;
use super::root::{Root, natural};
use super::{Arch, HeapLink, Placed, SeenDevice};
use heapq_constraints::Name;
use std::collections::BTreeMap;

/// Where the nodes of a class are listed, what the class is called, and how nodes' names begin
/// (connectors of DRM and subdevices of V4L2 take no buffers).
const CLASSES: [(&str, &str, &[&str]); 4] = [
    ("/sys/class/video4linux", "video4linux", &["video", "vbi", "swradio", "v4l-touch"]),
    ("/sys/class/drm", "drm", &["card", "renderD"]),
    ("/sys/class/accel", "accel", &["accel"]),
    ("/sys/bus/media/devices", "media", &["media"]),
];
/// Buses whose devices have their DMA mastered by a device further up.
const CARRIED: [&str; 8] =
    ["usb", "auxiliary", "virtio", "i2c", "spi", "mei", "media", "soundwire"];
/// Steps up from a node to its DMA master.
const CLIMB_MAX: usize = 32;

/// Devices by what tells them apart: path, subsystem, and the driver's instance where several
/// share one path.
type Found = BTreeMap<(String, &'static str, Option<Name>), SeenDevice>;

pub(super) fn read(root: &Root, tree: Option<&Tree<'_>>, arch: Arch) -> Vec<SeenDevice> {
    let reader = Reader { root, tree, arch };
    let mut found = Found::new();
    for (dir, subsystem, prefixes) in CLASSES {
        let names = root.list(dir);
        // By prefix first: what is most asked for comes first among a device's nodes.
        for prefix in prefixes {
            for name in names.iter().filter(|name| is_node(name, prefix)) {
                reader.add_node(&mut found, dir, subsystem, name);
            }
        }
    }
    let mut devices = join_media(found);
    reader.add_masters(&mut devices);
    reader.add_bound(&mut devices);
    devices.sort_by_cached_key(order);
    devices
}

fn order(device: &SeenDevice) -> (Name, (String, u64, String)) {
    (device.path.clone(), natural(device.nodes.first().map_or("", |node| node)))
}

fn is_node(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A media controller's node belongs to the device whose pipeline it shows, where that is one.
fn join_media(found: Found) -> Vec<SeenDevice> {
    let (media, mut found): (Found, Found) =
        found.into_iter().partition(|((_, subsystem, _), _)| *subsystem == "media");
    for ((path, subsystem, instance), device) in media {
        let mut same = found.iter_mut().filter(|((other, _, _), _)| *other == path);
        match (same.next(), same.next()) {
            (Some((_, only)), None) => only.nodes.extend(device.nodes),
            _ => drop(found.insert((path, subsystem, instance), device)),
        }
    }
    found.into_values().collect()
}

struct Reader<'a> {
    root: &'a Root,
    tree: Option<&'a Tree<'a>>,
    arch: Arch,
}

impl Reader<'_> {
    fn add_node(&self, found: &mut Found, dir: &str, subsystem: &'static str, name: &str) {
        let entry = format!("{dir}/{name}");
        let Some(target) = self.root.link(&entry).filter(|to| to.starts_with("/sys/devices/"))
        else {
            self.root.warn(format!("{entry}: leads to no device"));
            return;
        };
        let parent = self.parent_of_node(&target, subsystem);
        let label = self.root.line(&format!("{target}/name"));
        let instance = label.as_deref().and_then(instance).map(Name::from);
        let node = self.node_path(&target, subsystem, name);
        let key = (parent.clone(), subsystem, instance);
        let device = found.entry(key).or_insert_with(|| self.device(&parent, subsystem));
        device.nodes.push(node);
        device.names.extend(label);
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

    fn uevent(&self, path: &str, key: &str) -> Option<Name> {
        let text = self.root.text(&format!("{path}/uevent"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        (!value.is_empty()).then(|| value.into())
    }

    fn device(&self, path: &str, subsystem: &str) -> SeenDevice {
        let root = self.root;
        let bus = root.link_name(&format!("{path}/subsystem"));
        let of_node = self.of_node(path);
        let bound = root.link_name(&format!("{path}/driver"));
        let module = root.link(&format!("{path}/driver"));
        let module = module.and_then(|driver| root.link_name(&format!("{driver}/module")));
        let driver = bound.clone().filter(|name| &**name != "faux_driver");
        let driver = driver.or_else(|| nameless_driver(path, subsystem, bound.as_deref()));
        let compatible = match (&of_node, self.tree) {
            (Some(node), Some(tree)) => tree.strings(node, "compatible"),
            _ => Vec::new(),
        };
        let modalias = root.line(&format!("{path}/modalias"));
        SeenDevice {
            path: path.into(),
            subsystem: subsystem.into(),
            module,
            compatible,
            modalias: modalias.or_else(|| self.uevent(path, "MODALIAS")),
            iommu_group: self.iommu_group(path),
            dma_mask_bits: bound.and_then(|_| self.dma_mask(path)),
            dma_window: self.dma_window(path, of_node.as_deref()),
            dma_coherent: self.coherent(path),
            heap_links: self.heap_links(path),
            master: self.master(path, bus.as_deref()),
            driver,
            bus,
            of_node,
            ..SeenDevice::default()
        }
    }

    fn of_node(&self, path: &str) -> Option<Name> {
        let target = self.root.link(&format!("{path}/of_node"))?;
        let node = target.strip_prefix("/sys/firmware/devicetree/base");
        node.or_else(|| target.strip_prefix("/proc/device-tree")).map(Into::into)
    }

    fn iommu_group(&self, path: &str) -> Option<Name> {
        let group = self.root.link(&format!("{path}/iommu_group"))?;
        if !group.starts_with("/sys/kernel/iommu_groups/") {
            self.root.warn(format!("{path}/iommu_group: leads to {group}, which is no group"));
            return None;
        }
        // In a group whose type cannot be read nobody knows that it translates.
        let kind = self.root.line(&format!("{group}/type"));
        Some(kind.unwrap_or_else(|| "unknown".into()))
    }

    /// The mask of a device without a driver is the core's default and means nothing.
    fn dma_mask(&self, path: &str) -> Option<u8> {
        let file = format!("{path}/dma_mask_bits");
        let bits = self.root.number(&file)?;
        let fitting = u8::try_from(bits).ok().filter(|bits| (1..=64).contains(bits));
        if fitting.is_none() {
            self.root.warn(format!("{file}: {bits} is no number of bits"));
        }
        fitting
    }

    /// The devicetree node that describes how `path` is attached: its own, whose bus is the node
    /// above, or that of the nearest device above it, which is then the bus (a PCI host).
    fn attachment(&self, path: &str) -> Option<(Name, bool)> {
        if let Some(own) = self.of_node(path) {
            return Some((own, true));
        }
        above(path).find_map(|up| Some((self.of_node(up)?, false)))
    }

    fn dma_window(&self, path: &str, of_node: Option<&str>) -> Option<Placed> {
        let tree = self.tree?;
        match of_node {
            Some(node) => tree.reach(node.rsplit_once('/')?.0),
            None => tree.reach(&self.attachment(path)?.0),
        }
    }

    fn coherent(&self, path: &str) -> Option<bool> {
        match self.arch {
            Arch::X86 => Some(true),
            Arch::Arm | Arch::Arm64 | Arch::Riscv => {
                let attached = self.attachment(path);
                let tree = self.tree;
                Some(attached.zip(tree).is_some_and(|((node, _), tree)| tree.coherent(&node)))
            }
            Arch::Other => None,
        }
    }

    /// One link `dma_heap` to a heap, or a directory `dma_heap` with a link for each.
    fn heap_links(&self, path: &str) -> Vec<HeapLink> {
        let entry = format!("{path}/dma_heap");
        let links: Vec<String> = if self.root.is_link(&entry) {
            vec![entry]
        } else {
            self.root.list(&entry).iter().map(|name| format!("{entry}/{name}")).collect()
        };
        links.into_iter().filter_map(|link| self.heap_link(link)).collect()
    }

    fn heap_link(&self, link: String) -> Option<HeapLink> {
        let target = self.root.link(&link)?;
        let heap = ["/sys/devices/virtual/dma_heap/", "/sys/class/dma_heap/"]
            .iter()
            .find_map(|dir| target.strip_prefix(dir))
            .filter(|name| !name.is_empty() && !name.contains('/'));
        match heap {
            Some(heap) => Some(HeapLink { heap: heap.into(), path: link.into() }),
            None => {
                self.root.warn(format!("{link}: leads to {target}, which is no heap"));
                None
            }
        }
    }

    /// The device that masters DMA for `path`, where it is another one: on carried buses the nearest
    /// device above that is attached to memory.
    fn master(&self, path: &str, bus: Option<&str>) -> Option<Name> {
        if !bus.is_some_and(|bus| CARRIED.contains(&bus)) {
            return None;
        }
        let mut attached = above(path).filter(|up| {
            let bus = self.root.link_name(&format!("{up}/subsystem"));
            matches!(bus.as_deref(), Some("pci" | "platform" | "amba"))
        });
        let first = attached.next()?;
        // A host controller that its glue created (`xhci-hcd.0.auto`) has its DMA set up above it.
        let described = |at: &&str| {
            ["of_node", "iommu_group", "firmware_node", "dma_mask_bits"]
                .iter()
                .any(|link| self.root.exists_or_dangles(&format!("{at}/{link}")))
        };
        let best = std::iter::once(first).chain(attached).find(described);
        Some(best.unwrap_or(first).into())
    }

    fn add_masters(&self, devices: &mut Vec<SeenDevice>) {
        let masters: Vec<Name> = devices.iter().filter_map(|one| one.master.clone()).collect();
        for path in masters {
            if !devices.iter().any(|device| device.path == path) {
                let bus = self.root.link_name(&format!("{path}/subsystem"));
                devices.push(self.device(&path, bus.as_deref().unwrap_or("")));
            }
        }
    }

    /// What has a driver on the platform and PCI buses but no node of its own: others' DMA masters,
    /// and what a client may name by its path or address.
    fn add_bound(&self, devices: &mut Vec<SeenDevice>) {
        let known: std::collections::BTreeSet<Name> =
            devices.iter().map(|device| device.path.clone()).collect();
        for bus in ["platform", "pci"] {
            let dir = format!("/sys/bus/{bus}/devices");
            for name in self.root.list(&dir) {
                let target = self.root.link(&format!("{dir}/{name}"));
                let Some(path) = target.filter(|to| to.starts_with("/sys/devices/")) else {
                    self.root.warn(format!("{dir}/{name}: leads to no device"));
                    continue;
                };
                let bound = self.root.is_link(&format!("{path}/driver"))
                    || self.root.exists_or_dangles(&format!("{path}/dma_heap"));
                if bound && !known.contains(path.as_str()) {
                    devices.push(self.device(&path, bus));
                }
            }
        }
    }
}

/// The directories above a device, nearest first, up to `/sys/devices`.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let up = |at: &str| at.rsplit_once('/').map(|(above, _)| above.len());
    let first = up(path).and_then(|end| path.get(..end));
    std::iter::successors(first, move |at| up(at).and_then(|end| path.get(..end)))
        .take_while(|at| at.len() > "/sys/devices".len())
        .take(CLIMB_MAX)
}

/// A faux device, or a platform device of before them, is made by the module that drives it and
/// bears its name: its `driver` link says `faux_driver` or is not there.
fn nameless_driver(path: &str, subsystem: &str, bound: Option<&str>) -> Option<Name> {
    let synthetic = bound == Some("faux_driver") || (bound.is_none() && subsystem == "drm");
    let name = path.rsplit('/').next()?;
    let (stem, number) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem = if number.bytes().all(|byte| byte.is_ascii_digit()) { stem } else { name };
    let plain =
        stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (synthetic && plain && !stem.is_empty()).then(|| stem.into())
}

/// The instance in the name that `v4l2_device_set_name()` makes: `vivid-000` in
/// `vivid-000-vid-cap`.
fn instance(label: &str) -> Option<&str> {
    let bytes = label.as_bytes();
    let end = bytes.windows(4).position(|four| {
        four.first() == Some(&b'-') && four.iter().skip(1).all(u8::is_ascii_digit)
    })? + 4;
    matches!(bytes.get(end), None | Some(b'-')).then(|| label.get(..end)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{above, instance, is_node, nameless_driver};

    #[test]
    fn connectors_and_subdevices_are_no_nodes() {
        assert!(is_node("card0", "card"));
        assert!(is_node("renderD128", "renderD"));
        for other in ["card", "card0-HDMI-A-1", "v4l-subdev0", "card١"] {
            assert!(!is_node(other, "card"), "{other}");
        }
    }

    #[test]
    fn instances_are_three_digits_between_dashes() {
        assert_eq!(instance("vivid-000-vid-cap"), Some("vivid-000"));
        assert_eq!(instance("vim2m-012"), Some("vim2m-012"));
        for none in ["rkvdec", "cam-12", "imx-2000", "x-000y", "UVC Camera (046d:0825)"] {
            assert_eq!(instance(none), None, "{none}");
        }
    }

    #[test]
    fn synthetic_devices_are_driven_by_their_namesakes() {
        let driver = |path, subsystem, bound| nameless_driver(path, subsystem, bound);
        let faux = driver("/sys/devices/faux/vkms", "drm", Some("faux_driver"));
        assert_eq!(faux.as_deref(), Some("vkms"));
        let platform = driver("/sys/devices/platform/vgem.0", "drm", None);
        assert_eq!(platform.as_deref(), Some("vgem"));
        assert_eq!(driver("/sys/devices/platform/x", "video4linux", None), None);
        assert_eq!(driver("/sys/devices/pci0000:00/0000:00:02.0", "drm", Some("i915")), None);
    }

    #[test]
    fn climbing_ends_below_the_root_of_devices() {
        let up: Vec<_> = above("/sys/devices/pci0000:00/0000:00:14.0/usb1").collect();
        assert_eq!(up, ["/sys/devices/pci0000:00/0000:00:14.0", "/sys/devices/pci0000:00"]);
        assert_eq!(above("/sys/devices").count(), 0);
        assert_eq!(above("").count(), 0);
    }
}
