//! Heaps and devices as objects on the bus, below `/org/heapq/Allocator1`.
//!
//! An object never changes while it exists: when what it shows of the machine does, it is removed
//! and added again, so that clients have one pair of signals (`InterfacesAdded`,
//! `InterfacesRemoved`) to listen to and all properties are rightly `const`.

use crate::proxy::PATH;
use heapq_allocator::{Device, Iommu, Topology};
use heapq_constraints::{Heap, Name};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use zbus::connection::Builder;
use zbus::object_server::Interface;
use zbus::{ObjectServer, interface};

/// One heap. `Allocate` takes its name in the key `heaps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heap1(Heap);

#[interface(name = "org.heapq.Heap1")]
impl Heap1 {
    /// Its first name.
    #[zbus(property(emits_changed_signal = "const"))]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Further names of the same pool.
    #[zbus(property(emits_changed_signal = "const"))]
    fn aliases(&self) -> Vec<String> {
        texts(&self.0.aliases)
    }

    /// Names for its meaning that survive kernel renames.
    #[zbus(property(emits_changed_signal = "const"))]
    fn roles(&self) -> Vec<String> {
        texts(&self.0.roles)
    }

    /// Whether its buffers are physically contiguous.
    #[zbus(property(emits_changed_signal = "const"))]
    fn contiguous(&self) -> bool {
        self.0.contiguous
    }

    /// Every byte lies below 2 to the power of this, 1 to 64.
    #[zbus(property(emits_changed_signal = "const"))]
    fn address_bits(&self) -> u32 {
        self.0.address_bits.into()
    }

    /// Where its buffers may lie, CPU-physical: first byte, and one past the last. Empty: anywhere
    /// that AddressBits reaches.
    #[zbus(property(emits_changed_signal = "const"))]
    fn address_window(&self) -> Vec<(u64, u64)> {
        self.0.address_window.as_ref().map(|w| w.intervals().to_vec()).unwrap_or_default()
    }

    /// Bytes: the base alignment of every buffer.
    #[zbus(property(emits_changed_signal = "const"))]
    fn alignment(&self) -> u64 {
        self.0.alignment
    }

    /// The modes of CPU access it has, best first: coherent, sync, none.
    #[zbus(property(emits_changed_signal = "const"))]
    fn access(&self) -> Vec<&'static str> {
        let set = self.0.access;
        let words = [(set.coherent, "coherent"), (set.sync, "sync"), (set.none, "none")];
        words.into_iter().filter_map(|(has, word)| has.then_some(word)).collect()
    }

    /// Whether it is mapped cached.
    #[zbus(property(emits_changed_signal = "const"))]
    fn cached(&self) -> bool {
        self.0.cached
    }

    /// Whether the CPU and ordinary devices cannot see it.
    #[zbus(property(emits_changed_signal = "const"))]
    fn protected(&self) -> bool {
        self.0.protected
    }

    /// Bytes: the largest single buffer; 0 where nobody states one.
    #[zbus(property(emits_changed_signal = "const"))]
    fn max_size(&self) -> u64 {
        self.0.max_size.unwrap_or(0)
    }

    /// Bytes that all buffers of an answer may take; 0 where nobody knows.
    #[zbus(property(emits_changed_signal = "const"))]
    fn capacity(&self) -> u64 {
        self.0.capacity.unwrap_or(0)
    }

    /// Usage words and drivers that it is kept for. Empty: for all.
    #[zbus(property(emits_changed_signal = "const"))]
    fn reserved_for(&self) -> Vec<String> {
        texts(&self.0.reserved_for)
    }

    /// Whether it is on this machine. One that is not is known from a device's link to it.
    #[zbus(property(emits_changed_signal = "const"))]
    fn present(&self) -> bool {
        self.0.present
    }
}

/// One device. The key `device` of a participant takes its path or one of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device1 {
    path: Name,
    nodes: Vec<Name>,
    subsystem: Name,
    driver: Option<Name>,
    iommu: Iommu,
}

#[interface(name = "org.heapq.Device1")]
impl Device1 {
    /// Its path below /sys.
    #[zbus(property(emits_changed_signal = "const"))]
    fn path(&self) -> &str {
        &self.path
    }

    /// The nodes by which it is opened.
    #[zbus(property(emits_changed_signal = "const"))]
    fn nodes(&self) -> Vec<String> {
        texts(&self.nodes)
    }

    /// Its subsystem: video4linux, drm …
    #[zbus(property(emits_changed_signal = "const"))]
    fn subsystem(&self) -> &str {
        &self.subsystem
    }

    /// Its driver; empty where none is bound.
    #[zbus(property(emits_changed_signal = "const"))]
    fn driver(&self) -> &str {
        self.driver.as_deref().unwrap_or_default()
    }

    /// What becomes of its DMA addresses: "translating", "passthrough" or "none".
    #[zbus(property(emits_changed_signal = "const"))]
    fn iommu(&self) -> &'static str {
        match self.iommu {
            Iommu::None => "none",
            Iommu::Translating(_) => "translating",
            Iommu::Passthrough(_) => "passthrough",
        }
    }
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// What one topology shows, by object path.
#[derive(Debug, Default)]
pub struct Objects {
    heaps: BTreeMap<String, Heap1>,
    devices: BTreeMap<String, Device1>,
}

impl Objects {
    /// The objects of a topology.
    #[must_use]
    pub fn of(topology: &Topology) -> Self {
        let heap = |heap: &Heap| (path("heap", &heap.name), Heap1(heap.clone()));
        let device = |device: &Device| {
            let shown = Device1 {
                path: device.path.clone(),
                nodes: device.nodes.clone(),
                subsystem: device.subsystem.clone(),
                driver: device.driver.clone(),
                iommu: device.iommu.clone(),
            };
            (path("device", called(device)), shown)
        };
        Self {
            heaps: topology.heaps.heaps().iter().map(heap).collect(),
            devices: topology.shown().map(device).collect(),
        }
    }

    /// Writes what the interfaces of all objects say of themselves.
    pub fn introspect_to_writer(writer: &mut dyn fmt::Write, indent: usize) {
        Heap1(Heap::new("")).introspect_to_writer(writer, indent);
        let device = Device1 {
            path: Name::default(),
            nodes: Vec::new(),
            subsystem: Name::default(),
            driver: None,
            iommu: Iommu::None,
        };
        device.introspect_to_writer(writer, indent);
    }

    /// Adds them to a connection that is being built.
    pub fn serve<'b>(&'b self, mut builder: Builder<'b>) -> Builder<'b> {
        for (path, heap) in &self.heaps {
            builder = builder.serve_at(path.as_str(), heap.clone());
        }
        for (path, device) in &self.devices {
            builder = builder.serve_at(path.as_str(), device.clone());
        }
        builder
    }

    /// Makes `server` show these instead of `before`: what is the same in both is not touched.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn replace(&self, before: &Self, server: &ObjectServer) -> zbus::Result<()> {
        swap(&self.heaps, &before.heaps, server).await?;
        swap(&self.devices, &before.devices, server).await
    }
}

async fn swap<I: Interface + Clone + PartialEq>(
    now: &BTreeMap<String, I>,
    before: &BTreeMap<String, I>,
    server: &ObjectServer,
) -> zbus::Result<()> {
    for (path, object) in before {
        if now.get(path) != Some(object) {
            server.remove::<I, _>(path.as_str()).await?;
        }
    }
    for (path, object) in now {
        if before.get(path) != Some(object) {
            server.at(path.as_str(), object.clone()).await?;
        }
    }
    Ok(())
}

/// What tells a device from all others: its first node. Several may share a path in sysfs
/// (instances of one virtual driver).
fn called(device: &Device) -> &str {
    let node = device.nodes.first().map(|node| node.strip_prefix("/dev/").unwrap_or(node));
    node.unwrap_or(&device.path)
}

fn path(kind: &str, name: &str) -> String {
    format!("{PATH}/{kind}/{}", escape(name))
}

/// A name as one element of an object path: letters and digits stand, every other byte becomes
/// `_` and two hexadecimal digits, as systemd escapes unit names on the bus.
#[must_use]
pub fn escape(name: &str) -> String {
    if name.is_empty() {
        return "_".to_owned();
    }
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "_{byte:02x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Objects, escape};
    use heapq_allocator::discover::{Observation, SeenDevice, assemble};
    use heapq_policies::PolicySet;

    #[test]
    fn what_nobody_can_open_is_no_object() {
        let device = |path: &str, nodes: &[&str]| SeenDevice {
            path: path.into(),
            nodes: nodes.iter().map(|node| (*node).into()).collect(),
            ..SeenDevice::default()
        };
        let seen = Observation {
            devices: vec![
                device("/sys/devices/camera", &["/dev/video0"]),
                device("/sys/devices/smmu", &[]),
            ],
            ..Observation::default()
        };
        let objects = Objects::of(&assemble(&seen, &PolicySet::default(), 1).unwrap());
        assert_eq!(
            objects.devices.keys().collect::<Vec<_>>(),
            ["/org/heapq/Allocator1/device/video0"]
        );
    }

    #[test]
    fn every_name_is_a_path_element_of_its_own() {
        assert_eq!(escape("linux,cma"), "linux_2ccma");
        assert_eq!(escape("linux_cma"), "linux_5fcma");
        assert_eq!(escape(""), "_");
        assert!(zbus::ObjectPath::try_from(super::path("heap", "ü/..\0")).is_ok());
    }
}
