//! The life of the daemon: everything that it waits for, in one place.

use crate::options::Options;
use crate::{changes, manager};
use heapq_allocator::{Broker, OpenError};
use heapq_dbus::log_control::{self, LogControl1};
use heapq_dbus::logging::Log;
use heapq_dbus::service::Service;
use heapq_dbus::{bus, peer};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Why the daemon cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The machine cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The bus refuses, or is not there.
    #[error("the bus: {0}")]
    Bus(#[from] zbus::Error),
    /// It was there and left.
    #[error("the bus hung up")]
    Disconnected,
    /// The operating system refuses something else.
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}

/// Serves until a signal ends it.
///
/// # Errors
/// What keeps it from serving, at the start or later.
pub(crate) async fn run(options: &Options, service: Arc<Service>, log: Log) -> Result<(), Error> {
    let mut signals = Signals::new().map_err(|error| Error::io("signals", error))?;
    // Before the name: who sees it may connect at once.
    let on_socket = private(options, service.clone())?;
    let on_bus = match options.bus() {
        Some(builder) => {
            let builder = builder.serve_at(log_control::PATH, LogControl1(log));
            Some(bus::serve(service.clone(), builder).await?)
        }
        None => None,
    };
    let on_bus = async {
        match on_bus {
            Some(serving) => serving.run().await.map_err(Error::from).and(Err(Error::Disconnected)),
            None => std::future::pending().await,
        }
    };
    let machine = follow_machine(options, service.clone());
    manager::ready(&status(&service));
    tracing::info!("serving {}", status(&service));
    let reloads = async {
        loop {
            signals.reload.recv().await;
            reload(&service).await;
        }
    };
    let ended = tokio::select! {
        ended = on_bus => ended,
        ended = on_socket => ended,
        () = machine => Ok(()),
        () = reloads => Ok(()),
        () = manager::watchdog() => Ok(()),
        _ = signals.terminate.recv() => Ok(()),
        _ = signals.interrupt.recv() => Ok(()),
    };
    manager::stopping();
    ended
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }
}

fn status(service: &Service) -> String {
    let topology = service.broker().topology();
    let heaps = topology.heaps.heaps().iter().filter(|heap| heap.present).count();
    let stand_in = if service.broker().stand_in() { " (stand-ins)" } else { "" };
    format!("heaps: {heaps}{stand_in}, devices: {}", topology.shown().count())
}

/// Private sockets: the one on standard input, whose end is ours, or those who connect to a path.
fn private(
    options: &Options,
    service: Arc<Service>,
) -> Result<impl Future<Output = Result<(), Error>>, Error> {
    let path = options.p2p.clone();
    let listener = match &path {
        Some(path) if !options.on_stdin() => Some(bind(path)?),
        _ => None,
    };
    let left_behind = listener.is_some().then_some(path).flatten().and_then(SocketFile::of);
    let on_stdin = options.on_stdin();
    Ok(async move {
        let _removed_at_the_end = left_behind;
        if let Some(listener) = listener {
            peer::listen(service, listener).await;
            Ok(())
        } else if on_stdin {
            let inherited = stdin().map_err(|error| Error::io("standard input", error))?;
            let served = peer::serve(service, inherited).await;
            served.map_err(|error| Error::io("the client on standard input", error))
        } else {
            std::future::pending().await
        }
    })
}

/// The file of our socket, removed when this goes, unless another daemon has put its own there.
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn of(path: PathBuf) -> Option<Self> {
        inode(&path).map(|inode| Self { path, inode })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path) == Some(self.inode)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "{} stays behind", self.path.display());
        }
    }
}

fn inode(path: &Path) -> Option<(u64, u64)> {
    let file = std::fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

fn bind(path: &Path) -> Result<tokio::net::UnixListener, Error> {
    peer::bind(path).map_err(|error| Error::io(path.display().to_string(), error))
}

/// Standard input as the socket that whoever started us put there.
fn stdin() -> io::Result<UnixStream> {
    let descriptor: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::net::sockopt::socket_domain(&descriptor)?;
    Ok(UnixStream::from(descriptor))
}

/// Reads the policies again, as [`heapq_dbus::reload`] says, and tells the service manager.
async fn reload(service: &Service) {
    manager::reloading();
    if heapq_dbus::reload::reload(service).await.is_ok() {
        tracing::info!("serving {}", status(service));
    }
    manager::ready(&status(service));
}

/// Has the machine read again whenever it says that something came or went, and tells everybody. Only
/// the running machine says so; for a capture, and where no uevents can be had, this waits for ever.
async fn follow_machine(options: &Options, service: Arc<Service>) {
    if options.root == Path::new("/") {
        let (tell, mut told) = mpsc::channel(1);
        let broker = service.broker().clone();
        let listener = std::thread::Builder::new().name("uevents".into());
        let read = move || rescan(&broker, &tell);
        let listening = listener.spawn(|| changes::listen(read));
        while told.recv().await.is_some() {
            service.publish();
            manager::status(&status(&service));
            tracing::info!("the machine changed: {}", status(&service));
        }
        // Nobody is left who could tell.
        let panicked = |_| Err(io::Error::other("the thread that heard of them panicked"));
        let ended = listening.and_then(|thread| thread.join().unwrap_or_else(panicked));
        if let Err(error) = ended {
            tracing::warn!(%error, "changes of the machine go unnoticed");
        }
    }
    std::future::pending().await
}

/// Whether the machine could be read. Tells where it is another.
fn rescan(broker: &Broker, tell: &mpsc::Sender<()>) -> bool {
    let before = broker.topology().generation;
    match broker.rescan() {
        Ok(topology) => {
            if topology.generation != before {
                // A full channel already says it.
                let _ = tell.try_send(());
            }
            true
        }
        Err(error) => {
            tracing::warn!("the machine cannot be read again: {error}");
            false
        }
    }
}
