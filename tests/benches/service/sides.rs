//! The processes on both sides of a comparison, and the machine that heapqd is shown.

use crate::broker;
use crate::client::Place;
use std::fs::{create_dir_all, write};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A process that ends with this.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let silent = command.stdin(Stdio::null()).stderr(Stdio::null());
        Self(silent.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether there is such a program.
pub(crate) fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// A bus of our own.
pub(crate) struct Bus {
    _process: Process,
    _controller: Option<zbus::Connection>,
    pub(crate) address: String,
}

impl Bus {
    pub(crate) async fn broker(dir: &Path) -> Self {
        let socket = dir.join("broker");
        let (process, controller) = broker::start(&socket).await;
        let address = format!("unix:path={}", socket.display());
        Self { _process: Process(process), _controller: Some(controller), address }
    }

    pub(crate) fn daemon(dir: &Path) -> Self {
        let socket = dir.join("bus");
        let config = dir.join("bus.conf");
        let rules = r#"<policy context="default"><allow user="*"/><allow own="*"/>
            <allow send_destination="*"/><allow receive_sender="*"/></policy>"#;
        let listen = format!("<listen>unix:path={}</listen>", socket.display());
        write(&config, format!("<busconfig>{listen}<auth>EXTERNAL</auth>{rules}</busconfig>"))
            .unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.arg(format!("--config-file={}", config.display()));
        bus.args(["--print-address=1", "--nofork"]).stdout(Stdio::piped());
        let mut process = Process::start(&mut bus);
        let mut address = String::new();
        let said = process.0.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut address).unwrap();
        Self { _process: process, _controller: None, address: address.trim().to_owned() }
    }
}

/// Where the services on one bus are: heapqd, and the bare ones.
pub(crate) struct Services {
    _processes: Vec<Process>,
    address: String,
    dir: PathBuf,
}

/// One of them: its name on the bus and the file name of its socket.
pub(crate) type Service = (&'static str, &'static str);
pub(crate) const HEAPQD: Service = ("org.heapq.Allocator1", "heapqd");
pub(crate) const ZBUS: Service = (crate::bare::NAME, "zbus");
pub(crate) const SD_BUS: Service = ("org.heapq.Bench1.Sdbus", "sd-bus");

impl Services {
    /// Each on `bus`, and on a socket in `dir`.
    pub(crate) fn start(bus: &Bus, dir: &TempDir, root: &Path, sd_bus: Option<&Path>) -> Self {
        let (address, dir) = (bus.address.clone(), dir.path().to_owned());
        let on = |socket: &str| {
            // Those on another bus have left theirs behind.
            let _ = std::fs::remove_file(dir.join(socket));
            dir.join(socket)
        };
        let mut heapqd = heapqd(root);
        let mut bare = Command::new(std::env::current_exe().unwrap());
        let mut processes = vec![
            Process::start(heapqd.args(["--address", &address, "--p2p"]).arg(on(HEAPQD.1))),
            Process::start(bare.args(["serve", &address]).arg(on(ZBUS.1))),
        ];
        if let Some(program) = sd_bus {
            let mut command = Command::new(program);
            processes.push(Process::start(command.arg(&address).arg(on(SD_BUS.1))));
        }
        Self { _processes: processes, address, dir }
    }

    pub(crate) fn on_bus(&self, service: Service) -> Place {
        Place::Bus { address: self.address.clone(), name: service.0.to_owned() }
    }

    pub(crate) fn on_socket(&self, service: Service) -> Place {
        Place::Peer(self.dir.join(service.1))
    }
}

/// heapqd for the machine at `root`, its buffers stand-ins, with the shipped rules.
pub(crate) fn heapqd(root: &Path) -> Command {
    // target/release/deps/service-…
    let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("heapqd");
    let mut command = Command::new(built);
    command.args(["--stand-in", "--root"]).arg(root).envs(environment());
    command
}

/// What the unit sets.
fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    let unit = include_str!("../../../dbus/data/heapq.service").lines();
    unit.filter_map(|line| line.strip_prefix("Environment=")?.split_once('='))
}

/// Builds the bare service in C; `None` where there is no libsystemd.
pub(crate) fn sd_bus(dir: &TempDir) -> Option<PathBuf> {
    let program = dir.path().join("sd-bus-service");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/service/sd-bus.c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-o"]).arg(&program).args([source, "-lsystemd"]).stderr(Stdio::null());
    cc.status().is_ok_and(|status| status.success()).then_some(program)
}

const DRIVERS: [&str; 6] =
    ["rkisp1", "hantro-vpu", "sun6i-csi", "bcm2835-codec", "s5p-mfc", "vivid"];

/// A machine with so many devices, video nodes of drivers that the shipped rules know.
pub(crate) fn machine(devices: usize) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let (sys, dev) = (root.path().join("sys"), root.path().join("dev/dma_heap"));
    write(root.path().join("UNAME"), "Linux here 6.17.0 #1 SMP x86_64 GNU/Linux\n").unwrap();
    for path in ["class/video4linux", "class/dma_heap"] {
        create_dir_all(sys.join(path)).unwrap();
    }
    create_dir_all(&dev).unwrap();
    for heap in ["system", "default_cma_region"] {
        create_dir_all(sys.join("devices/virtual/dma_heap").join(heap)).unwrap();
        let class = sys.join("class/dma_heap").join(heap);
        symlink(format!("../../devices/virtual/dma_heap/{heap}"), class).unwrap();
        write(dev.join(heap), "").unwrap();
    }
    for (number, driver) in (0..devices).zip(DRIVERS.iter().cycle()) {
        device(&sys, number, driver);
    }
    let policies = root.path().join("etc/heapq/policy.d");
    create_dir_all(&policies).unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let grant = format!("[[grant]]\nusers = [{uid}]\nallocate = true\nscarce = true\n");
    let limit = format!("[[limit]]\nusers = [{uid}]\nleases = 100000\nbuffers = 400000\n");
    let low = "[[heap]]\nname = \"default_cma_region\"\naddress-bits = 32\n";
    write(policies.join("90-bench.toml"), grant + &limit + low).unwrap();
    root
}

fn device(sys: &Path, number: usize, driver: &str) {
    let (path, node) = (format!("platform/device.{number}"), format!("video{number}"));
    let device = sys.join("devices").join(&path);
    let video = device.join("video4linux").join(&node);
    let bound = sys.join("bus/platform/drivers").join(driver);
    create_dir_all(&video).unwrap();
    create_dir_all(&bound).unwrap();
    write(video.join("uevent"), format!("MAJOR=81\nMINOR={number}\nDEVNAME={node}\n")).unwrap();
    write(video.join("name"), format!("{driver}-{number}\n")).unwrap();
    // That of /dev/null, which everybody may open.
    write(video.join("dev"), "1:3\n").unwrap();
    symlink(format!("../../../device.{number}"), video.join("device")).unwrap();
    symlink(format!("../../../bus/platform/drivers/{driver}"), device.join("driver")).unwrap();
    symlink("../../../bus/platform", device.join("subsystem")).unwrap();
    let class = sys.join("class/video4linux").join(&node);
    symlink(format!("../../devices/{path}/video4linux/{node}"), class).unwrap();
}
