//! The live interface against the XML that is its contract, and the objects on the bus.

use super::bus::Bus;
use super::heapqd::{Heapqd, PATIENCE, client};
use super::machine::{add_heap, machine, remove_heap};
use heapq_constraints::value::Table;
use heapq_dbus::collections::PARTICIPANTS;
use heapq_dbus::proxy::{NAME, PATH};
use std::collections::BTreeSet;
use std::pin::Pin;
use zbus::Connection;
use zbus::export::futures_core::Stream;
use zbus::fdo::{IntrospectableProxy, ObjectManagerProxy};
use zbus_xml::Node;

const CONTRACT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../dbus/data/org.heapq.Allocator1.xml"));

/// Every method with its arguments and every property of our interfaces, a line each.
fn members(xml: &str) -> BTreeSet<String> {
    let node = Node::from_reader(xml.as_bytes()).unwrap();
    let mut members = BTreeSet::new();
    for interface in node.interfaces().iter().filter(|one| one.name().starts_with("org.heapq")) {
        for method in interface.methods() {
            let arguments: Vec<String> = method
                .args()
                .iter()
                .map(|one| format!("{:?} {:?} {}", one.direction(), one.name(), one.ty()))
                .collect();
            members.insert(format!("{}.{}{arguments:?}", interface.name(), method.name()));
        }
        for property in interface.properties() {
            let kind = (property.ty(), property.access(), property.annotations());
            members.insert(format!("{}.{} {kind:?}", interface.name(), property.name()));
        }
    }
    members
}

async fn introspect(connection: &Connection, path: &str) -> String {
    let proxy = IntrospectableProxy::builder(connection).destination(NAME).path(path);
    proxy.build().await.unwrap().introspect().await.unwrap()
}

async fn objects(connection: &Connection) -> ObjectManagerProxy<'static> {
    let proxy = ObjectManagerProxy::builder(connection).destination(NAME).path(PATH);
    proxy.build().await.unwrap()
}

#[tokio::test]
async fn what_is_served_is_what_the_xml_says() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let connection = bus.connect().await;
    let mut live = BTreeSet::new();
    // The first participant of anybody is there once somebody has one.
    client(&bus).await.create_collection(&Table::default()).await.unwrap();
    let [heap, device] = ["heap/system", "device/video0"].map(|path| format!("{PATH}/{path}"));
    for path in [PATH, &heap, &device, &format!("{PARTICIPANTS}/0")] {
        live.extend(members(&introspect(&connection, path).await));
    }
    assert_eq!(live, members(CONTRACT));
    assert!(live.iter().any(|member| member.starts_with("org.heapq.Allocator1.Allocate[")));
}

#[tokio::test]
async fn heaps_and_devices_are_objects_that_come_and_go() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let connection = bus.connect().await;
    let manager = objects(&connection).await;
    let all = manager.get_managed_objects().await.unwrap();
    let heap = |name: &str| {
        let object = all.iter().find(|(path, _)| path.as_str() == format!("{PATH}/heap/{name}"));
        object.and_then(|(_, interfaces)| interfaces.get("org.heapq.Heap1"))
    };
    let cma = heap("default_5fcma_5fregion").expect("the heap is an object");
    assert!(bool::try_from(cma["Contiguous"].try_clone().unwrap()).unwrap());
    let device = all.iter().find(|(path, _)| path.as_str() == format!("{PATH}/device/video0"));
    let device = &device.expect("the camera is an object").1["org.heapq.Device1"];
    assert_eq!(String::try_from(device["Driver"].try_clone().unwrap()).unwrap(), "vivid");

    let mut added = manager.receive_interfaces_added().await.unwrap();
    let mut removed = manager.receive_interfaces_removed().await.unwrap();
    add_heap(root.path(), "newcomer");
    remove_heap(root.path(), "default_cma_region");
    daemon.signal(rustix::process::Signal::HUP);
    let added = next(&mut added).await;
    assert_eq!(added.args().unwrap().object_path().as_str(), format!("{PATH}/heap/newcomer"));
    let removed = next(&mut removed).await;
    let path = format!("{PATH}/heap/default_5fcma_5fregion");
    assert_eq!(removed.args().unwrap().object_path().as_str(), path);
}

/// The next signal, in time.
async fn next<S: Stream + Unpin>(stream: &mut S) -> S::Item {
    let next = std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
    tokio::time::timeout(PATIENCE, next).await.expect("no signal came").unwrap()
}
