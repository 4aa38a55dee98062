//! Private sockets: the same service without a bus, and peers that mean harm there.

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::{Heapqd, PATIENCE, binary, policy_dir};
use super::machine::{add_heap, machine};
use super::raw::{Raw, header};
use heapq_allocator::Outcome;
use heapq_dbus::client::{Client, Failure, Place};
use heapq_dbus::proxy::{NAME, PATH};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use zbus::Variant;
use zbus::wire::Fd;

/// A daemon on a bus and on a socket.
async fn start(bus: &Bus, root: &std::path::Path) -> (Heapqd, PathBuf) {
    let path = bus.dir.path().join("peers");
    let text = path.display().to_string();
    (Heapqd::start_with(bus, root, &["--stand-in", "--p2p", &text]).await, path)
}

/// Descriptors and memory after the first client, with whom the daemon fills its caches.
async fn warmed_up(daemon: &Heapqd, path: &std::path::Path) -> (usize, u64) {
    let before = daemon.descriptors();
    drop(peer(path).await);
    daemon.settles_at(before).await;
    (before, daemon.memory())
}

async fn peer(path: &std::path::Path) -> Client {
    Client::connect(Place::Peer(path.to_owned())).await.unwrap()
}

#[tokio::test]
async fn a_peer_gets_the_same_answers_and_hanging_up_is_leaving() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    let before = daemon.descriptors();
    let (first, second) = (peer(&path).await, peer(&path).await);
    let Outcome::Granted(grant) = first.allocate(&simple(20, 4096)).await.unwrap() else {
        panic!("there is memory for 80 kB");
    };
    assert_eq!(grant.buffers.len(), 20);
    let refused = second.release(grant.lease).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    drop(first);
    drop(second);
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn a_peer_hears_only_what_it_asks_for_until_something_changes() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    let mut raw = Raw::introduced(&path);
    let ping = zbus::message::Message::method_call("/", "Ping")
        .interface("org.freedesktop.DBus.Peer")
        .build(&())
        .unwrap();
    raw.0.write_all(ping.data()).unwrap();
    // Byte order, then the type: 2 is the return of a call, 4 a signal.
    let mut start = [0; 2];
    raw.0.read_exact(&mut start).unwrap();
    assert_eq!(start[1], 2, "it says something else first");
    add_heap(root.path(), "newcomer");
    daemon.signal(rustix::process::Signal::HUP);
    let mut heard = Vec::new();
    raw.0.set_read_timeout(Some(PATIENCE)).unwrap();
    while !String::from_utf8_lossy(&heard).contains("InterfacesAdded") {
        let mut more = [0; 4096];
        let read = raw.0.read(&mut more).unwrap();
        assert!(read > 0, "it hung up");
        heard.extend_from_slice(&more[..read]);
    }
}

#[tokio::test]
async fn the_socket_goes_with_the_daemon_unless_another_has_put_its_own_there() {
    let (bus, root) = (Bus::start(), machine());
    let (mut daemon, path) = start(&bus, root.path()).await;
    assert!(path.exists());
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.end().await.success(), "{}", daemon.log());
    assert!(!path.exists());

    let (bus, root) = (Bus::start(), machine());
    let (mut daemon, path) = start(&bus, root.path()).await;
    std::fs::remove_file(&path).unwrap();
    let _others = std::os::unix::net::UnixListener::bind(&path).unwrap();
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.end().await.success(), "{}", daemon.log());
    assert!(path.exists());
}

#[tokio::test]
async fn one_client_on_standard_input_is_served_until_it_hangs_up() {
    let (bus, root) = (Bus::start(), machine());
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut daemon = Command::new(binary())
        .args(["--stand-in", "--p2p", "-", "--root"])
        .arg(root.path())
        .arg("--policy-dir")
        .arg(policy_dir(&bus))
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = Client::connect(Place::Stream(ours)).await.unwrap();
    assert!(client.stand_in().await.unwrap());
    assert!(matches!(client.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
    drop(client);
    // The connection is closed on our own event loop, which therefore must not be blocked.
    let ended = tokio::task::spawn_blocking(move || daemon.wait());
    assert!(tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().unwrap().success());
}

#[tokio::test]
async fn standard_input_that_is_no_socket_is_refused() {
    let (bus, root) = (Bus::start(), machine());
    let ended = Command::new(binary())
        .args(["--stand-in", "--p2p", "-", "--root"])
        .arg(root.path())
        .arg("--policy-dir")
        .arg(policy_dir(&bus))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("standard input"));
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_any_more_is_replaced() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    drop(daemon);
    assert!(path.exists());
    let (_daemon, path) = start(&bus, root.path()).await;
    assert!(matches!(peer(&path).await.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
}

#[tokio::test]
async fn claimed_lengths_garbage_and_cut_off_introductions_are_hung_up_on() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    let (before, memory) = warmed_up(&daemon, &path).await;
    for _ in 0..8 {
        let mut raw = Raw::introduced(&path);
        raw.say(&header(127 << 20, 8));
        assert!(raw.ends_cut_off());
    }
    for garbage in [b"\n".as_slice(), b"GET / HTTP/1.1\r\n\r\n", &[0xff; 8192]] {
        let mut raw = Raw::connect(&path);
        let _ = raw.0.write_all(garbage);
        assert!(raw.ends_cut_off(), "{:?}", &garbage[..1]);
    }
    let mut raw = Raw::introduced(&path);
    raw.say(&header(8, 8)[..9]);
    drop(raw);
    daemon.settles_at(before).await;
    assert!(daemon.memory() < memory + (16 << 20), "{memory} became {}", daemon.memory());
    assert!(matches!(peer(&path).await.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
}

/// A call with a question of one participant, for a page.
fn asking(method: &str) -> Vec<u8> {
    let client = HashMap::from([("name", Variant::from("p")), ("min-size", Variant::U64(4096))]);
    let question = (vec![client], HashMap::<&str, Variant<'_>>::new());
    let call = zbus::message::Message::method_call(PATH, method).interface(NAME);
    call.build(&question).unwrap().data().to_vec()
}

#[tokio::test]
async fn what_comes_while_a_peer_has_to_wait_is_read_when_there_is_room() {
    let (bus, root) = (Bus::start(), machine());
    let (_daemon, path) = start(&bus, root.path()).await;
    let other = peer(&path).await;
    for round in 0..30 {
        let mut raw = Raw::introduced(&path);
        // As many as may wait for an answer, and then one more, whose answer is not awaited.
        raw.say(&asking("Plan").repeat(8));
        tokio::time::sleep(Duration::from_micros(300 * (round % 10))).await;
        raw.say(&asking("Allocate"));
        let leased = async {
            while other.usage().await.unwrap().iter().all(|one| one.orphaned) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, leased).await.expect("the last call is not read");
        drop(raw);
        let over = async {
            while !other.usage().await.unwrap().iter().all(|one| one.orphaned) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, over).await.expect("the lease ends with its client");
    }
}

#[tokio::test]
async fn descriptors_that_nobody_asked_for_are_not_kept() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    let (before, _) = warmed_up(&daemon, &path).await;
    let stdin = std::io::stdin();
    let copies = [stdin.as_fd(); 40];
    let mut early = Raw::connect(&path);
    early.say_with(b"\0", &copies[..1]);
    assert!(early.ends_cut_off());
    let mut many = Raw::introduced(&path);
    many.say_with(b"l", &copies);
    assert!(many.ends_cut_off());
    let mut parts = Raw::introduced(&path);
    for byte in header(1000, 8) {
        parts.say_with(&[byte], &copies[..2]);
    }
    assert!(parts.ends_cut_off());
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn descriptors_may_come_with_the_very_first_message() {
    let (bus, root) = (Bus::start(), machine());
    let (_daemon, path) = start(&bus, root.path()).await;
    let stdin = std::io::stdin();
    let named = HashMap::from([("min-size", Variant::Fd(Fd::from(&stdin)))]);
    let call = zbus::message::Message::method_call(PATH, "Plan")
        .interface(NAME)
        .build(&(vec![named], HashMap::<&str, Variant<'_>>::new()))
        .unwrap();
    // More often than once: it depends on what waits in the socket when the daemon reads.
    for _ in 0..20 {
        let mut raw = Raw::introduced(&path);
        raw.say_with(call.data(), &[stdin.as_fd()]);
        let answer = raw.hear();
        let words = String::from_utf8_lossy(&answer);
        assert!(words.contains("min-size") && words.contains("file descriptor"), "{words}");
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_is_not_read_either() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    let (before, memory) = warmed_up(&daemon, &path).await;
    let message = zbus::message::Message::method_call("/", "Ping")
        .interface("org.freedesktop.DBus.Peer")
        .build(&())
        .unwrap();
    let mut raw = Raw::introduced(&path);
    raw.0.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut sent = 0_usize;
    // Until the daemon stops reading, the socket is full and a write times out.
    while raw.0.write_all(message.data()).is_ok() {
        sent += message.data().len();
        assert!(sent < 64 << 20, "it reads whatever comes");
    }
    assert!(daemon.memory() < memory + (16 << 20), "{memory} became {}", daemon.memory());
    assert!(daemon.descriptors() <= before + 2);
    // Meanwhile others are served.
    assert!(matches!(peer(&path).await.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
    drop(raw);
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn one_user_cannot_take_all_connections() {
    let (bus, root) = (Bus::start(), machine());
    let (daemon, path) = start(&bus, root.path()).await;
    let before = daemon.descriptors();
    let silent: Vec<Raw> = (0..100).map(|_| Raw::connect(&path)).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(daemon.descriptors() < before + 70, "{} open", daemon.descriptors());
    drop(silent);
    daemon.settles_at(before).await;
    assert!(matches!(peer(&path).await.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
}
