//! Bounded reading below one directory, out of which no link leads.
//!
//! What is read may be a capture that somebody sent, or a machine whose devices come and go: what
//! vanishes is absent, what is odd is a warning, and nothing is read without a bound.

use heapq_constraints::Name;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Longest file that is read, in bytes: attributes of sysfs have one page, the devicetree's are
/// shorter, /proc/iomem and /proc/zoneinfo of large machines are below it.
const FILE_MAX: u64 = 1 << 20;
/// Most entries of one directory.
const ENTRIES_MAX: usize = 1 << 14;
/// Longest single-line attribute.
const LINE_MAX: usize = 4096;
/// Most warnings; more of the same help nobody.
const WARNINGS_MAX: usize = 100;

/// A directory that holds `sys`, `dev` and `proc`.
pub(super) struct Root {
    dir: OwnedFd,
    live: bool,
    warnings: RefCell<Vec<String>>,
    /// What kept us, and not the machine, from reading: then nothing is known to be absent.
    failure: Cell<Option<Errno>>,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::PATH;
        let dir = rustix::fs::open(path, flags, Mode::empty())?;
        let here = rustix::fs::stat(path)?;
        let machine = rustix::fs::stat("/")?;
        let live = (here.st_dev, here.st_ino) == (machine.st_dev, machine.st_ino);
        Ok(Self { dir, live, warnings: RefCell::default(), failure: Cell::default() })
    }

    /// Whether this is the running machine.
    pub(super) fn live(&self) -> bool {
        self.live
    }

    pub(super) fn warn(&self, text: impl Into<String>) {
        let (text, mut warnings) = (text.into(), self.warnings.borrow_mut());
        // What is read twice is odd twice.
        if warnings.len() < WARNINGS_MAX && !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// What was odd.
    ///
    /// # Errors
    /// When descriptors or memory ran out while it was read: what seemed absent may be there.
    pub(super) fn finish(self) -> io::Result<Vec<String>> {
        match self.failure.get() {
            Some(errno) => Err(errno.into()),
            None => Ok(self.warnings.into_inner()),
        }
    }

    /// A file's bytes; `None` when it is absent, no regular file, or cannot be read.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        match self.read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if is_absence(&error) => None,
            Err(error) => {
                self.warn(format!("{path}: {error}"));
                None
            }
        }
    }

    /// A file's text, several lines of it.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        match String::from_utf8(self.bytes(path)?) {
            Ok(text) => Some(text),
            Err(_) => {
                self.warn(format!("{path}: not text"));
                None
            }
        }
    }

    /// The one line of an attribute, without blanks around it; `None` also when it is empty.
    pub(super) fn line(&self, path: &str) -> Option<Name> {
        let text = self.text(path)?;
        let line = text.trim();
        if line.len() > LINE_MAX || line.chars().any(char::is_control) {
            self.warn(format!("{path}: not one line of text"));
            return None;
        }
        (!line.is_empty()).then(|| line.into())
    }

    /// A number in an attribute.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        let line = self.line(path)?;
        let number = line.parse().ok();
        if number.is_none() {
            self.warn(format!("{path}: {:?} is no number", shorten(&line)));
        }
        number
    }

    /// The absolute path to which a link leads, by its text alone (in sysfs no directory on the way
    /// is a link). `None` when there is no link.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        let (dir, name) = path.rsplit_once('/')?;
        let dir_fd = self.open_at(dir, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let target = rustix::fs::readlinkat(&dir_fd, name, Vec::new()).ok()?;
        let target = target.into_string().ok()?;
        let joined = if target.starts_with('/') { target } else { format!("{dir}/{target}") };
        Some(normal(&joined))
    }

    /// The last part of where a link leads.
    pub(super) fn link_name(&self, path: &str) -> Option<Name> {
        let target = self.link(path)?;
        target.rsplit('/').next().filter(|name| !name.is_empty()).map(Into::into)
    }

    /// The names in a directory, sorted; none when it is absent.
    pub(super) fn list(&self, path: &str) -> Vec<String> {
        let mut names = Vec::new();
        let Ok(dir) = self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY) else {
            return names;
        };
        let Ok(entries) = rustix::fs::Dir::new(dir) else { return names };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else { continue };
            if names.len() == ENTRIES_MAX {
                self.warn(format!("{path}: more than {ENTRIES_MAX} entries, the rest is left out"));
                break;
            }
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort_by_cached_key(|name| natural(name));
        names
    }

    /// Whether something is there, links followed.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.open_at(path, OFlags::PATH).is_ok()
    }

    /// Whether it is a link itself.
    pub(super) fn is_link(&self, path: &str) -> bool {
        self.kind(path) == Some(FileType::Symlink)
    }

    /// Whether something is there, be it a link that leads nowhere (as in captures).
    pub(super) fn exists_or_dangles(&self, path: &str) -> bool {
        self.kind(path).is_some()
    }

    /// Whether it is a directory itself.
    pub(super) fn is_dir(&self, path: &str) -> bool {
        self.kind(path) == Some(FileType::Directory)
    }

    fn kind(&self, path: &str) -> Option<FileType> {
        let (dir, name) = path.rsplit_once('/')?;
        let dir = self.open_at(dir, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(stat.st_mode))
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        // A pipe in a capture must not hold us up.
        let fd = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = rustix::fs::fstat(&fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("no regular file"));
        }
        let mut bytes = Vec::new();
        std::fs::File::from(fd).take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(io::Error::other(format!("more than {FILE_MAX} bytes")));
        }
        Ok(bytes)
    }

    fn open_at(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let relative = match path.trim_start_matches('/') {
            "" => ".",
            relative => relative,
        };
        let flags = flags | OFlags::CLOEXEC;
        let bound = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let opened = match rustix::fs::openat2(&self.dir, relative, flags, Mode::empty(), bound) {
            // A sandbox without openat2. On the running machine nothing leads out of "/".
            Err(Errno::NOSYS | Errno::PERM) if self.live => {
                rustix::fs::openat(&self.dir, relative, flags, Mode::empty())
            }
            other => other,
        };
        if let Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) = opened {
            self.failure.set(Some(errno));
        }
        opened
    }
}

/// Absent, gone while it was read (`ENODEV`, `ENXIO`), or not for us: no reason to warn.
fn is_absence(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(
            Errno::NOENT
                | Errno::NOTDIR
                | Errno::NODEV
                | Errno::NXIO
                | Errno::ACCESS
                | Errno::PERM
                | Errno::ISDIR
        )
    )
}

/// An absolute path without `.`, `..` and empty parts; `..` at the top stays at the top.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Sorts `video2` before `video10`.
pub(super) fn natural(name: &str) -> (String, u64, String) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.get(stem.len()..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    (stem.to_owned(), number, name.to_owned())
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::{Root, natural, normal};
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn paths_become_normal() {
        for (path, expected) in [
            ("/sys/class/x/../../devices/a", "/sys/devices/a"),
            ("/../../etc", "/etc"),
            ("//sys/./a/", "/sys/a"),
            ("", "/"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
        }
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = vec!["video10", "video2", "card1", "video"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["card1", "video", "video2", "video10"]);
    }

    #[test]
    fn links_do_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("passwd"), "inside").unwrap();
        symlink("/passwd", dir.path().join("absolute")).unwrap();
        symlink("../../../../../passwd", dir.path().join("relative")).unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(root.line("/absolute").as_deref(), Some("inside"));
        assert_eq!(root.line("/relative").as_deref(), Some("inside"));
        assert_eq!(root.line("/loop"), None);
        assert_eq!(root.link("/relative").as_deref(), Some("/passwd"));
        assert!(!root.live());
    }

    #[test]
    fn odd_contents_are_warnings() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("bits"), "many\n").unwrap();
        fs::write(dir.path().join("junk"), b"\xff\xfe").unwrap();
        fs::write(dir.path().join("lines"), "a\nb").unwrap();
        fs::write(dir.path().join("huge"), vec![b'x'; (1 << 20) + 1]).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(root.number("/bits"), None);
        for odd in ["/junk", "/lines", "/huge", "/pipe"] {
            assert_eq!(root.line(odd), None, "{odd}");
        }
        assert_eq!(root.line("/absent"), None);
        let warnings = root.finish().unwrap();
        assert_eq!(warnings.len(), 5, "{warnings:?}");
    }

    #[test]
    fn the_running_machine_is_known_as_such() {
        assert!(Root::open(std::path::Path::new("/")).unwrap().live());
        assert!(Root::open(std::path::Path::new("/there-is-none")).is_err());
    }
}
