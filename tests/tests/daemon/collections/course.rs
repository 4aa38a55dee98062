//! A camera, an encoder, a compositor and a screen recorder that comes late, each a process.

use super::super::bus::Bus;
use super::super::heapqd::Heapqd;
use super::super::machine::machine;
use super::process::Process;
use serde_json::{Value as Json, json};

/// Where participants connect to.
#[derive(Clone, Copy, PartialEq)]
enum Over {
    Bus,
    Sockets,
}

struct Stage {
    daemon: Heapqd,
    place: String,
    _bus: Bus,
    _root: tempfile::TempDir,
    before: usize,
}

impl Stage {
    async fn set(over: Over) -> Self {
        let (bus, root) = (Bus::start(), machine());
        let socket = bus.dir.path().join("peers").display().to_string();
        let more = ["--stand-in", "--p2p", &socket];
        let daemon = Heapqd::start_with(&bus, root.path(), &more).await;
        let place = if over == Over::Bus { bus.address.clone() } else { socket };
        // With the first client the daemon opens what it keeps open.
        drop(Process::start(&place));
        let before = daemon.descriptors();
        Self { daemon, place, _bus: bus, _root: root, before }
    }

    fn enters(&self) -> Process {
        Process::start(&self.place)
    }

    /// Camera, encoder and compositor with three, two and one frames.
    fn pipeline(&self, options: Json) -> ([Process; 3], String) {
        let [mut compositor, mut camera, mut encoder] = [(); 3].map(|()| self.enters());
        let token = compositor.create(options);
        let image = json!([{ "fourcc": "NV12", "min-extent": [640, 480] }]);
        camera.join(&token, json!({ "name": "camera", "format": image, "held": 3 }));
        encoder.join(
            &token,
            json!({ "name": "encoder", "format": image, "held": 2, "usage": ["encode"] }),
        );
        compositor.does(json!({ "do": "set", "says": { "held": 1, "heaps": ["system", "default_cma_region"] } }));
        camera.ready();
        encoder.ready();
        let state = camera.state();
        assert_eq!(
            (&state["phase"], &state["waits-for"]),
            (&json!("allocating"), &json!(["creator"]))
        );
        compositor.ready();
        ([compositor, camera, encoder], token)
    }
}

fn same(all: &mut [Process], lease: u64) -> Vec<u64> {
    let mut inodes: Vec<Vec<u64>> = all.iter_mut().map(|one| one.fetch(lease)).collect();
    assert!(inodes.windows(2).all(|pair| pair[0] == pair[1]), "{inodes:?}");
    inodes.remove(0)
}

fn allocated(all: &mut [Process], generation: u64) -> u64 {
    let leases: Vec<u64> = all.iter_mut().map(|one| one.allocated(generation)).collect();
    assert!(leases.windows(2).all(|pair| pair[0] == pair[1]), "{leases:?}");
    leases[0]
}

#[tokio::test]
async fn four_processes_share_buffers_and_leave_nothing_behind() {
    for over in [Over::Bus, Over::Sockets] {
        let stage = Stage::set(over).await;
        let (mut all, token) = stage.pipeline(json!({}));
        let lease = allocated(&mut all, 1);
        let buffers = same(&mut all, lease);
        assert_eq!(buffers.len(), 6);

        // A recorder that can do with what is there, and grows it.
        let mut recorder = stage.enters();
        recorder.join(&token, json!({ "name": "recorder", "held": 1, "usage": ["cpu-read"] }));
        recorder.ready();
        assert_eq!(recorder.wait()["verdict"], "conflict", "all frames are held");
        recorder.does(json!({ "do": "leave" }));
        recorder.join(&token, json!({ "name": "recorder" }));
        recorder.ready();
        assert_eq!(recorder.allocated(1), lease);
        assert_eq!(recorder.fetch(lease), buffers);
        recorder.does(json!({ "do": "grow", "frames": 12 }));
        assert_eq!(recorder.allocated(1), lease);
        allocated(&mut all, 1);
        let grown = same(&mut all, lease);
        assert_eq!((grown.len(), &grown[..6]), (18, &buffers[..]));
        recorder.does(json!({ "do": "shrink", "frames": 12 }));
        recorder.allocated(1);
        allocated(&mut all, 1);
        assert_eq!(same(&mut all, lease), buffers);
        recorder.does(json!({ "do": "shrink", "frames": 1 }));
        let told = recorder.wait();
        assert_eq!((&told["failed"], &told["verdict"]), (&json!("shrink"), &json!("needed")));

        // A late one that dies does no harm, nor one that leaves.
        recorder.kill();
        let [mut compositor, mut camera, encoder] = all;
        camera.does(json!({ "do": "leave" }));
        assert_eq!(compositor.fetch(lease), buffers);
        // One that was there from the start and dies ends it.
        encoder.kill();
        let told = compositor.wait();
        assert_eq!((&told["failed"], &told["verdict"]), (&json!("collection"), &json!("lost")));
        assert_eq!(told["participants"], json!(["encoder"]));
        assert!(compositor.tries(json!({ "do": "fetch", "lease": lease }))["error"].is_string());
        drop((compositor, camera));
        // When that was counted, the first client's connection may have been there still.
        stage.daemon.comes_down_to(stage.before, "a collection").await;
    }
}

#[tokio::test]
async fn a_stricter_newcomer_moves_all_who_let_it() {
    for over in [Over::Bus, Over::Sockets] {
        let stage = Stage::set(over).await;
        let (mut all, token) = stage.pipeline(json!({ "migrate": true }));
        let first = allocated(&mut all, 1);
        let old = same(&mut all, first);
        assert_eq!(all[0].state()["heap"], "system");
        let mut display = stage.enters();
        display.join(&token, json!({ "name": "display", "contiguous": true }));
        display.ready();
        let second = display.allocated(2);
        let new = display.fetch(second);
        for one in &mut all {
            assert_eq!(one.wait(), json!({ "superseded": 1 }));
            assert_eq!(one.allocated(2), second);
            assert_eq!(one.fetch(first), old, "it has not moved yet");
            assert_eq!(one.fetch(second), new);
            assert!(one.tries(json!({ "do": "fetch", "lease": first }))["error"].is_string());
        }
        assert!(new.iter().all(|inode| !old.contains(inode)));
        assert_eq!(display.state()["heap"], "default_cma_region");
        drop((all, display));
        // When that was counted, the first client's connection may have been there still.
        stage.daemon.comes_down_to(stage.before, "a collection").await;
    }
}

#[tokio::test]
async fn without_migration_a_stricter_newcomer_hears_what_stands_in_the_way() {
    let stage = Stage::set(Over::Bus).await;
    let (mut all, token) = stage.pipeline(json!({}));
    let lease = allocated(&mut all, 1);
    let cases = [
        (json!({ "contiguous": true }), "allocation.heaps"),
        (json!({ "min-size": 1 << 20 }), "allocation.max-size"),
        (json!({ "held": 9 }), "allocation.max-count"),
        (
            json!({ "format": [{ "fourcc": "NV12", "stride-alignment": 512 }] }),
            "allocation.format.max-stride",
        ),
        (json!({ "format": [{ "fourcc": "YUYV" }] }), "allocation.format"),
        (
            json!({ "format": [{ "fourcc": "NV12", "offset-alignment": 1 << 20 }] }),
            "recorder.format.offset-alignment",
        ),
        (
            json!({ "format": [{ "fourcc": "NV12", "planes": "separate" }] }),
            "allocation.format.planes",
        ),
    ];
    for (mut needs, stands) in cases {
        let mut recorder = stage.enters();
        needs["name"] = json!("recorder");
        recorder.join(&token, needs.clone());
        recorder.ready();
        let told = recorder.wait();
        assert_eq!(
            (&told["failed"], &told["verdict"]),
            (&json!("participant"), &json!("conflict"))
        );
        let conflicts: Vec<Vec<String>> =
            serde_json::from_value(told["conflicts"].clone()).unwrap();
        let names = conflicts.concat();
        assert!(names.iter().any(|name| name == stands), "{needs}: {conflicts:?}");
    }
    // One whose needs are met by what is there.
    let mut recorder = stage.enters();
    let fits = json!([{ "fourcc": "NV12", "stride-alignment": 128, "max-extent": [640, 480] }]);
    recorder.join(&token, json!({ "name": "recorder", "format": fits, "usage": ["cpu-read"] }));
    recorder.ready();
    assert_eq!(recorder.allocated(1), lease);
    assert_eq!(recorder.fetch(lease), same(&mut all, lease));
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_agreed() {
    let stage = Stage::set(Over::Bus).await;
    let [mut compositor, mut camera] = [(); 2].map(|()| stage.enters());
    let token =
        compositor.create(json!({ "participants": ["camera", "encoder"], "ready-within": 300 }));
    camera.join(&token, json!({ "name": "camera", "min-size": 4096 }));
    camera.ready();
    compositor.ready();
    assert_eq!(camera.state()["waits-for"], json!(["encoder"]));
    for one in [&mut compositor, &mut camera] {
        let told = one.wait();
        assert_eq!(
            (&told["failed"], &told["verdict"]),
            (&json!("collection"), &json!("not-ready"))
        );
        assert_eq!(told["participants"], json!(["encoder"]));
        assert_eq!(one.state()["phase"], "failed");
    }
}

#[tokio::test]
async fn one_who_is_dispensable_may_die() {
    let stage = Stage::set(Over::Sockets).await;
    let [mut compositor, mut camera, mut meter] = [(); 3].map(|()| stage.enters());
    let token = compositor.create(json!({}));
    camera.join(&token, json!({ "name": "camera", "min-size": 4096, "held": 2 }));
    meter.join(&token, json!({ "name": "meter", "dispensable": true }));
    meter.kill();
    camera.ready();
    compositor.ready();
    let lease = camera.allocated(1);
    assert_eq!(camera.fetch(lease).len(), 2);
}
