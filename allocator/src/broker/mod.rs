//! The one use case: take a question, solve it on the current topology, allocate what the plan
//! says, and keep account of it until it is given back.

mod answer;
mod config;
mod leases;
mod machine;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

pub use answer::{AskError, Grant, LeaseInfo, Outcome, UnknownLease};
pub use config::{Config, OpenError};

use crate::admission::{Admission, Gauge, Meminfo};
use crate::caller::{Caller, Holder};
use crate::heaps::{Heaps, Nodes, StandIn};
use crate::ledger::{Bounds, Ledger, OverBound};
use crate::topology::{Topology, complete};
use heapq_constraints::answer::Plan;
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{Answer, Heap, HeapSet, Question, solve};
use heapq_policies::{Diagnostic, Grants, PolicySet, Who};
use leases::{Lease, Leases};
use machine::Machine;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, RwLock};

/// Most file descriptors in one message of a bus: with 17, dbus-daemon disconnects the sender.
pub const FDS_PER_MESSAGE: usize = 16;
/// Most buffers of one request.
pub const BUFFERS_MAX: u64 = 1024;

/// Serves requests. Cheap to share: all methods take `&self`, and requests keep the topology that
/// they began with.
#[derive(Debug)]
pub struct Broker {
    config: Config,
    machine: RwLock<Arc<Machine>>,
    heaps: Box<dyn Heaps>,
    admission: Admission,
    ledger: Ledger,
    leases: Leases,
}

impl Broker {
    /// Reads policies and machine, and is ready to serve.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read at all. Errors in policy files are diagnostics:
    /// such a file is left out.
    pub fn open(config: Config) -> Result<(Self, Vec<Diagnostic>), OpenError> {
        let heaps: Box<dyn Heaps> =
            if config.stand_in { Box::new(StandIn) } else { Box::new(Nodes::below(&config.root)) };
        // Whatever machine is described: it is this one whose memory is taken.
        Self::with(config, heaps, Meminfo::default())
    }

    fn with(
        config: Config,
        heaps: Box<dyn Heaps>,
        gauge: impl Gauge + 'static,
    ) -> Result<(Self, Vec<Diagnostic>), OpenError> {
        let (machine, diagnostics) = Machine::read(&config)?;
        let memory = gauge.read().map_or(0, |memory| memory.total);
        let broker = Self {
            config,
            machine: RwLock::new(Arc::new(machine)),
            heaps,
            admission: Admission::new(gauge),
            ledger: Ledger::new(Bounds::user(memory)),
            leases: Leases::default(),
        };
        Ok((broker, diagnostics))
    }

    /// What would be allocated. Changes nothing, and needs no grant; heaps that the caller may not
    /// have are `not-permitted`.
    ///
    /// # Errors
    /// What was malformed or unknown. "No heap fits" is an answer.
    pub fn plan(&self, caller: &Caller, question: Question) -> Result<Answer, AskError> {
        let machine = self.machine();
        let grants = self.grants(&machine, caller);
        let question = complete(question, &machine.topology, &machine.policies)?;
        Ok(solve(&self.permitted(&machine, &grants), &question)?)
    }

    /// Solves, charges, allocates. Blocks while the kernel clears memory. Buffers beyond the first
    /// [`FDS_PER_MESSAGE`] are fetched with [`Self::more`].
    ///
    /// # Errors
    /// What was malformed, unknown, not authorised, or failed. A conflict, a lack of memory and a
    /// full quota are outcomes.
    pub fn allocate(
        &self,
        caller: &Caller,
        holder: &Holder,
        question: Question,
    ) -> Result<Outcome, AskError> {
        // From here on a holder that leaves is noticed.
        let arrival = self.leases.arrive(holder);
        let machine = self.machine();
        let grants = self.grants(&machine, caller);
        if !grants.allocate {
            return Err(not_granted(caller, &grants));
        }
        let name = question.participants.first().map(|one| one.name.clone());
        let question = complete(question, &machine.topology, &machine.policies)?;
        let heaps = self.permitted(&machine, &grants);
        let answer = solve(&heaps, &question)?;
        let Some(plan) = answer.plan.clone() else { return Ok(Outcome::Conflict(answer)) };
        let size = Size::of(&plan)?;
        let charge = match self.ledger.charge(caller.uid, holder, size.buffers, size.bytes) {
            Ok(charge) => charge,
            Err(OverBound { what, bound, in_use, asked }) => {
                return Ok(Outcome::OverQuota { what, bound, in_use, asked });
            }
        };
        let walk = walk::Walk {
            heaps: &*self.heaps,
            admission: &self.admission,
            known: &heaps,
            plan: &plan,
            name: name.as_deref().unwrap_or_default(),
        };
        let found = match walk.run(caller)? {
            walk::Found::Buffers(found) => found,
            walk::Found::NoMemory(tried) => return Ok(Outcome::NoMemory { answer, tried }),
        };
        let chosen = plan.candidates.get(found.candidate);
        let lease = Lease {
            charge,
            _ticket: found.ticket,
            uid: caller.uid,
            pid: caller.pid,
            heaps: chosen.map(|candidate| candidate.heaps.clone()).unwrap_or_default(),
            buffers: u32::try_from(size.buffers).unwrap_or(u32::MAX),
            further: Vec::new(),
        };
        let total_buffers = lease.buffers;
        let (lease, buffers) = self.leases.keep(arrival, lease, found.buffers)?;
        Ok(Outcome::Granted(Grant {
            lease,
            answer,
            candidate: found.candidate,
            buffers,
            total_buffers,
            fallback_from: found.tried,
            stand_in: self.stand_in(),
        }))
    }

    /// The next buffers of a lease, from index `first` on, at most [`FDS_PER_MESSAGE`]; none when
    /// `first` is past the last. Those that came with the grant are not kept.
    ///
    /// # Errors
    /// A lease that `holder` does not hold, or no file descriptors left.
    pub fn more(&self, holder: &Holder, lease: u64, first: u32) -> Result<Vec<OwnedFd>, AskError> {
        self.leases.more(holder, lease, first)
    }

    /// Ends a lease.
    ///
    /// # Errors
    /// A lease that `holder` does not hold.
    pub fn release(&self, holder: &Holder, lease: u64) -> Result<(), UnknownLease> {
        self.leases.release(holder, lease)
    }

    /// Ends all leases of a holder that left, those that are being made for it included.
    pub fn left(&self, holder: &Holder) {
        self.leases.left(holder);
    }

    /// The machine as the next request will see it.
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.machine().topology)
    }

    /// The policies that apply.
    #[must_use]
    pub fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.machine().policies)
    }

    /// Whether buffers are plain memfds and no dma-bufs.
    #[must_use]
    pub fn stand_in(&self) -> bool {
        self.heaps.stand_in()
    }

    /// Reads the machine again. The generation counts up only when something is different.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read; the topology stays.
    pub fn rescan(&self) -> Result<Arc<Topology>, OpenError> {
        let before = self.machine();
        if let Some(now) = before.rescanned(&self.config)? {
            *self.machine.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        }
        Ok(self.topology())
    }

    /// Reads the policies again, then the machine.
    ///
    /// # Errors
    /// [`OpenError`] when the machine cannot be read; policies and topology stay.
    pub fn reload(&self) -> Result<Vec<Diagnostic>, OpenError> {
        let (now, diagnostics) = self.machine().reloaded(&self.config)?;
        *self.machine.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        Ok(diagnostics)
    }

    /// All leases, in the order of their numbers.
    #[must_use]
    pub fn usage(&self) -> Vec<LeaseInfo> {
        self.leases.list()
    }

    fn machine(&self) -> Arc<Machine> {
        Arc::clone(&self.machine.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn grants(&self, machine: &Machine, caller: &Caller) -> Grants {
        if self.config.privileged {
            return Grants { allocate: true, scarce: true, origin: None };
        }
        let groups: Vec<&str> = caller.groups.iter().map(|name| &**name).collect();
        machine.policies.grant(&Who {
            uid: caller.uid,
            user: caller.user.as_deref(),
            gids: &caller.gids,
            groups: &groups,
        })
    }

    /// The heaps as this caller may use them. Cheap where nothing is kept from anybody.
    fn permitted(&self, machine: &Machine, grants: &Grants) -> HeapSet {
        if grants.scarce {
            machine.topology.heaps.clone()
        } else {
            machine.topology.heaps.permitting(|heap| !scarce(heap))
        }
    }
}

/// Memory of which there is only so much set aside, or that has a purpose.
fn scarce(heap: &Heap) -> bool {
    heap.contiguous || heap.protected || heap.bank.is_some() || !heap.reserved_for.is_empty()
}

fn not_granted(caller: &Caller, grants: &Grants) -> AskError {
    let who = match &caller.user {
        Some(user) => format!("user {user}"),
        None => format!("uid {}", caller.uid),
    };
    let why = match &grants.origin {
        Some(origin) => format!("{origin} denies it"),
        None => "no [[grant]] names this user or a group of theirs".to_owned(),
    };
    AskError::NotAuthorized { who, why }
}

/// How much a plan takes in all.
#[derive(Clone, Copy)]
struct Size {
    buffers: u64,
    bytes: u64,
}

impl Size {
    fn of(plan: &Plan) -> Result<Self, AskError> {
        if plan.size_assumed {
            let modifier = plan.modifier.as_deref().unwrap_or("?");
            return Err(AskError::from(Invalid {
                key: "min-size".to_owned(),
                value: "(absent)".to_owned(),
                rule: format!("nobody knows what the layout {modifier} takes: state min-size"),
                at: None,
            }));
        }
        let too_many = |what, found, bound| AskError::TooMany { what, found, bound };
        let frame = u64::try_from(plan.buffers.len()).unwrap_or(u64::MAX);
        let buffers = frame.saturating_mul(u64::from(plan.count));
        if buffers > BUFFERS_MAX {
            return Err(too_many("buffers of one request", buffers, BUFFERS_MAX));
        }
        let sizes = plan.buffers.iter().map(|buffer| buffer.allocation_size);
        let frame = sizes.fold(0_u64, u64::saturating_add);
        let bytes = frame.checked_mul(u64::from(plan.count));
        let bytes =
            bytes.ok_or_else(|| too_many("bytes of one request", u64::MAX, u64::MAX - 1))?;
        Ok(Self { buffers, bytes })
    }
}
