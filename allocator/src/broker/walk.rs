//! Carrying out a plan: its candidates in their order, each whole or not at all.

use super::AskError;
use super::payer::Payer;
use crate::admission::{Admission, Shortage, Ticket};
use crate::caller::Caller;
use crate::heaps::{Heaps, Source};
use crate::ledger::{Charge, OverBound};
use crate::sys::dma_buf::buffer_name;
use heapq_constraints::answer::{Candidate, Plan};
use heapq_constraints::{HeapSet, Name};
use heapq_policies::Right;
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;

/// A plan with all that it takes to carry it out.
pub(crate) struct Walk<'a> {
    pub(crate) heaps: &'a dyn Heaps,
    pub(crate) admission: &'a Admission,
    pub(crate) known: &'a HeapSet,
    pub(crate) plan: &'a Plan,
    /// What the buffers are called.
    pub(crate) name: &'a str,
    /// Who pays for what comes from each heap; `None`: nobody.
    pub(crate) payer: Option<&'a Payer<'a>>,
}

/// What came of it.
pub(crate) enum Found {
    Buffers(Buffers),
    NoMemory(Vec<(Name, String)>),
    OverQuota(Box<OverBound>),
}

pub(crate) struct Buffers {
    pub(crate) candidate: usize,
    pub(crate) buffers: Vec<OwnedFd>,
    pub(crate) tried: Vec<(Name, String)>,
    pub(crate) ticket: Option<Ticket>,
    /// What they cost in the accounts of their heaps.
    pub(crate) charge: Option<Charge>,
}

/// Why a candidate does not work out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    NoMemory,
    OverQuota(Box<OverBound>),
    Gone,
    Denied,
    Other,
}

/// What one candidate came to.
type Attempt = Result<Taken, Failure>;

/// The buffers of one candidate.
struct Taken {
    buffers: Vec<OwnedFd>,
    ticket: Option<Ticket>,
    charge: Option<Charge>,
}

struct Failure {
    cause: Cause,
    text: String,
}

impl Walk<'_> {
    pub(crate) fn run(&self, caller: &Caller) -> Result<Found, AskError> {
        let mut failures: Vec<(Name, Failure)> = Vec::new();
        for (index, candidate) in self.plan.candidates.iter().enumerate() {
            match self.candidate(candidate)? {
                Ok(Taken { buffers, ticket, charge }) => {
                    let tried = failures.into_iter().map(|(heap, why)| (heap, why.text)).collect();
                    return Ok(Found::Buffers(Buffers {
                        candidate: index,
                        buffers,
                        tried,
                        ticket,
                        charge,
                    }));
                }
                Err(failure) => {
                    tracing::info!(heaps = %joined(candidate), why = failure.text, "next candidate");
                    failures.push((joined(candidate), failure));
                }
            }
        }
        conclude(failures, caller)
    }

    /// All buffers of one candidate, or why not. The outer error ends the walk: it is none of the
    /// heap's.
    fn candidate(&self, candidate: &Candidate) -> Result<Attempt, AskError> {
        let charge = match self.charged(candidate) {
            Ok(charge) => charge,
            Err(failure) => return Ok(Err(failure)),
        };
        let ticket = match self.admitted(candidate) {
            Ok(ticket) => ticket,
            Err(shortage) => {
                return Ok(Err(Failure { cause: Cause::NoMemory, text: shortage.to_string() }));
            }
        };
        match self.buffers(candidate) {
            // The kernel counts the memory of a dma-buf from now on, that of a memfd not yet.
            Ok(buffers) => {
                let ticket = ticket.filter(|_| self.heaps.stand_in());
                Ok(Ok(Taken { buffers, ticket, charge }))
            }
            Err(error) => match errno(&error) {
                Some(Errno::MFILE | Errno::NFILE) => {
                    Err(AskError::Io { what: "descriptors for buffers".into(), source: error })
                }
                errno => Ok(Err(Failure { cause: cause(errno), text: error.to_string() })),
            },
        }
    }

    /// A heap of which somebody has too much already is to them as one that is full.
    fn charged(&self, candidate: &Candidate) -> Result<Option<Charge>, Failure> {
        let Some(payer) = self.payer else { return Ok(None) };
        let charge = payer.charge_heaps(self.plan, candidate).map_err(|over| Failure {
            text: format!("{}: {over}", payer.called(&over.account)),
            cause: Cause::OverQuota(Box::new(over)),
        });
        charge.map(Some)
    }

    /// Asks whether memory suffices for what comes from heaps that do not ask themselves.
    fn admitted(&self, candidate: &Candidate) -> Result<Option<Ticket>, Shortage> {
        let mut bytes = 0_u64;
        for (heap, buffer) in candidate.heaps.iter().zip(&self.plan.buffers) {
            let own = self.known.find(heap).is_some_and(|heap| heap.contiguous);
            if !own || self.heaps.stand_in() {
                let frames = buffer.allocation_size.saturating_mul(u64::from(self.plan.count));
                bytes = bytes.saturating_add(frames);
            }
        }
        if bytes == 0 { Ok(None) } else { self.admission.admit(bytes).map(Some) }
    }

    /// On an error, what was allocated so far is closed again.
    fn buffers(&self, candidate: &Candidate) -> io::Result<Vec<OwnedFd>> {
        let sources = self.sources(candidate)?;
        let name = buffer_name(self.name);
        let mut buffers = Vec::new();
        for _ in 0..self.plan.count {
            for (source, buffer) in sources.iter().zip(&self.plan.buffers) {
                buffers.push(source.allocate(buffer.allocation_size, &name)?);
            }
        }
        Ok(buffers)
    }

    /// One open heap for each buffer of a frame.
    fn sources(&self, candidate: &Candidate) -> io::Result<Vec<Box<dyn Source>>> {
        let open = |name: &Name| {
            let heap = self.known.find(name).ok_or(Errno::NOENT)?;
            self.heaps.open(heap)
        };
        candidate.heaps.iter().map(open).collect()
    }
}

fn joined(candidate: &Candidate) -> Name {
    match candidate.heaps.as_slice() {
        [one] => one.clone(),
        several => several.join("+").into(),
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

fn cause(errno: Option<Errno>) -> Cause {
    match errno {
        Some(Errno::NOMEM | Errno::AGAIN | Errno::NOSPC | Errno::DQUOT) => Cause::NoMemory,
        Some(Errno::NODEV | Errno::NOENT | Errno::NXIO | Errno::NOTTY) => Cause::Gone,
        Some(Errno::ACCESS | Errno::PERM) => Cause::Denied,
        _ => Cause::Other,
    }
}

/// No candidate worked out. Which word fits, hangs on what they all have in common.
fn conclude(failures: Vec<(Name, Failure)>, caller: &Caller) -> Result<Found, AskError> {
    let all = |cause| !failures.is_empty() && failures.iter().all(|(_, why)| why.cause == cause);
    if all(Cause::Gone) {
        let heaps = failures.iter().map(|(heap, _)| heap.to_string()).collect();
        return Err(AskError::HeapGone { heaps });
    }
    if all(Cause::Denied) {
        let heaps: Vec<&str> = failures.iter().map(|(heap, _)| &**heap).collect();
        return Err(AskError::NotAuthorized {
            who: format!("uid {}", caller.uid),
            deed: Right::Allocate.deed(),
            why: format!("the system does not let this process open {}", heaps.join(", ")),
        });
    }
    if !failures.iter().any(|(_, why)| why.cause == Cause::NoMemory) {
        let over = failures.iter().find_map(|(_, why)| match &why.cause {
            Cause::OverQuota(over) => Some(over.clone()),
            _ => None,
        });
        if let Some(over) = over {
            return Ok(Found::OverQuota(over));
        }
        if let Some((heap, why)) = failures.iter().find(|(_, why)| why.cause == Cause::Other) {
            let source = io::Error::other(why.text.clone());
            return Err(AskError::Io { what: format!("heap {heap}"), source });
        }
    }
    Ok(Found::NoMemory(failures.into_iter().map(|(heap, why)| (heap, why.text)).collect()))
}
