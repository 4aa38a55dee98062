//! The files of an unpacked kernel, within bounds: whatever else the directory holds is passed over.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes. The kernel's largest below `drivers/` that is not passed over
/// for being a header of register names has 1.7 MB.
const MAX_BYTES: u64 = 4 << 20;
/// Most files and directories that are listed. Linux 7.3 has 36 000 below `drivers/`.
const MAX_ENTRIES: usize = 200_000;
/// Deepest directory. The kernel's goes to eleven.
const MAX_DEPTH: usize = 24;

/// A kernel's directory.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    skipped: RefCell<BTreeSet<String>>,
}

/// Why a directory is not taken for a kernel's sources.
#[derive(Debug, thiserror::Error)]
pub enum NoKernel {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Below the kernel's directory.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// The top Makefile says no `VERSION` and `PATCHLEVEL`.
    #[error("Makefile: no VERSION and PATCHLEVEL: these are no sources of Linux")]
    NoVersion,
    /// More than would ever be a kernel.
    #[error("more than {MAX_ENTRIES} files and directories below {0}")]
    TooMany(&'static str),
}

impl Tree {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), skipped: RefCell::default() }
    }

    /// The text of a file below the root; `None`, and noted as skipped, if it is too large or cannot
    /// be read. Bytes that are no UTF-8 are replaced.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        match self.try_read(path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.skip(path, &error.to_string());
                None
            }
        }
    }

    /// The same for a file that may be missing.
    pub(crate) fn read_if_there(&self, path: &str) -> Option<String> {
        let there = fs::symlink_metadata(self.root.join(path)).is_ok_and(|found| found.is_file());
        if there { self.read(path) } else { None }
    }

    fn try_read(&self, path: &str) -> io::Result<String> {
        let file = fs::File::open(self.root.join(path))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
            return Err(io::Error::other(format!("larger than {MAX_BYTES} bytes")));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn skip(&self, path: &str, why: &str) {
        self.skipped.borrow_mut().insert(format!("{path}: {why}"));
    }

    /// What was passed over, with the reason.
    pub(crate) fn skipped(&self) -> BTreeSet<String> {
        self.skipped.borrow().clone()
    }

    /// `7.3`: without the third number, so that corrections of a kernel change nothing.
    pub(crate) fn version(&self) -> Result<String, NoKernel> {
        let unreadable = |error| NoKernel::Unreadable { path: "Makefile".to_owned(), error };
        let makefile = self.try_read("Makefile").map_err(unreadable)?;
        let value = |key: &str| {
            let line = makefile.lines().find_map(|line| line.strip_prefix(key)?.split_once('='))?;
            line.1.trim().parse::<u32>().ok()
        };
        let (Some(version), Some(level)) = (value("VERSION "), value("PATCHLEVEL ")) else {
            return Err(NoKernel::NoVersion);
        };
        Ok(format!("{version}.{level}"))
    }

    /// The regular files below `top`, sorted, as paths below the root. Links are not followed.
    pub(crate) fn files(&self, top: &'static str) -> Result<Vec<String>, NoKernel> {
        let mut files = Vec::new();
        let mut open = vec![(top.to_owned(), 0)];
        let mut entries = 0;
        while let Some((dir, depth)) = open.pop() {
            let listing = fs::read_dir(self.root.join(&dir))
                .map_err(|error| NoKernel::Unreadable { path: dir.clone(), error })?;
            for entry in listing.flatten() {
                entries += 1;
                if entries > MAX_ENTRIES {
                    return Err(NoKernel::TooMany(top));
                }
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = format!("{dir}/{name}");
                match entry.file_type() {
                    Ok(kind) if kind.is_file() => files.push(path),
                    Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => open.push((path, depth + 1)),
                    Ok(kind) if kind.is_dir() => self.skip(&path, "too deep"),
                    Ok(_) => self.skip(&path, "neither file nor directory"),
                    Err(error) => self.skip(&path, &error.to_string()),
                }
            }
        }
        files.sort();
        Ok(files)
    }
}
