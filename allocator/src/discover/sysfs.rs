//! Reading a machine: its running /sys and /proc, a capture of them, or a tree that a test made.
//!
//! A capture may hold beside `sys` what cannot be captured as it is: `UNAME` (of `uname -a`),
//! `CMDLINE` and `proc-iomem` in place of the files in /proc, and `dev/NODES`, a line for each
//! device node that begins with its path.

use super::devicetree::{self, Directory, Tree};
use super::masters::Rules;
use super::root::Root;
use super::udmabuf::Udmabuf;
use super::{Arch, Observation, SeenHeap, assemble, cma, devices, ram};
use heapq_constraints::Name;
use heapq_policies::PolicySet;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Longest name of a heap: a directory's.
const NAME_MAX: usize = 255;

/// Reads what the machine, capture or made-up tree at `root` shows. Which device masters another
/// one's DMA is found where `policies` say.
///
/// # Errors
/// When `root` cannot be opened or holds no `sys`, or when this process has no more descriptors or
/// memory to read it with. What is odd further down is a warning.
pub fn read(root: &Path, policies: &PolicySet) -> io::Result<Observation> {
    let root = Root::open(root)?;
    if !root.exists("/sys") {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no sys directory in it"));
    }
    let tree = Directory::of(&root);
    let command_line = command_line(&root);
    let page = ram::page_size(&root);
    let arch = architecture(&root, tree.as_ref());
    let nodes = Nodes::of(&root);
    let board = tree.as_ref().map(board).unwrap_or_default();
    let release = release(&root);
    let kernel = assemble::kernel(release.as_deref().unwrap_or_default());
    let rules = Rules { policies, kernel, board: &board };
    let (devices, modules) = devices::read(&root, tree.as_ref(), arch, &rules, &command_line);
    let mut seen = Observation {
        kernel: release,
        arch,
        board,
        dmi: root.line("/sys/class/dmi/id/modalias"),
        ram: ram::read(&root, page),
        cma_argument: ram::cma_argument(&command_line),
        dma_reach: None,
        heaps: heaps(&root, &nodes),
        udmabuf: Udmabuf::read(&root, |path| nodes.has(&root, path)),
        cma: cma::areas(&root, page),
        pools: tree.as_ref().map(devicetree::pools).unwrap_or_default(),
        modules,
        devices,
        warnings: Vec::new(),
    };
    // The whole tree is walked for it, so only where the answer hangs on it.
    if seen.default_area_is_the_kernels() && arch == Arch::Arm64 {
        seen.dma_reach = tree.as_ref().and_then(|tree| devicetree::lowest_reach(tree).top);
    }
    seen.warnings = root.finish()?;
    Ok(seen)
}

fn command_line(root: &Root) -> String {
    root.text("/CMDLINE").or_else(|| root.text("/proc/cmdline")).unwrap_or_default()
}

/// The words of `uname -a` in a capture: system, host, release, …, machine, system.
fn uname(root: &Root) -> Vec<String> {
    let text = root.text("/UNAME").unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn release(root: &Root) -> Option<Name> {
    uname(root)
        .get(2)
        .map(|word| word.as_str().into())
        .or_else(|| root.line("/proc/sys/kernel/osrelease"))
}

fn architecture(root: &Root, tree: Option<&Directory<'_>>) -> Arch {
    let said = uname(root).iter().rev().find_map(|word| arch_of(word));
    let running = || arch_of(&root.line("/proc/sys/kernel/arch")?);
    let live = || {
        let machine = rustix::system::uname();
        root.live().then(|| arch_of(machine.machine().to_str().ok()?)).flatten()
    };
    said.or_else(running)
        .or_else(live)
        .or_else(|| devicetree::architecture(tree?))
        .unwrap_or_default()
}

fn arch_of(machine: &str) -> Option<Arch> {
    Some(match machine {
        "x86_64" | "i386" | "i486" | "i586" | "i686" => Arch::X86,
        "aarch64" | "aarch64_be" => Arch::Arm64,
        arm if arm.starts_with("armv") => Arch::Arm,
        riscv if riscv.starts_with("riscv") => Arch::Riscv,
        _ => return None,
    })
}

fn board(tree: &Directory<'_>) -> Vec<Name> {
    tree.strings(&tree.root(), "compatible")
}

/// Which device nodes there are.
enum Nodes {
    /// As `dev/NODES` lists them.
    Listed(BTreeSet<String>),
    /// As /dev holds them.
    Held,
    /// Nothing shows it.
    Unknown,
}

impl Nodes {
    fn of(root: &Root) -> Self {
        if let Some(text) = root.text("/dev/NODES") {
            let paths = text.lines().filter_map(|line| line.split_ascii_whitespace().next());
            return Self::Listed(paths.map(str::to_owned).collect());
        }
        if root.exists("/dev") { Self::Held } else { Self::Unknown }
    }

    fn has(&self, root: &Root, path: &str) -> bool {
        match self {
            Self::Listed(paths) => paths.contains(path),
            Self::Held => root.exists(path),
            Self::Unknown => true,
        }
    }
}

fn heaps(root: &Root, nodes: &Nodes) -> Vec<SeenHeap> {
    let class = "/sys/class/dma_heap";
    let mut found = Vec::new();
    for name in root.list(class) {
        if name.len() > NAME_MAX || name.chars().any(char::is_control) {
            root.warn(format!("{class}: a heap's name of control characters is left out"));
            continue;
        }
        let path = root.link(&format!("{class}/{name}"));
        let path = path.filter(|path| path.starts_with("/sys/devices/"));
        let node = nodes.has(root, &format!("/dev/dma_heap/{name}"));
        if !node {
            root.warn(format!("/dev/dma_heap/{name}: the heap's device node is missing"));
        }
        let path = path.unwrap_or_else(|| format!("{class}/{name}"));
        found.push(SeenHeap { name: name.into(), path: path.into(), node });
    }
    found
}
