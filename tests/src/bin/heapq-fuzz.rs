//! libFuzzer's side of `make fuzz`: `HEAPQ_FUZZ` names the target, `HEAPQ_FUZZ_SEEDS` a directory
//! that its seeds are written into.
#![no_main]

use heapq_tests::fuzz::{Target, target, write_seeds};
use std::path::Path;
use std::sync::OnceLock;

static TARGET: OnceLock<Target> = OnceLock::new();

fn start() {
    let name = std::env::var("HEAPQ_FUZZ").unwrap_or_default();
    let Some(target) = target(&name) else {
        eprintln!("HEAPQ_FUZZ={name}: no such target");
        std::process::exit(2);
    };
    if let Ok(dir) = std::env::var("HEAPQ_FUZZ_SEEDS")
        && let Err(error) = write_seeds(target, Path::new(&dir))
    {
        eprintln!("{dir}: {error}");
        std::process::exit(2);
    }
    let _ = TARGET.set(target);
}

libfuzzer_sys::fuzz_target!(init: start(), |bytes: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(bytes);
    }
});
