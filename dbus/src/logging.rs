//! Where the daemon's log goes, and how much of it: changeable while it runs.
//!
//! Started by a service manager it speaks the journal's own protocol, so that fields stay fields
//! (`HEAPQ_CLIENT=`, `HEAPQ_HEAP=`, `MESSAGE_ID=`); otherwise it writes lines to standard error.

use rustix::fs::fstat;
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::level_filters::LevelFilter;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::{Identity, Layered};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, reload};

/// Under this name its lines stand in the journal.
pub const IDENTIFIER: &str = "heapqd";

type Filtered = Layered<reload::Layer<LevelFilter, Registry>, Registry>;
type Sink = Box<dyn Layer<Filtered> + Send + Sync>;

/// Where lines can go: the words of `org.freedesktop.LogControl1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The journal, in its own protocol.
    Journal,
    /// Standard error.
    Console,
    /// Nowhere.
    Null,
}

impl Target {
    /// The journal where standard error leads there, else standard error.
    #[must_use]
    pub fn auto() -> Self {
        // The manager says which socket it made; somebody may have put another file in its place.
        let said = std::env::var("JOURNAL_STREAM").ok();
        let here = fstat(io::stderr()).map(|file| format!("{}:{}", file.st_dev, file.st_ino));
        if said.is_some() && said == here.ok() { Self::Journal } else { Self::Console }
    }

    /// The target of that name; `None` for one that this daemon has not.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::auto()),
            "journal" => Some(Self::Journal),
            "console" => Some(Self::Console),
            "null" => Some(Self::Null),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Console => "console",
            Self::Null => "null",
        }
    }

    fn open(self) -> io::Result<Sink> {
        Ok(match self {
            Self::Journal => Box::new(
                tracing_journald::layer()?
                    // Fields bear their names in full: `heapq.heap` is HEAPQ_HEAP.
                    .with_field_prefix(None)
                    .with_syslog_identifier(IDENTIFIER.to_owned())
                    .with_priority_mappings(PriorityMappings {
                        info: Priority::Informational,
                        debug: Priority::Debug,
                        ..PriorityMappings::new()
                    }),
            ),
            Self::Console => console(),
            Self::Null => Box::new(Identity::new()),
        })
    }
}

/// Lines for people with time and colour; for whoever stamps lines by himself without.
fn console() -> Sink {
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .fmt_fields(debug_fn(field));
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        Box::new(lines.without_time())
    } else {
        Box::new(lines)
    }
}

/// One field of a line. Nobody reads a message's id.
fn field(
    writer: &mut Writer<'_>,
    field: &tracing::field::Field,
    value: &dyn fmt::Debug,
) -> fmt::Result {
    match field.name() {
        "message_id" => Ok(()),
        "message" => write!(writer, "{value:?}"),
        name => write!(writer, " {name}={value:?}"),
    }
}

/// The levels of syslog, each with what the daemon then logs.
const LEVELS: [(&str, LevelFilter); 8] = [
    ("emerg", LevelFilter::ERROR),
    ("alert", LevelFilter::ERROR),
    ("crit", LevelFilter::ERROR),
    ("err", LevelFilter::ERROR),
    ("warning", LevelFilter::WARN),
    ("notice", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
];

/// Why the log stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Unchanged {
    /// A word that is none of its levels or targets.
    #[error("\"{word}\" is none of {known}")]
    Unknown {
        /// The word.
        word: String,
        /// Those that there are.
        known: String,
    },
    /// The journal is not there.
    #[error("the journal: {0}")]
    Journal(#[from] io::Error),
    /// The log is already being taken down.
    #[error(transparent)]
    Gone(#[from] reload::Error),
}

/// The log, for those who change it.
#[derive(Clone)]
pub struct Log {
    filter: reload::Handle<LevelFilter, Registry>,
    sink: reload::Handle<Sink, Filtered>,
    now: Arc<Mutex<(&'static str, Target)>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.now()).finish()
    }
}

impl Log {
    /// Starts to log, with `verbose` more than ordinary: 1 debugging, 2 everything.
    #[must_use]
    pub fn start(verbose: u8) -> Self {
        let (level, filter) = match verbose {
            0 => ("info", LevelFilter::INFO),
            1 => ("debug", LevelFilter::DEBUG),
            _ => ("debug", LevelFilter::TRACE),
        };
        let target = Target::auto();
        let (target, opened) = match target.open() {
            Ok(sink) => (target, sink),
            Err(_) => (Target::Console, console()),
        };
        let (filtering, filter) = reload::Layer::new(filter);
        let (writing, sink) = reload::Layer::new(opened);
        tracing_subscriber::registry().with(filtering).with(writing).init();
        Self { filter, sink, now: Arc::new(Mutex::new((level, target))) }
    }

    /// The level, as syslog calls it.
    #[must_use]
    pub fn level(&self) -> &'static str {
        self.now().0
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> Target {
        self.now().1
    }

    /// Logs this level and what is worse.
    ///
    /// # Errors
    /// A word that is no level of syslog.
    pub fn set_level(&self, word: &str) -> Result<(), Unchanged> {
        let mut now = self.now();
        let level = LEVELS.iter().find(|(name, _)| *name == word);
        let (name, filter) = level.ok_or_else(|| Unchanged::Unknown {
            word: word.to_owned(),
            known: LEVELS.map(|(name, _)| name).join(", "),
        })?;
        self.filter.reload(*filter)?;
        now.0 = name;
        Ok(())
    }

    /// Logs there from now on.
    ///
    /// # Errors
    /// A word that is no target of this daemon, or a journal that is not there.
    pub fn set_target(&self, word: &str) -> Result<(), Unchanged> {
        let mut now = self.now();
        let target = Target::named(word).ok_or_else(|| Unchanged::Unknown {
            word: word.to_owned(),
            known: "auto, journal, console, null".to_owned(),
        })?;
        self.sink.reload(target.open()?)?;
        now.1 = target;
        Ok(())
    }

    fn now(&self) -> MutexGuard<'_, (&'static str, Target)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
