//! Machines that change while they are asked.

use super::{MIB, PATIENCE, Spare, question, rooted};
use crate::broker::{AskError, Broker, Config, Outcome};
use crate::caller::{Caller, Holder};
use crate::heaps::fake::{Conduct, Fake};
use rustix::io::Errno;
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

fn add(root: &Path, heap: &str) {
    fs::create_dir_all(root.join("sys/class/dma_heap").join(heap)).unwrap();
}

fn remove(root: &Path, heap: &str) {
    fs::remove_dir(root.join("sys/class/dma_heap").join(heap)).unwrap();
}

/// The heap that gave, or what else came of it.
fn came(broker: &Broker) -> String {
    match broker.allocate(&Caller::myself(), &Holder::new(":1.1"), question(1, 4096)) {
        Ok(Outcome::Granted(grant)) => {
            let plan = grant.answer.plan.as_ref().unwrap();
            plan.candidates[grant.candidate].heaps[0].to_string()
        }
        Ok(Outcome::Conflict(_)) => "conflict".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(AskError::HeapGone { heaps }) => format!("gone: {}", heaps.join(" ")),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_request_keeps_the_machine_that_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    add(dir.path(), "system");
    let (begun, has_begun) = channel();
    let (go, go_on) = channel();
    let fake = Fake::default().gated(begun, go_on);
    let config = Config {
        root: dir.path().to_owned(),
        policy_dirs: Vec::new(),
        privileged: true,
        ..Config::default()
    };
    let (broker, _) = Broker::with(config, Box::new(fake), Spare(64 * MIB)).unwrap();
    std::thread::scope(|threads| {
        let under_way = threads.spawn(|| came(&broker));
        has_begun.recv_timeout(PATIENCE).unwrap();
        remove(dir.path(), "system");
        assert_eq!(broker.rescan().unwrap().generation, 2);
        assert_eq!(came(&broker), "conflict");
        go.send(()).unwrap();
        assert_eq!(under_way.join().unwrap(), "system");
    });
    add(dir.path(), "system");
    assert_eq!(broker.rescan().unwrap().generation, 3);
    go.send(()).unwrap();
    assert_eq!(came(&broker), "system");
}

#[test]
fn a_heap_is_gone_when_no_candidate_is_left_and_serves_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    for heap in ["system", "default_cma_region"] {
        add(dir.path(), heap);
    }
    let fake = Fake::default();
    let config = Config {
        root: dir.path().to_owned(),
        policy_dirs: Vec::new(),
        privileged: true,
        ..Config::default()
    };
    let (broker, _) = Broker::with(config, Box::new(fake.clone()), Spare(64 * MIB)).unwrap();
    let goes = |heap: &str, yes: bool| {
        let open = yes.then_some(Errno::NODEV);
        let _ = fake.clone().with(heap, Conduct { open, ..Conduct::default() });
    };
    assert_eq!(came(&broker), "system");
    goes("system", true);
    assert_eq!(came(&broker), "default_cma_region");
    goes("default_cma_region", true);
    assert_eq!(came(&broker), "gone: system default_cma_region");
    goes("system", false);
    assert_eq!(came(&broker), "system");
}

#[test]
fn what_is_the_same_is_no_new_machine() {
    let dir = tempfile::tempdir().unwrap();
    add(dir.path(), "system");
    let broker = rooted(dir.path());
    for _ in 0..3 {
        assert_eq!(broker.rescan().unwrap().generation, 1);
    }
}
