//! Finds and reads policy files: the only place of this crate that touches the file system.

use crate::check::{self, Source};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::document::MAX_BYTES;
use crate::set::PolicySet;
use crate::shipped;
use heapq_constraints::value::Place;
use heapq_constraints::{MAX_EDGES, Name};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most entries of one directory that are looked at.
const MAX_ENTRIES: usize = 4096;

/// What came of loading: always a usable set, with what had to be left out of it.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rules of all files that are right.
    pub set: PolicySet,
    /// What is wrong with the others, by file name.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that takes part, by file name.
    pub files: Vec<PolicyFile>,
}

/// One file name, over all layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// `10-generic.toml`: what decides order and replacement.
    pub name: Name,
    /// The file as found; `builtin:10-generic.toml` for one that is compiled in.
    pub path: Name,
    /// What became of it.
    pub state: FileState,
    /// Files of lower layers that it replaces, lowest first.
    pub replaces: Vec<Name>,
}

/// What became of a policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its rules are in the set.
    Used,
    /// It is empty or a link to /dev/null, and so switches off what it replaces.
    Masked,
    /// Something is wrong with it; none of its rules is in the set, nor what it replaces.
    LeftOut,
}

/// The directories of the running system, lowest layer first.
#[must_use]
pub fn default_dirs() -> Vec<PathBuf> {
    dirs_below(Path::new("/"))
}

/// Those of the system whose root is `root`: a capture or an image brings its own policies, and
/// those of the machine that looks at it do not count.
#[must_use]
pub fn dirs_below(root: &Path) -> Vec<PathBuf> {
    let tops = ["usr/share", "run", "etc"];
    tops.iter().map(|top| root.join(top).join("heapq/policy.d")).collect()
}

/// Loads the compiled-in files and those of `dirs`, lowest layer first. Directories that do not
/// exist hold nothing. Names that do not end in `.toml` or begin with a dot are passed over.
#[must_use]
pub fn load(dirs: &[PathBuf]) -> Loaded {
    let mut loaded = Loaded::default();
    let mut names: BTreeMap<Name, Vec<Layer>> = BTreeMap::new();
    for (name, text) in shipped::FILES {
        names.entry((*name).into()).or_default().push(Layer::Builtin(text));
    }
    for dir in dirs {
        for (name, path) in scan(dir, &mut loaded.diagnostics) {
            names.entry(name).or_default().push(Layer::File(path));
        }
    }
    for (name, mut layers) in names {
        if let Some(top) = layers.pop() {
            let replaces = layers.iter().map(|layer| layer.shown(&name)).collect();
            loaded.take(name, &top, replaces);
        }
    }
    loaded
}

/// Reads single files, each by itself, in the order given.
#[must_use]
pub fn load_files(files: &[PathBuf]) -> Loaded {
    let mut loaded = Loaded::default();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into();
        loaded.take(name, &Layer::File(file.clone()), Vec::new());
    }
    loaded
}

/// Where one of the files of a name stands.
enum Layer {
    Builtin(&'static str),
    File(PathBuf),
}

/// A file that is there and readable.
enum Content {
    Text(String),
    Mask,
}

impl Layer {
    fn shown(&self, name: &str) -> Name {
        match self {
            Self::Builtin(_) => format!("builtin:{name}").into(),
            Self::File(path) => path.to_string_lossy().into(),
        }
    }
}

impl Loaded {
    fn take(&mut self, name: Name, layer: &Layer, replaces: Vec<Name>) {
        let path = layer.shown(&name);
        let content = match layer {
            Layer::Builtin(text) => Ok(Content::Text((*text).to_owned())),
            Layer::File(file) => read(file, &path),
        };
        let checked = match content {
            Ok(Content::Mask) => Ok(None),
            Ok(Content::Text(text)) => check::check(&Source::new(Name::clone(&path), &text))
                .and_then(|set| self.within_bounds(&path, set))
                .map(Some),
            Err(diagnostic) => Err(vec![*diagnostic]),
        };
        let state = match checked {
            Ok(None) => FileState::Masked,
            Ok(Some(set)) => {
                self.set.append(set);
                FileState::Used
            }
            Err(mut diagnostics) => {
                if let Some(last) = diagnostics.last_mut() {
                    last.last_of_unused = true;
                }
                self.diagnostics.extend(diagnostics);
                FileState::LeftOut
            }
        };
        self.files.push(PolicyFile { name, path, state, replaces });
    }
}

impl Loaded {
    /// A graph takes so many edges and no more: one file too many must not stop the others.
    fn within_bounds(&self, path: &Name, set: PolicySet) -> Result<PolicySet, Vec<Diagnostic>> {
        let edges = self.set.edges.len().saturating_add(set.edges.len());
        if edges <= MAX_EDGES {
            return Ok(set);
        }
        let message =
            format!("with it there are {edges} `[[compatibility]]` tables; at most {MAX_EDGES}");
        Err(vec![whole(path, Code::TooLarge, message)])
    }
}

/// The policy files of a directory.
fn scan(dir: &Path, diagnostics: &mut Vec<Diagnostic>) -> Vec<(Name, PathBuf)> {
    let shown: Name = dir.to_string_lossy().into();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            diagnostics.push(unreadable(&shown, &error));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (count, entry) in entries.enumerate() {
        if count == MAX_ENTRIES {
            let message = format!("more than {MAX_ENTRIES} entries; the rest is not looked at");
            diagnostics.push(whole(&shown, Code::TooManyFiles, message));
            break;
        }
        match entry {
            Ok(entry) => found.extend(candidate(&entry.path(), diagnostics)),
            Err(error) => diagnostics.push(unreadable(&shown, &error)),
        }
    }
    found
}

fn candidate(path: &Path, diagnostics: &mut Vec<Diagnostic>) -> Option<(Name, PathBuf)> {
    let name = path.file_name()?;
    let bytes = name.as_bytes();
    if bytes.starts_with(b".") || !bytes.ends_with(b".toml") {
        return None;
    }
    if let Some(name) = name.to_str() {
        return Some((name.into(), path.to_owned()));
    }
    let shown: Name = path.to_string_lossy().into();
    let message = "the file's name is not UTF-8".to_owned();
    diagnostics.push(whole(&shown, Code::NameNotUtf8, message));
    None
}

fn read(path: &Path, shown: &Name) -> Result<Content, Box<Diagnostic>> {
    let io = |error: io::Error| Box::new(unreadable(shown, &error));
    if fs::canonicalize(path).map_err(io)? == Path::new("/dev/null") {
        return Ok(Content::Mask);
    }
    // Asked before it is opened: to open a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a directory" } else { "no regular file" };
        let message = format!("{kind} where a policy file should be");
        return Err(Box::new(whole(shown, Code::NotAFile, message)));
    }
    let mut bytes = Vec::new();
    // The size may be anything by now; one byte above the bound is enough to know.
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path).map_err(io)?.take(bound).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes; at most {MAX_BYTES} are read", metadata.len());
        return Err(Box::new(whole(shown, Code::TooLarge, message)));
    }
    if bytes.is_empty() {
        return Ok(Content::Mask);
    }
    String::from_utf8(bytes).map(Content::Text).map_err(|error| Box::new(not_text(shown, &error)))
}

fn unreadable(shown: &Name, error: &io::Error) -> Diagnostic {
    whole(shown, Code::Unreadable, format!("cannot be read: {error}"))
}

/// A complaint about a file or directory as a whole.
fn whole(shown: &Name, code: Code, message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        file: Name::clone(shown),
        line: 0,
        message,
        help: None,
        last_of_unused: false,
        excerpt: None,
    }
}

fn not_text(shown: &Name, error: &std::string::FromUtf8Error) -> Diagnostic {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    let at = Place { start: at, end: at.saturating_add(1) };
    let message = format!("not UTF-8 from byte {} on", at.start);
    Diagnostic {
        line: crate::document::line(&text, at),
        excerpt: Some((at, Arc::from(text))),
        ..whole(shown, Code::NotUtf8, message)
    }
}
