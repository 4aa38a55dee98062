//! The daemon under test, as a process.

use super::bus::Bus;
use heapq_dbus::client::{Client, Place};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running heapqd.
pub(crate) struct Heapqd {
    process: Child,
    log: PathBuf,
}

impl Heapqd {
    /// On `bus`, with stand-in heaps, for the machine at `root`. Waits until it serves.
    pub(crate) async fn start(bus: &Bus, root: &Path) -> Self {
        Self::start_with(bus, root, &["--stand-in"]).await
    }

    pub(crate) async fn start_with(bus: &Bus, root: &Path, more: &[&str]) -> Self {
        Self::started(bus, &mut Self::command(bus, root, more)).await
    }

    /// The same as [`Self::start`], but the C library keeps nothing of what was freed for its
    /// threads, and everything in one place: [`Self::heap`] is what is in use.
    pub(crate) async fn start_sparing(bus: &Bus, root: &Path) -> Self {
        let mut command = Self::command(bus, root, &["--stand-in"]);
        let sparing = ["arena_max=1", "tcache_count=0", "mmap_max=0"];
        let sparing = sparing.map(|one| format!("glibc.malloc.{one}")).join(":");
        Self::started(bus, command.env("GLIBC_TUNABLES", sparing)).await
    }

    fn command(bus: &Bus, root: &Path, more: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(["--address", &bus.address, "--root"]).arg(root);
        command.arg("--policy-dir").arg(policy_dir(bus)).args(more);
        command
    }

    async fn started(bus: &Bus, command: &mut Command) -> Self {
        let log = bus.dir.path().join("heapqd.log");
        command.stdin(Stdio::null()).stderr(File::create(&log).unwrap());
        let daemon = Self { process: command.spawn().unwrap(), log };
        daemon.wait_for_name(bus).await;
        daemon
    }

    async fn wait_for_name(&self, bus: &Bus) {
        let connection = bus.connect().await;
        let dbus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
        let name = zbus::names::BusName::try_from("org.heapq.Allocator1").unwrap();
        until("the daemon has its name", || async {
            dbus.name_has_owner(name.clone()).await.unwrap()
        })
        .await;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// How many files it has open, besides those by which it knows its clients' processes, and what
    /// it just reads of the kernel to see which buffers exist.
    pub(crate) fn descriptors(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().flatten();
        let target = |file: std::fs::DirEntry| std::fs::read_link(file.path()).ok();
        let counts = |path: &PathBuf| {
            let path = path.to_string_lossy();
            !path.contains("pidfd") && !path.starts_with("/proc")
        };
        files.filter_map(target).filter(counts).count()
    }

    /// Its resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        kib(&self.tells("status"), "VmRSS:") << 10
    }

    /// The bytes of its heap, of a daemon that was started to spare memory.
    pub(crate) fn heap(&self) -> u64 {
        let maps = self.tells("smaps");
        let (_, heap) = maps.split_once("[heap]\n").unwrap();
        kib(heap, "Anonymous:") << 10
    }

    /// What the kernel tells of it.
    fn tells(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap()
    }

    /// The time of processors that it has had.
    pub(crate) fn worked(&self) -> Duration {
        let stat = self.tells("stat");
        // Behind the name, which may hold anything: utime and stime are the 14th and 15th.
        let (_, numbers) = stat.rsplit_once(')').unwrap();
        let ticks =
            numbers.split_whitespace().skip(11).take(2).map(|one| one.parse::<u64>().unwrap());
        let per_second = rustix::param::clock_ticks_per_second();
        Duration::from_millis(ticks.sum::<u64>() * 1000 / per_second)
    }

    /// Waits until it has `count` files open again.
    pub(crate) async fn settles_at(&self, count: usize) {
        let started = Instant::now();
        while self.descriptors() != count {
            assert!(started.elapsed() < PATIENCE, "{} open, not {count}", self.descriptors());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it has `count` files open at most.
    pub(crate) async fn comes_down_to(&self, count: usize, after: &str) {
        let started = Instant::now();
        while self.descriptors() > count {
            let open = self.descriptors();
            assert!(started.elapsed() < PATIENCE, "{after}: {open} open, more than {count}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it goes on:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Heapqd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("heapqd's log:\n{}", self.log());
        }
    }
}

/// The first number of that name.
fn kib(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The policies of the test: whoever runs it may allocate, so that it need not be root.
pub(crate) fn policy_dir(bus: &Bus) -> PathBuf {
    let dir = bus.dir.path().join("policy.d");
    if !dir.exists() {
        std::fs::create_dir(&dir).unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let grant = format!("[[grant]]\nusers = [{uid}]\nallocate = true\nscarce = true\n");
        std::fs::write(dir.join("80-test.toml"), grant).unwrap();
    }
    dir
}

/// A typed client.
pub(crate) async fn client(bus: &Bus) -> Client {
    Client::connect(Place::Address(bus.address.clone())).await.unwrap()
}

/// Waits until `holds`.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The binary, built as this test was: cargo builds only a package's own binaries for its tests.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "heapq-dbus", "--bin", "heapqd"]);
        build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
        build.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "heapqd was not built");
        profile.join("heapqd")
    })
}
