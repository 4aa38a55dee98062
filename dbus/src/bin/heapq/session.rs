//! Whom the command asks: the daemon, or the same broker in this process.

use crate::advice;
use crate::cli::Global;
use crate::output::note;
use crate::problem::Problem;
use heapq_allocator::{Broker, Caller, Config, Holder, Outcome};
use heapq_constraints::{Answer, Heap};
use heapq_dbus::client::{Client, Failure, Place};
use heapq_dbus::listing;
use heapq_dbus::wire::Asked;
use heapq_policies::render;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tokio::runtime::{Builder, Runtime};

/// Somebody who answers questions and allocates.
pub(crate) enum Session {
    /// The daemon.
    Daemon {
        /// The connection; leases last as long as it does.
        client: Client,
        /// What drives it.
        runtime: Runtime,
    },
    /// A broker in this process.
    Here(Box<Broker>),
}

impl Session {
    /// Connects to the daemon when there is one; else, unless one is demanded, opens the broker
    /// here and says so.
    pub(crate) fn open(global: &Global) -> Result<Self, Problem> {
        let Some(place) = place(global) else { return Self::here(global, false) };
        match Self::daemon(place) {
            Err(Problem::Daemon(Failure::Unreachable { place, .. })) if !demanded(global) => {
                note(format_args!("no daemon on {place}; answering in this process"));
                Self::here(global, false)
            }
            other => other,
        }
    }

    /// Connects to the daemon.
    pub(crate) fn daemon(place: Place) -> Result<Self, Problem> {
        let (client, runtime) = connect(place)?;
        Ok(Self::Daemon { client, runtime })
    }

    /// Opens the broker in this process. Errors in policies are told and do not stop it.
    pub(crate) fn here(global: &Global, stand_in: bool) -> Result<Self, Problem> {
        Ok(Self::Here(Box::new(broker(global, stand_in)?)))
    }

    /// The same without a bus in between, where the daemon allows that.
    pub(crate) fn private(self) -> Self {
        match self {
            Self::Daemon { client, runtime } => {
                Self::Daemon { client: runtime.block_on(client.private()), runtime }
            }
            here @ Self::Here(_) => here,
        }
    }

    /// Who answers, for reports.
    pub(crate) fn via(&self) -> &'static str {
        match self {
            Self::Daemon { .. } => "daemon",
            Self::Here(_) => "in-process",
        }
    }

    /// Tells what this machine lacks, where no heap of it can be used.
    pub(crate) fn advise(&self) {
        if let Self::Here(broker) = self {
            advice::about(broker).iter().for_each(note);
        }
    }

    /// The heaps of the machine that answers.
    pub(crate) fn heaps(&self) -> Result<Vec<Heap>, Problem> {
        match self {
            Self::Daemon { client, runtime } => Ok(runtime.block_on(listing::heaps(client))?),
            Self::Here(broker) => Ok(broker.heaps(&Caller::myself()).heaps().to_vec()),
        }
    }

    /// What would be allocated.
    pub(crate) fn plan(&self, asked: &Asked) -> Result<Answer, Problem> {
        match self {
            Self::Daemon { client, runtime } => Ok(runtime.block_on(client.plan(asked))?),
            Self::Here(broker) => Ok(broker.plan(&Caller::myself(), question(asked)?)?),
        }
    }

    /// Allocates. The buffers are all there, however many.
    pub(crate) fn allocate(&self, asked: &Asked) -> Result<Outcome, Problem> {
        match self {
            Self::Daemon { client, runtime } => Ok(runtime.block_on(client.allocate(asked))?),
            Self::Here(broker) => {
                Ok(broker.allocate(&Caller::myself(), &holder(), question(asked)?)?)
            }
        }
    }
}

/// A daemon at a glance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Service {
    /// Where it answers.
    pub(crate) place: String,
    /// Its version.
    pub(crate) version: String,
    /// Its buffers are no dma-bufs.
    pub(crate) stand_in: bool,
}

impl Service {
    /// What it says of itself.
    pub(crate) fn of(client: &Client, runtime: &Runtime) -> Result<Self, Problem> {
        Ok(Self {
            place: client.place().to_owned(),
            version: runtime.block_on(client.version())?,
            stand_in: runtime.block_on(client.stand_in())?,
        })
    }
}

/// The daemon that would answer; `None` when there is none.
pub(crate) fn service(global: &Global) -> Result<Option<Service>, Problem> {
    match place(global).map(Session::daemon).transpose() {
        Ok(Some(Session::Daemon { client, runtime })) => Service::of(&client, &runtime).map(Some),
        Ok(_) => Ok(None),
        Err(Problem::Daemon(Failure::Unreachable { .. })) if !demanded(global) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The daemon, where one is demanded. For commands that list what everybody can read in /sys: they
/// read it themselves, with more detail, unless another machine's view is asked for.
pub(crate) fn demanded_daemon(global: &Global) -> Result<Option<(Client, Runtime)>, Problem> {
    match place(global).filter(|_| demanded(global)).map(Session::daemon).transpose()? {
        Some(Session::Daemon { client, runtime }) => Ok(Some((client, runtime))),
        _ => Ok(None),
    }
}

fn connect(place: Place) -> Result<(Client, Runtime), Problem> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::system("starting the runtime"))?;
    let client = runtime.block_on(Client::connect(place))?;
    Ok((client, runtime))
}

/// The daemon, for what nobody else knows.
pub(crate) fn daemon_at_hand(global: &Global) -> Result<(Client, Runtime), Problem> {
    connect(place(global).unwrap_or(Place::System))
}

/// Whether an answer by anybody but the daemon would not do: a bus that is named is meant.
fn demanded(global: &Global) -> bool {
    global.daemon || global.session || global.bus.is_some()
}

/// The holder of what this process allocates by itself.
fn holder() -> Holder {
    Holder::new("in-process")
}

fn question(asked: &Asked) -> Result<heapq_constraints::Question, Problem> {
    asked.question().map_err(|complaints| Problem::Malformed(complaints.into()))
}

/// Where to look for a daemon; `None`: nowhere, since the question is about files that only this
/// process was told of, or since nobody wants one.
fn place(global: &Global) -> Option<Place> {
    let elsewhere = global.root.is_some() || global.described().is_some();
    if global.offline || elsewhere || !global.policy_dir.is_empty() {
        return None;
    }
    Some(match &global.bus {
        Some(path) if path.starts_with('/') => Place::Peer(PathBuf::from(path)),
        Some(address) => Place::Address(address.clone()),
        None if global.session => Place::Session,
        None => Place::System,
    })
}

/// The broker of this process: the operating system, not a grant, decides what it may open.
pub(crate) fn broker(global: &Global, stand_in: bool) -> Result<Broker, Problem> {
    let board = global.described();
    let config = Config {
        root: global.root.clone().unwrap_or_else(|| PathBuf::from("/")),
        board,
        policy_dirs: policy_dirs(global),
        stand_in,
        privileged: true,
    };
    let (broker, diagnostics) = Broker::open(config)?;
    for diagnostic in &diagnostics {
        eprintln!("{}", render(diagnostic, false));
    }
    Ok(broker)
}

/// The policy directories that are in force: those named, else the system's, which for another
/// root are that root's.
pub(crate) fn policy_dirs(global: &Global) -> Vec<PathBuf> {
    if !global.policy_dir.is_empty() {
        return global.policy_dir.clone();
    }
    heapq_policies::dirs_below(global.root.as_deref().unwrap_or(Path::new("/")))
}
