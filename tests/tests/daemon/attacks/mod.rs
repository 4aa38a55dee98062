//! Clients that mean harm, one attack after the other against one daemon: on a bus, and on its
//! private socket. After each the daemon is up, its descriptors are those of before and its memory
//! has not grown; all the while a well-behaved client was served.

mod broken;
mod conduct;
mod questions;
mod way;

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::Heapqd;
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_dbus::client::{Client, Place};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use way::Way;

/// What it is called, and what is done.
type Attack = (&'static str, fn(&Way));

/// How much the daemon's memory may have grown, over all attacks: the allocator keeps some.
const GROWTH: u64 = 32 << 20;

/// How long a call of the well-behaved client may take during an attack.
const SLOWEST: Duration = Duration::from_secs(5);

#[tokio::test]
async fn on_a_bus_nobody_harms_the_daemon_or_others() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let way = Way::Bus(bus.socket());
    let good = Witness::start(|| Place::Address(bus.address.clone()));
    run(&mut daemon, &way, good, &[questions::ALL, broken::ALL, conduct::ALL, conduct::ON_A_BUS])
        .await;
}

#[tokio::test]
async fn on_a_private_socket_nobody_harms_the_daemon_or_others() {
    let (bus, root) = (Bus::start(), machine());
    let path = bus.dir.path().join("peers");
    let arguments = ["--stand-in", "--p2p", &path.display().to_string()];
    let mut daemon = Heapqd::start_with(&bus, root.path(), &arguments).await;
    let good = Witness::start(|| Place::Peer(PathBuf::from(&path)));
    let way = Way::Private(path.clone());
    run(&mut daemon, &way, good, &[questions::ALL, broken::ALL, broken::PRIVATE, conduct::ALL])
        .await;
}

async fn run(daemon: &mut Heapqd, way: &Way, good: Witness, attacks: &[&[Attack]]) {
    let (descriptors, memory) = settled(daemon).await;
    for (name, attack) in attacks.iter().copied().flatten() {
        let started = Instant::now();
        let mine = way.clone();
        let attack = *attack;
        tokio::task::spawn_blocking(move || attack(&mine)).await.expect(name);
        assert!(daemon.is_running(), "{name}: the daemon has gone");
        good.must_be_served(name);
        let grown = daemon.memory().saturating_sub(memory);
        assert!(grown < GROWTH, "{name}: {} MiB more", grown >> 20);
        daemon.comes_down_to(descriptors, name).await;
        eprintln!("{name}: {:?}, {} KiB", started.elapsed(), grown >> 10);
    }
    let served = good.end();
    eprintln!("{} calls of the witness, the slowest {:?}", served.calls, served.slowest);
}

/// Descriptors and memory when the first calls have filled all caches.
async fn settled(daemon: &Heapqd) -> (usize, u64) {
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The witness's call may be under way: its buffers, their receipt, and a lease.
    (daemon.descriptors() + 12, daemon.memory())
}

/// A well-behaved client that keeps asking.
struct Witness {
    stop: Arc<AtomicBool>,
    tell: Arc<Mutex<Served>>,
    thread: JoinHandle<()>,
}

#[derive(Clone, Debug, Default)]
struct Served {
    calls: u32,
    slowest: Duration,
    failure: Option<String>,
}

impl Served {
    fn note(&mut self, took: Duration, failure: Option<String>) {
        self.calls += 1;
        self.slowest = self.slowest.max(took);
        self.failure = self.failure.take().or(failure);
    }
}

impl Witness {
    fn start(place: impl Fn() -> Place) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tell = Arc::new(Mutex::new(Served::default()));
        let (stopped, told, place) = (stop.clone(), tell.clone(), place());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let client = Client::connect(place).await.unwrap();
                while !stopped.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    let failure = ask(&client).await.err();
                    told.lock().unwrap().note(started.elapsed(), failure);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        });
        Self { stop, tell, thread }
    }

    /// It was served up to now, and is still.
    fn must_be_served(&self, during: &str) {
        let calls = || self.tell.lock().unwrap().clone();
        let (before, started) = (calls().calls, Instant::now());
        while calls().calls < before + 2 {
            assert!(started.elapsed() < SLOWEST, "{during}: the witness waits");
            std::thread::sleep(Duration::from_millis(5));
        }
        let Served { failure, slowest, .. } = calls();
        assert_eq!(failure, None, "{during}");
        assert!(slowest < SLOWEST, "{during}: the witness waited {slowest:?}");
    }

    fn end(self) -> Served {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.tell.lock().unwrap().clone()
    }
}

async fn ask(client: &Client) -> Result<(), String> {
    let answer = client.allocate(&simple(4, 4096)).await.map_err(|error| error.to_string())?;
    let Outcome::Granted(grant) = answer else { return Err(format!("{answer:?}")) };
    if grant.buffers.len() != 4 {
        return Err(format!("{} buffers", grant.buffers.len()));
    }
    client.release(grant.lease).await.map_err(|error| error.to_string())
}
