//! Observations as files that people read and write.

use super::Observation;

/// Why a snapshot is no observation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("snapshot: {0}")]
pub struct SnapshotError(pub(crate) String);

/// Reads a snapshot.
///
/// # Errors
/// What is not as it should be, with its line.
pub fn read(_text: &str) -> Result<Observation, SnapshotError> {
    unimplemented!()
}

/// Writes one.
///
/// # Errors
/// A value that no snapshot can hold.
pub fn write(_seen: &Observation) -> Result<String, SnapshotError> {
    unimplemented!()
}
