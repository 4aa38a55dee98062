//! Files that describe a machine: bounded reading, and what keeps one from being read.

use super::devicetree::BlobError;
use super::snapshot::SnapshotError;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a file is no machine.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no devicetree.
    #[error("{path}: {source}")]
    Blob {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: BlobError,
    },
    /// It is no snapshot.
    #[error("{path}: {source}")]
    Snapshot {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
}

/// As [`bytes`], with the file's name in the error.
pub(super) fn read(path: &Path, bound: usize) -> Result<Vec<u8>, Unreadable> {
    bytes(path, bound).map_err(|source| Unreadable::File { path: path.to_owned(), source })
}

/// A regular file's bytes; of one that is longer than `bound`, one byte more than that, which whoever
/// parses them refuses.
///
/// # Errors
/// Those of reading, and what is no regular file.
pub(crate) fn bytes(path: &Path, bound: usize) -> io::Result<Vec<u8>> {
    // A pipe would be waited for when it is opened.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let bound = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::read;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn a_pipe_in_place_of_a_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("board.toml");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let said = read(&pipe, 9).unwrap_err().to_string();
        assert!(said.ends_with("not a regular file"), "{said}");
        assert!(read(&dir.path().join("absent"), 9).is_err());
        std::fs::write(dir.path().join("long"), "0123456789abc").unwrap();
        assert_eq!(read(&dir.path().join("long"), 9).unwrap(), b"0123456789");
    }
}
