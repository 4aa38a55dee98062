//! Memory that clients pay for themselves: their own, as dma-bufs, and open heaps.
//!
//! Whether a kernel takes the memory, the guests of `tests/vm` show.

use super::bus::Bus;
use super::heapqd::{Heapqd, client, policy_dir, until};
use super::machine::machine;
use heapq_dbus::client::{Client, Failure};
use heapq_dbus::error::Error;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use zbus::Variant;

fn memory(bytes: u64, written: usize, seals: SealFlags) -> OwnedFd {
    let memory = memfd_create("m", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&memory, bytes).unwrap();
    rustix::io::pwrite(&memory, &vec![1; written], 0).unwrap();
    fcntl_add_seals(&memory, seals).unwrap();
    memory
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Failure>) -> Error {
    match answer {
        Err(Failure::Refused(error)) => error,
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_amiss_with_a_clients_memory_is_named() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start_with(&bus, root.path(), &[]).await;
    let client = client(&bus).await;
    let before = daemon.descriptors();
    let shrink = SealFlags::SHRINK;
    for (memory, named) in [
        (memory(8192, 8192, SealFlags::empty()), "F_SEAL_SHRINK"),
        (memory(8192, 8192, shrink | SealFlags::WRITE), "F_SEAL_WRITE"),
        (memory(1 << 40, 1, shrink), "1099511627776 bytes exceed"),
        (memory(1 << 20, 1, shrink), "only 4096 are there"),
        (fs::File::open("/dev/null").unwrap().into(), "a character device is no memfd"),
    ] {
        let error = refusal(client.wrap(memory).await);
        assert!(
            matches!(&error, Error::InvalidConstraint(text) if text.contains(named)),
            "{error}"
        );
    }
    // Nothing is amiss with this; the machine of the test has no udmabuf, and then a wrong one.
    let whole = || memory(8192, 8192, shrink);
    let error = refusal(client.wrap(whole()).await);
    assert!(matches!(&error, Error::Failed(text) if text.contains("udmabuf")), "{error}");
    symlink("/dev/null", root.path().join("dev/udmabuf")).unwrap();
    let error = refusal(client.wrap(whole()).await);
    assert!(matches!(&error, Error::Failed(text) if text.contains("ioctl")), "{error}");
    let options = HashMap::from([("size", Variant::from(1_u32))]);
    let error = client.proxy().wrap(whole().into(), &options).await.unwrap_err();
    assert!(error.text().starts_with("size: no option of Wrap"), "{error}");
    daemon.settles_at(before).await;
    assert!(daemon.is_running());
}

/// Writes a file below the machine's root.
fn write(root: &Path, file: &str, text: &str) {
    let file = root.join(file.trim_start_matches('/'));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

async fn denied(client: &Client, heap: &str, missing: &str) {
    let error = refusal(client.open_heap(heap).await);
    assert!(matches!(&error, Error::NotAuthorized(text) if text.contains(missing)), "{error}");
}

#[tokio::test]
async fn a_heap_is_opened_only_where_the_kernel_bounds_what_is_taken() {
    let (bus, root) = (Bus::start(), machine());
    let node = root.path().join("dev/dma_heap/system");
    fs::remove_file(&node).unwrap();
    symlink("/dev/null", node).unwrap();
    let daemon = Heapqd::start_with(&bus, root.path(), &[]).await;
    let asker = client(&bus).await;
    denied(&asker, "system", "open heaps").await;
    let uid = rustix::process::geteuid().as_raw();
    let grant = format!("[[grant]]\nusers = [{uid}]\nopen-heap = true\nreload = true\n");
    fs::write(policy_dir(&bus).join("81-open.toml"), grant).unwrap();
    drop(daemon);
    let _daemon = Heapqd::start_with(&bus, root.path(), &[]).await;
    let asker = client(&bus).await;
    denied(&asker, "default_cma_region", "is not system").await;
    denied(&asker, "system", "mem_accounting is not Y").await;
    let accounting = "/sys/module/dma_heap/parameters/mem_accounting";
    write(root.path(), accounting, "N\n");
    denied(&asker, "system", "mem_accounting is not Y").await;
    write(root.path(), accounting, "Y\n");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let Some(group) = own.lines().find_map(|line| line.strip_prefix("0::")) else {
        return denied(&asker, "system", "no unified hierarchy").await;
    };
    let limit = format!("/sys/fs/cgroup{group}/memory.max");
    for no_bound in ["max\n", "18446744073709551615\n", "nonsense\n"] {
        write(root.path(), &limit, no_bound);
        denied(&asker, "system", "memory.max").await;
    }
    write(root.path(), &limit, "67108864\n");
    if uid != 0 {
        // The file is this user's, who could lift the bound.
        return denied(&asker, "system", "memory.max").await;
    }
    let opened = asker.open_heap("system").await.unwrap();
    let flags = rustix::fs::fcntl_getfl(&opened).unwrap();
    assert_eq!(flags & rustix::fs::OFlags::RWMODE, rustix::fs::OFlags::RDONLY);
    let watcher = client(&bus).await;
    let listed = watcher.usage().await.unwrap();
    let [entry] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((entry.heaps.as_slice(), entry.bytes), (["system".to_owned()].as_slice(), 0));
    assert!(entry.known_by.contains("unmetered"), "{entry:?}");
    drop(asker);
    until("nothing is listed", || async { watcher.usage().await.unwrap().is_empty() }).await;
}
