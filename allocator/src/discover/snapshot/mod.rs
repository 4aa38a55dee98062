//! Observations as files that people read and write.
//!
//! The keys are those of [`Observation`] and its parts, in the vocabulary's spelling. A snapshot that
//! is [`share`]d holds no serial numbers and no names of people.

mod share;
mod text;

pub use share::share;

use super::file::{self, Unreadable};
use super::{Observation, SeenDevice, devices};
use heapq_constraints::Name;
use heapq_constraints::fact::Windows;
use std::collections::BTreeMap;
use std::path::Path;

/// Longest snapshot in bytes: a server with thousands of devices stays below it.
const LENGTH_MAX: usize = 4 << 20;

/// Why a snapshot is no observation, or an observation no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("snapshot: {0}")]
pub struct SnapshotError(String);

/// Reads the snapshot in a file.
///
/// # Errors
/// [`Unreadable`] when there is no such file, or it is no snapshot.
pub fn load(path: &Path) -> Result<Observation, Unreadable> {
    let bytes = file::read(path, LENGTH_MAX)?;
    let text = String::from_utf8(bytes).map_err(|e| SnapshotError(format!("not text: {e}")));
    let read = text.and_then(|text| read(&text));
    read.map_err(|source| Unreadable::Snapshot { path: path.to_owned(), source })
}

/// Reads a snapshot.
///
/// # Errors
/// What is not as it should be, with its line.
pub fn read(text: &str) -> Result<Observation, SnapshotError> {
    if text.len() > LENGTH_MAX {
        return Err(SnapshotError(format!("{} bytes, more than {LENGTH_MAX}", text.len())));
    }
    let mut seen: Observation = toml::from_str(text).map_err(|e| SnapshotError(e.to_string()))?;
    check(&seen)?;
    seen.devices.sort_by_cached_key(devices::order);
    seen.heaps.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seen)
}

/// Writes all of an observation, with comments; [`share`] leaves out what is nobody else's business.
///
/// # Errors
/// A number that TOML does not hold (2^63 and above).
pub fn write(seen: &Observation) -> Result<String, SnapshotError> {
    let text = toml::to_string(seen).map_err(|error| SnapshotError(error.to_string()))?;
    // A name of several lines may hold what looks like a table: then there are no comments.
    let annotated = text::annotated(&text, seen);
    let same = toml::from_str(&annotated).is_ok_and(|read: Observation| read == *seen);
    Ok(if same { annotated } else { text })
}

fn check(seen: &Observation) -> Result<(), SnapshotError> {
    let mut names: Vec<_> = seen.heaps.iter().map(|heap| &heap.name).collect();
    names.sort();
    if let Some([twice, _]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(SnapshotError(format!("heap {twice:?} is there twice")));
    }
    windows(seen)?;
    masters(seen)?;
    for device in &seen.devices {
        if device.dma_mask_bits.is_some_and(|bits| !(1..=64).contains(&bits)) {
            let path = &device.path;
            return Err(SnapshotError(format!("device {path}: dma-mask-bits is not 1 to 64")));
        }
    }
    Ok(())
}

/// A master is another device of the snapshot, and the last one: one that has a master itself does not
/// reach memory.
fn masters(seen: &Observation) -> Result<(), SnapshotError> {
    let by_path: BTreeMap<&Name, &SeenDevice> =
        seen.devices.iter().map(|device| (&device.path, device)).collect();
    for SeenDevice { path, master, .. } in &seen.devices {
        let Some(master) = master else { continue };
        let wrong = match by_path.get(master) {
            _ if master == path => "is the device itself: leave the key out".to_owned(),
            None => "is no device of the snapshot".to_owned(),
            Some(SeenDevice { master: Some(next), .. }) => {
                format!("has a master itself, {next}: name the last one")
            }
            Some(_) => continue,
        };
        return Err(SnapshotError(format!("device {path}: its master {master} {wrong}")));
    }
    Ok(())
}

/// Intervals have to be in order: nobody sorts them later.
fn windows(seen: &Observation) -> Result<(), SnapshotError> {
    let ram = seen.ram.iter().map(|placed| ("ram", &placed.windows));
    let argument = seen.cma_argument.iter().filter_map(|one| Some(("cma", one.window.as_ref()?)));
    let pools = seen.pools.iter().filter_map(|pool| Some((&*pool.name, pool.window.as_ref()?)));
    let devices = seen
        .devices
        .iter()
        .filter_map(|device| Some((&*device.path, &device.dma_window.as_ref()?.windows)));
    for (of, windows) in ram.chain(argument).chain(pools).chain(devices) {
        if Windows::new(windows.intervals().to_vec()).as_ref() != Some(windows) {
            let text = format!("{of}: windows are pairs [first, end], in order and apart");
            return Err(SnapshotError(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_not_as_it_should_be_is_named() {
        for (text, complaint) in [
            ("heaps = 3", "unknown field `heaps`"),
            ("arch = \"vax\"", "unknown variant `vax`"),
            ("[[heap]]\nname = \"a\"", "missing field `path`"),
            (
                "[[heap]]\nname='a'\npath='/x'\nnode=true\n[[heap]]\nname='a'\npath='/y'\nnode=true",
                "heap \"a\" is there twice",
            ),
            ("[ram]\nfrom='x'\nwindows=[[5, 5]]", "ram: windows are pairs"),
            ("[ram]\nfrom='x'\nwindows=[[5, 9], [0, 6]]", "ram: windows are pairs"),
            (
                "[[device]]\npath='/d'\nsubsystem='drm'\ndma-mask-bits=65",
                "device /d: dma-mask-bits is not 1 to 64",
            ),
            (
                "[[device]]\npath='/d'\nsubsystem='drm'\nmaster='/d'",
                "device /d: its master /d is the device itself",
            ),
            (
                "[[device]]\npath='/d'\nsubsystem='drm'\nmaster='/e'",
                "device /d: its master /e is no device of the snapshot",
            ),
            (
                "[[device]]\npath='/d'\nsubsystem='drm'\nmaster='/e'\n\
                 [[device]]\npath='/e'\nsubsystem='drm'\nmaster='/d'",
                "device /d: its master /e has a master itself, /d",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
        assert!(read(&" ".repeat(5 << 20)).is_err());
    }
}
