//! A machine that a test makes up, and what the daemon does when it changes.

use super::asking::{asked, participant, simple};
use super::bus::Bus;
use super::heapqd::{Heapqd, client, until};
use heapq_allocator::Outcome;
use heapq_constraints::value::Value;
use heapq_dbus::client::Failure;
use heapq_dbus::error::Error;
use heapq_dbus::wire::answer;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;
use zbus::Variant;

/// Two heaps, and a camera of vivid's at `/dev/video0`.
pub(crate) fn machine() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("UNAME"), "Linux here 6.17.0 #1 SMP x86_64 GNU/Linux\n").unwrap();
    add_heap(root.path(), "system");
    add_heap(root.path(), "default_cma_region");
    let device = root.path().join("sys/devices/platform/vivid.0");
    let node = device.join("video4linux/video0");
    fs::create_dir_all(&node).unwrap();
    fs::write(node.join("uevent"), "MAJOR=81\nMINOR=0\nDEVNAME=video0\n").unwrap();
    fs::write(node.join("name"), "vivid-000-vid-cap\n").unwrap();
    // That of /dev/null, which everybody may open.
    fs::write(node.join("dev"), "1:3\n").unwrap();
    symlink("../../../vivid.0", node.join("device")).unwrap();
    let driver = root.path().join("sys/bus/platform/drivers/vivid");
    fs::create_dir_all(&driver).unwrap();
    symlink("../../../bus/platform/drivers/vivid", device.join("driver")).unwrap();
    symlink("../../../bus/platform", device.join("subsystem")).unwrap();
    let class = root.path().join("sys/class/video4linux");
    fs::create_dir_all(&class).unwrap();
    symlink("../../devices/platform/vivid.0/video4linux/video0", class.join("video0")).unwrap();
    root
}

/// A heap with its node (a plain file, which no ioctl works on).
pub(crate) fn add_heap(root: &Path, name: &str) {
    let device = root.join("sys/devices/virtual/dma_heap").join(name);
    fs::create_dir_all(&device).unwrap();
    let class = root.join("sys/class/dma_heap");
    fs::create_dir_all(&class).unwrap();
    symlink(format!("../../devices/virtual/dma_heap/{name}"), class.join(name)).unwrap();
    let nodes = root.join("dev/dma_heap");
    fs::create_dir_all(&nodes).unwrap();
    fs::write(nodes.join(name), "").unwrap();
}

pub(crate) fn remove_heap(root: &Path, name: &str) {
    fs::remove_file(root.join("sys/class/dma_heap").join(name)).unwrap();
    fs::remove_file(root.join("dev/dma_heap").join(name)).unwrap();
}

#[tokio::test]
async fn a_heap_that_vanished_is_absent_after_the_machine_was_read_again() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let question = asked(vec![participant(
        "camera",
        &[("contiguous", Value::Bool(true)), ("min-size", Value::Integer(4096))],
    )]);
    let Outcome::Granted(grant) = client.allocate(&question).await.unwrap() else {
        panic!("there is a contiguous heap");
    };
    assert_eq!(&*grant.answer.plan.as_ref().unwrap().candidates[0].heaps[0], "default_cma_region");
    assert_eq!(client.proxy().generation().await.unwrap(), 1);

    remove_heap(root.path(), "default_cma_region");
    daemon.signal(rustix::process::Signal::HUP);
    until("the generation counts up", || async { client.proxy().generation().await.unwrap() == 2 })
        .await;
    let Outcome::Conflict(answer) = client.allocate(&question).await.unwrap() else {
        panic!("no contiguous heap is left");
    };
    assert_eq!(answer.conflicts[0].elements[0].name, "camera.contiguous");
}

#[tokio::test]
async fn who_asks_again_is_told_the_same_until_the_machine_is_another() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let camera = HashMap::from([("name", Variant::from("camera")), ("min-size", 4096_u64.into())]);
    let (camera, options) = ([camera], HashMap::new());
    let ask = async || {
        let (mut said, buffers) = client.proxy().allocate(&camera, &options).await.unwrap();
        said.remove("receipt");
        (said.remove("lease").unwrap(), answer::json(&said), buffers.len())
    };
    let first = ask().await;
    for _ in 0..3 {
        let again = ask().await;
        assert_ne!(again.0, first.0);
        assert_eq!((again.1, again.2), (first.1.clone(), 1));
    }
    assert_eq!(first.1["heaps"].as_array().map(Vec::len), Some(2));

    remove_heap(root.path(), "default_cma_region");
    daemon.signal(rustix::process::Signal::HUP);
    until("the generation counts up", || async { client.proxy().generation().await.unwrap() == 2 })
        .await;
    assert_eq!(ask().await.1["heaps"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_node_that_vanished_unnoticed_is_a_heap_gone() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start_with(&bus, root.path(), &[]).await;
    let client = client(&bus).await;
    let before = daemon.descriptors();
    fs::remove_dir_all(root.path().join("dev/dma_heap")).unwrap();
    let question = asked(vec![participant("camera", &[("min-size", Value::Integer(4096))])]);
    let failure = client.allocate(&question).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Refused(Error::HeapGone(text)) if text.contains("system")),
        "{failure:?}"
    );
    assert_eq!(daemon.descriptors(), before);
}

#[tokio::test]
async fn heaps_and_clients_that_come_and_go_leave_nothing_behind() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start_sparing(&bus, root.path()).await;
    let watcher = client(&bus).await;
    let read_again = async || {
        let before = watcher.proxy().generation().await.unwrap();
        daemon.signal(rustix::process::Signal::HUP);
        until("the generation counts up", || async {
            watcher.proxy().generation().await.unwrap() > before
        })
        .await;
    };
    // What is kept from the first rounds on, is kept once, and holes are filled. Then the figure still moves by
    // up to 150 KiB (measured on a busy machine, where two readings of the machine live at once): so many
    // rounds that a bound of some 650 bytes a round lies above that. A leak of 512 bytes a reading is seen.
    let mut before = 0;
    for round in 0..500 {
        if round == 100 {
            before = daemon.heap();
        }
        // Never one that was there before: its path on the bus is new as well.
        let heap = format!("pool-{round}");
        add_heap(root.path(), &heap);
        read_again().await;
        let outcome = client(&bus).await.allocate(&simple(1, 4096)).await.unwrap();
        assert!(matches!(outcome, Outcome::Granted(_)), "{outcome:?}");
        remove_heap(root.path(), &heap);
        read_again().await;
    }
    let grown = daemon.heap().saturating_sub(before);
    assert!(grown < 256 << 10, "{grown} bytes in 400 rounds, {before} before");
}
