//! A machine of files: two names of one contiguous pool, ordinary memory, a camera without an
//! IOMMU, and a display behind one.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The machine's root, removed when this goes.
pub(crate) struct Machine(TempDir);

/// What a run of `heapq` came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for heap in ["system", "default_cma_region", "reserved"] {
            let device = format!("sys/devices/virtual/dma_heap/{heap}");
            machine.file(&format!("{device}/uevent"), &format!("DEVNAME=dma_heap/{heap}\n"));
            machine.link(&format!("sys/class/dma_heap/{heap}"), &format!("../../../{device}"));
            machine.file(&format!("dev/dma_heap/{heap}"), "");
        }
        machine.file("proc/iomem", "00000000-3fffffff : System RAM\n");
        machine.file("proc/sys/kernel/osrelease", "6.18.0\n");
        machine.device("camera", "unicam", "video4linux/video0", None);
        machine.device("display", "vc4-drm", "drm/card0", Some("DMA"));
        machine
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file below the root and gives its path.
    pub(crate) fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn link(&self, path: &str, to: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
    }

    fn device(&self, name: &str, driver: &str, node: &str, iommu: Option<&str>) {
        let device = format!("sys/devices/platform/{name}");
        let (class, node) = node.split_once('/').unwrap();
        let directory = format!("{device}/{class}/{node}");
        self.file(&format!("{directory}/name"), &format!("{name}\n"));
        self.link(&format!("{directory}/device"), "../..");
        self.file(&format!("sys/bus/platform/drivers/{driver}/bind"), "");
        let up = "../../../";
        self.link(&format!("{device}/driver"), &format!("{up}bus/platform/drivers/{driver}"));
        self.link(&format!("{device}/subsystem"), &format!("{up}bus/platform"));
        self.link(&format!("sys/class/{class}/{node}"), &format!("../../../{directory}"));
        let node = if class == "drm" { format!("dri/{node}") } else { node.to_owned() };
        self.file(&format!("dev/{node}"), "");
        if let Some(kind) = iommu {
            self.file("sys/kernel/iommu_groups/0/type", &format!("{kind}\n"));
            self.link(&format!("{device}/iommu_group"), &format!("{up}kernel/iommu_groups/0"));
        }
    }

    /// Runs `heapq --root` here.
    pub(crate) fn heapq(&self, arguments: &[&str]) -> Run {
        let root = self.root().to_str().unwrap();
        run(&[&["--root", root], arguments].concat())
    }

    /// The same with `--json`; its output as data.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let run = self.heapq(&[&["--json"], arguments].concat());
        (run.code, run.json())
    }
}

impl Run {
    /// The output as data, of which every piece names its schema.
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err));
        assert_eq!(value["schema"], 1);
        assert_eq!(self.out.lines().count(), 1, "short where it is no terminal");
        value
    }
}

/// Runs `heapq`.
pub(crate) fn run(arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_heapq")).args(arguments).output().unwrap();
    read(output)
}

fn read(output: Output) -> Run {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
