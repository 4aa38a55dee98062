//! The process that has the device: `heapq probe-subject NODE`, with a socket as its standard input.
//!
//! It answers orders until the other side is gone, however that went: then it puts the device back as
//! it found it. A driver may keep it for ever; that is why it is a process of its own.

use crate::problem::Problem;
use crate::socket::{receive, send};
use heapq_allocator::probe::subject::{Fault, Kept, Offer, Subject, with_length};
use heapq_allocator::probe::{Answer, Way};
use heapq_dbus::exit::Exit;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// What it is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// Say what there is to put back.
    Keep,
    /// Say what the device takes.
    Offers,
    /// Give it the buffers beside this.
    Import(Way),
    /// Put back what was kept.
    Restore(Kept),
}

/// What it says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    Kept(Kept),
    Offers(Vec<Offer>),
    Answer(Answer),
    /// Whether everything is as it was; if not, why.
    Restored(Option<String>),
    Fault(Fault),
}

/// Runs the command.
pub(crate) fn run(node: &Path) -> Result<Exit, Problem> {
    let stdin = io::stdin();
    let mut subject = Subject::open(node);
    loop {
        let (line, buffers) =
            receive(stdin.as_fd()).map_err(Problem::system("hearing what to try"))?;
        // The other side is gone, and `subject` goes with it.
        if line.is_empty() {
            return Ok(Exit::Ok);
        }
        let told = serde_json::from_slice(&line).map_err(io::Error::from);
        let order = told.map_err(Problem::system("hearing what to try"))?;
        let reply = match &mut subject {
            Ok(subject) => obey(subject, order, &buffers),
            Err(fault) => Reply::Fault(fault.clone()),
        };
        let reply = serde_json::to_vec(&reply).map_err(io::Error::from);
        let reply = reply.map_err(Problem::system("saying how it went"))?;
        if send::<OwnedFd>(stdin.as_fd(), &reply, &[]).is_err() {
            return Ok(Exit::Ok);
        }
    }
}

fn obey(subject: &mut Subject, order: Order, buffers: &[OwnedFd]) -> Reply {
    match order {
        Order::Keep => Reply::Kept(subject.kept()),
        Order::Offers => subject.offers().map_or_else(Reply::Fault, Reply::Offers),
        Order::Import(way) => {
            let measured: io::Result<Vec<_>> = buffers.iter().map(with_length).collect();
            Reply::Answer(match measured {
                Ok(buffers) => subject.import(way, &buffers),
                Err(error) => Answer::Unasked(format!("fstat: {error}")),
            })
        }
        Order::Restore(kept) => {
            Reply::Restored(subject.restore(&kept).err().map(|error| error.to_string()))
        }
    }
}
