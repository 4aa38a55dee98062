//! `heapqd`: the service as a daemon. What it serves is the library's; here are its start, its
//! signals and its end.

#![forbid(unsafe_code)]

mod changes;
mod manager;
mod options;
mod run;

use clap::Parser;
use heapq_allocator::Broker;
use heapq_dbus::exit::Exit;
use heapq_dbus::logging::Log;
use heapq_dbus::service::{Service, THREADS};
use options::Options;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    let log = Log::start(options.verbose);
    raise_descriptor_limit();
    match start(&options, log) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            tracing::error!("{error}");
            Exit::Failure.into()
        }
    }
}

fn start(options: &Options, log: Log) -> Result<(), run::Error> {
    let (broker, diagnostics) = Broker::open(options.config())?;
    broker.lacking().iter().for_each(|lack| tracing::warn!("{lack}"));
    let service = Service::new(broker, heapq_dbus::reload::report(&diagnostics));
    keep_accounts(&service)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .build()
        .map_err(|error| run::Error::io("the event loop", error))?;
    let ended = runtime.block_on(run::run(options, service, log));
    // An allocation that is under way holds nothing that outlives the process.
    runtime.shutdown_background();
    ended
}

/// A thread of its own gives charges back when the memory is gone: it looks into files of the
/// kernel, for which requests should not have to wait.
fn keep_accounts(service: &Service) -> Result<(), run::Error> {
    let broker = service.broker().clone();
    let keeper = std::thread::Builder::new().name("accounts".into());
    let keeper = keeper.spawn(move || broker.keep_accounts());
    keeper.map(drop).map_err(|error| run::Error::io("the thread that keeps accounts", error))
}

/// Every lease keeps its buffers open, and the limit that a shell leaves (1024) would end service
/// for all after sixty clients.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays at {:?}", limit.current);
    }
}
