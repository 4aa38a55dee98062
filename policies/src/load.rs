//! Finds and reads policy files: the only place of this crate that touches the file system.

use crate::check::{self, Source, cross};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::MAX_BYTES;
use crate::layering;
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
    /// Its text, where there is one.
    pub(crate) source: Option<Arc<Source>>,
}

impl PolicyFile {
    /// Its text, where it has one that could be read.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.text())
    }
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
    loaded.diagnostics.extend(layering::idle_masks(&loaded.files));
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
pub(crate) enum Content {
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

    fn read(&self, shown: &Name) -> Result<Content, Box<Diagnostic>> {
        match self {
            Self::Builtin(text) => Ok(Content::Text((*text).to_owned())),
            Self::File(path) => read(path, shown),
        }
    }
}

impl Loaded {
    /// What no file shows by itself: rules that do not go together, and files that hide others. For
    /// somebody who looks at policies; a service need not know.
    #[must_use]
    pub fn review(&self) -> Vec<Diagnostic> {
        let mut said = cross::check(&self.set, &self.files);
        said.extend(layering::hidden(&self.files));
        said
    }

    fn take(&mut self, name: Name, layer: &Layer, replaces: Vec<Name>) {
        let path = layer.shown(&name);
        let mut file = PolicyFile { name, path, state: FileState::LeftOut, replaces, source: None };
        match layer.read(&file.path) {
            Ok(Content::Mask) => file.state = FileState::Masked,
            Ok(Content::Text(text)) => self.check(&mut file, &text),
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
        if file.state == FileState::LeftOut
            && let Some(last) = self.diagnostics.last_mut()
        {
            last.last_of_unused = true;
        }
        self.files.push(file);
    }

    /// Adds the rules of a file, unless something is wrong with it.
    fn check(&mut self, file: &mut PolicyFile, text: &str) {
        let source = Source::new(Name::clone(&file.path), text);
        let (set, diagnostics) = check::check(&source);
        file.source = Some(Arc::new(source));
        self.diagnostics.extend(diagnostics);
        let Some(set) = set else { return };
        match self.within_bounds(&file.path, &set) {
            Ok(()) => {
                self.set.append(set);
                file.state = FileState::Used;
            }
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
    }

    /// A graph takes so many edges and no more: one file too many must not stop the others.
    fn within_bounds(&self, path: &Name, set: &PolicySet) -> Result<(), Box<Diagnostic>> {
        let edges = self.set.edges.len().saturating_add(set.edges.len());
        if edges <= MAX_EDGES {
            return Ok(());
        }
        let message =
            format!("with it there are {edges} `[[compatibility]]` tables; at most {MAX_EDGES}");
        Err(Box::new(Diagnostic::whole(Code::TooLarge, path, message)))
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
            diagnostics.push(Diagnostic::whole(Code::TooManyFiles, &shown, message));
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
    let message = "the file's name is not UTF-8";
    let said = Diagnostic::whole(Code::NameNotUtf8, &shown, message).with_help("rename it");
    diagnostics.push(said);
    None
}

pub(crate) fn read(path: &Path, shown: &Name) -> Result<Content, Box<Diagnostic>> {
    let io = |error: io::Error| Box::new(unreadable(shown, &error));
    if fs::canonicalize(path).map_err(io)? == Path::new("/dev/null") {
        return Ok(Content::Mask);
    }
    // Asked before it is opened: to open a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a directory" } else { "no regular file" };
        let message = format!("{kind} where a policy file should be");
        let help = "put files directly into the directory of policies, and call others differently";
        let said = Diagnostic::whole(Code::NotAFile, shown, message).with_help(help);
        return Err(Box::new(said));
    }
    let mut bytes = Vec::new();
    // The size may be anything by now; one byte above the bound is enough to know.
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path).map_err(io)?.take(bound).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes; at most {MAX_BYTES} are read", metadata.len());
        let said =
            Diagnostic::whole(Code::TooLarge, shown, message).with_help("make it several files");
        return Err(Box::new(said));
    }
    if bytes.is_empty() {
        return Ok(Content::Mask);
    }
    String::from_utf8(bytes).map(Content::Text).map_err(|error| Box::new(not_text(shown, &error)))
}

fn unreadable(shown: &Name, error: &io::Error) -> Diagnostic {
    Diagnostic::whole(Code::Unreadable, shown, format!("cannot be read: {error}"))
}

fn not_text(shown: &Name, error: &std::string::FromUtf8Error) -> Diagnostic {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    let at = Place { start: at, end: at.saturating_add(1) };
    let message = format!("not UTF-8 from byte {} on", at.start);
    Diagnostic {
        line: crate::document::line(&text, at),
        help: Some("save the file as UTF-8".to_owned()),
        excerpt: Some((at, Arc::from(text))),
        ..Diagnostic::whole(Code::NotUtf8, shown, message)
    }
}
