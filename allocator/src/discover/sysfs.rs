//! Reading a machine.

use super::Observation;
use std::io;
use std::path::Path;

/// Reads what the machine, capture or made-up tree at `root` shows.
///
/// # Errors
/// When `root` cannot be opened or holds no `sys`. What is odd further down is a warning.
pub fn read(_root: &Path) -> io::Result<Observation> {
    unimplemented!()
}
