//! What strangers can hand to heapq, read as heapq reads it: `make fuzz` drives these functions with
//! libFuzzer, and an ordinary test with the seeds and random changes of them.
//!
//! A target never fails by what it returns. A panic, a hang, memory without bound, or a debug
//! assertion is the finding; so is an answer that the independent checker contradicts, since that
//! runs after each solve of a debug build.

mod board;
mod case;
mod policy;
mod sysfs;
mod wire;

use std::fs;
use std::io;
use std::path::Path;

/// One reader of foreign input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What `HEAPQ_FUZZ` calls it.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs that get far, by name.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "policy", run: policy::run, seeds: policy::seeds },
    Target { name: "devicetree", run: board::devicetree, seeds: board::devicetrees },
    Target { name: "snapshot", run: board::snapshot, seeds: board::snapshots },
    Target { name: "sysfs", run: sysfs::run, seeds: sysfs::seeds },
    Target { name: "case", run: case::run, seeds: case::seeds },
    Target { name: "wire", run: wire::run, seeds: wire::seeds },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Writes the target's seeds into `dir`, a file each.
///
/// # Errors
/// Those of writing.
pub fn write_seeds(target: Target, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (number, seed) in (target.seeds)().into_iter().enumerate() {
        fs::write(dir.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(())
}

/// The files of a directory of this repository that end so.
fn files(dir: &str, ending: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths.into_iter().filter_map(|path| fs::read(path).ok()).collect()
}
