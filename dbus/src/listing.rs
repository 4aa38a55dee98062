//! Heaps and devices as a service shows them, for its clients: the other side of
//! [`objects`](crate::objects).

use crate::client::{Client, Failure};
use crate::error::Error;
use crate::proxy::{NAME, PATH};
use crate::wire::answer::Garbled;
use heapq_constraints::fact::{AccessSet, Windows};
use heapq_constraints::{Heap, Name};
use std::collections::HashMap;
use zbus::OwnedVariant;
use zbus::fdo::{ManagedObjects, ObjectManagerProxy};

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownDevice {
    /// Its path below /sys.
    pub path: Name,
    /// The nodes by which it is opened.
    pub nodes: Vec<Name>,
    /// Its subsystem; empty where it has none.
    pub subsystem: Name,
    /// Its driver, where one is bound.
    pub driver: Option<Name>,
    /// `translating`, `passthrough` or `none`.
    pub iommu: String,
}

/// The heaps of the service's machine, by name. What its interface does not carry (bank, weight,
/// who says so) has the vocabulary's default.
///
/// # Errors
/// [`Failure`] when the service does not answer, or with something else than its interface says.
pub async fn heaps(client: &Client) -> Result<Vec<Heap>, Failure> {
    let shown = objects(client, "org.heapq.Heap1").await?;
    let mut heaps = shown.into_iter().map(heap).collect::<Result<Vec<Heap>, Garbled>>()?;
    heaps.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(heaps)
}

/// The devices of the service's machine, by path.
///
/// # Errors
/// As for [`heaps`].
pub async fn devices(client: &Client) -> Result<Vec<ShownDevice>, Failure> {
    let shown = objects(client, "org.heapq.Device1").await?;
    let mut devices = shown.into_iter().map(device).collect::<Result<Vec<_>, Garbled>>()?;
    devices.sort_by(|a, b| (&a.path, &a.nodes).cmp(&(&b.path, &b.nodes)));
    Ok(devices)
}

/// The properties of every object that has `interface`.
async fn objects(client: &Client, interface: &str) -> Result<Vec<Properties>, Failure> {
    let connection = client.proxy().inner().connection();
    let all = managed(connection).await.map_err(|error| Failure::Refused(Error::ZBus(error)))?;
    let mut shown = Vec::new();
    for (_, mut interfaces) in all {
        let name = interfaces.keys().find(|name| name.as_str() == interface).cloned();
        let properties = name.and_then(|name| interfaces.remove(&name));
        shown.extend(properties.map(Properties));
    }
    Ok(shown)
}

async fn managed(connection: &zbus::Connection) -> zbus::Result<ManagedObjects> {
    let builder = ObjectManagerProxy::builder(connection).destination(NAME).path(PATH);
    Ok(builder.build().await?.get_managed_objects().await?)
}

/// The properties of one object.
struct Properties(HashMap<String, OwnedVariant>);

impl Properties {
    fn take<T: TryFrom<OwnedVariant>>(&mut self, key: &str) -> Result<T, Garbled> {
        let garbled = |problem: &str| Garbled { key: key.to_owned(), problem: problem.to_owned() };
        let value = self.0.remove(key).ok_or_else(|| garbled("is not there"))?;
        T::try_from(value).map_err(|_| garbled("is of another type"))
    }

    fn name(&mut self, key: &str) -> Result<Name, Garbled> {
        Ok(self.take::<String>(key)?.into())
    }

    fn names(&mut self, key: &str) -> Result<Vec<Name>, Garbled> {
        let names: Vec<String> = self.take(key)?;
        Ok(names.into_iter().map(Name::from).collect())
    }
}

fn heap(mut shown: Properties) -> Result<Heap, Garbled> {
    let mut heap = Heap::new(shown.name("Name")?);
    heap.aliases = shown.names("Aliases")?;
    heap.roles = shown.names("Roles")?;
    heap.contiguous = shown.take("Contiguous")?;
    heap.address_bits = u8::try_from(shown.take::<u32>("AddressBits")?).unwrap_or(64);
    let places: Vec<(u64, u64)> = shown.take("AddressWindow")?;
    heap.address_window = if places.is_empty() { None } else { Windows::new(places) };
    heap.alignment = shown.take("Alignment")?;
    let modes: Vec<String> = shown.take("Access")?;
    let has = |word: &str| modes.iter().any(|mode| mode == word);
    heap.access = AccessSet { coherent: has("coherent"), sync: has("sync"), none: has("none") };
    heap.cached = shown.take("Cached")?;
    heap.protected = shown.take("Protected")?;
    heap.max_size = Some(shown.take::<u64>("MaxSize")?).filter(|bytes| *bytes > 0);
    heap.capacity = Some(shown.take::<u64>("Capacity")?).filter(|bytes| *bytes > 0);
    heap.reserved_for = shown.names("ReservedFor")?;
    heap.present = shown.take("Present")?;
    Ok(heap)
}

fn device(mut shown: Properties) -> Result<ShownDevice, Garbled> {
    Ok(ShownDevice {
        path: shown.name("Path")?,
        nodes: shown.names("Nodes")?,
        subsystem: shown.name("Subsystem")?,
        driver: Some(shown.name("Driver")?).filter(|driver| !driver.is_empty()),
        iommu: shown.take("Iommu")?,
    })
}
