//! The daemon's command line.

use clap::{Args, Parser};
use heapq_allocator::Config;
use std::path::PathBuf;
use zbus::connection::Builder;

/// Allocates buffers that all devices of a pipeline can use, for D-Bus clients
#[derive(Debug, Parser)]
#[command(name = "heapqd", version, max_term_width = 100)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) bus: Bus,

    /// Serve clients that connect to this socket; "-": the one client on standard input. Without
    /// a bus option, on no bus
    #[arg(long, value_name = "PATH")]
    pub(crate) p2p: Option<PathBuf>,

    /// The directory that holds sys, dev and proc
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Read policies from here in place of /usr/share, /run and /etc below the root (repeatable,
    /// lowest first)
    #[arg(long = "policy-dir", value_name = "DIR")]
    pub(crate) policy_dirs: Vec<PathBuf>,

    /// Give plain memory files in place of dma-bufs, and say so in every answer
    #[arg(long)]
    pub(crate) stand_in: bool,

    /// Log more; twice: everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// At most one bus.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct Bus {
    /// Serve on the system bus (default)
    #[arg(long)]
    system: bool,

    /// Serve on the session bus
    #[arg(long)]
    session: bool,

    /// Serve on the bus at this D-Bus address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
}

impl Options {
    /// What to open the broker with.
    pub(crate) fn config(&self) -> Config {
        let policy_dirs = match self.policy_dirs.as_slice() {
            [] => heapq_policies::dirs_below(&self.root),
            named => named.to_vec(),
        };
        let (root, stand_in) = (self.root.clone(), self.stand_in);
        Config { root, policy_dirs, stand_in, ..Config::default() }
    }

    /// The bus to serve on; none when only a private socket was asked for.
    pub(crate) fn bus(&self) -> Option<Builder<'static>> {
        if let Some(address) = &self.bus.address {
            Some(Builder::address(address.as_str()))
        } else if self.bus.session {
            Some(Builder::session())
        } else if self.bus.system || self.p2p.is_none() {
            Some(Builder::system())
        } else {
            None
        }
    }

    /// Whether the one client is on standard input.
    pub(crate) fn on_stdin(&self) -> bool {
        self.p2p.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_those_of_the_root_that_is_looked_at() {
        let dirs = |words: &[&str]| {
            let options = Options::try_parse_from([&["heapqd"], words].concat()).unwrap();
            options.config().policy_dirs
        };
        assert_eq!(dirs(&[]), heapq_policies::default_dirs());
        let captured = dirs(&["--root", "/capture"]);
        assert_eq!(captured.last().unwrap().to_str(), Some("/capture/etc/heapq/policy.d"));
        assert_eq!(dirs(&["--root", "/capture", "--policy-dir", "/x"]), [PathBuf::from("/x")]);
    }

    #[test]
    fn one_bus_at_most_and_the_system_bus_unless_a_socket_was_asked_for() {
        let parse = |words: &[&str]| Options::try_parse_from([&["heapqd"], words].concat());
        assert!(parse(&[]).unwrap().bus().is_some());
        assert!(parse(&["--p2p", "/run/x"]).unwrap().bus().is_none());
        assert!(parse(&["--p2p", "/run/x", "--session"]).unwrap().bus().is_some());
        assert!(parse(&["--system", "--session"]).is_err());
        assert!(parse(&["--p2p", "-"]).unwrap().on_stdin());
    }
}
