//! Who may have what: the policies say first; where they are silent, an authority that was asked.

use super::machine::Machine;
use super::payer::Accounts;
use super::{AskError, Broker};
use crate::caller::{Caller, Holder, Verdict};
use crate::lack::lacking;
use heapq_constraints::{Heap, HeapSet, Origin};
use heapq_policies::{Grants, Right, Said, Who};
use std::path::Path;
use std::sync::{Arc, Weak};

/// What the policies say of one user in its groups, until there are others, and the accounts of one
/// holder of the user's.
#[derive(Clone, Debug)]
pub struct Standing {
    holder: Holder,
    accounts: Arc<Accounts>,
    /// Not kept in memory for those who never call again.
    machine: Weak<Machine>,
    grants: Option<Arc<Grants>>,
}

impl Standing {
    pub(super) fn is_on(&self, machine: &Arc<Machine>) -> bool {
        std::ptr::eq(self.machine.as_ptr(), Arc::as_ptr(machine))
    }

    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Those that are bounded as the policies of `machine` say.
    pub(super) fn accounts_on(&self, machine: &Arc<Machine>) -> Option<&Accounts> {
        self.is_on(machine).then_some(&*self.accounts)
    }

    /// Those of `rights` that the policies say nothing of: an authority beside them may.
    #[must_use]
    pub fn silent(&self, rights: &[Right]) -> Vec<Right> {
        let nothing = |right: &Right| {
            self.grants.as_ref().is_some_and(|all| *all.of(*right) == Said::Nothing)
        };
        rights.iter().copied().filter(nothing).collect()
    }

    /// Whether `caller`, who has this standing, has a right; from which heaps they may have buffers,
    /// their plans say.
    ///
    /// # Errors
    /// [`AskError::NotAuthorized`], with who denies it.
    pub fn authorise(&self, caller: &Caller, right: Right) -> Result<(), AskError> {
        self.of(caller).demand(right)
    }

    pub(super) fn of<'a>(&self, caller: &'a Caller) -> Rights<'a> {
        Rights { caller, grants: self.grants.clone() }
    }
}

impl Broker {
    /// What is said of `caller` now, whose buffers `holder` will hold. `known` is what was said of the
    /// same before.
    #[must_use]
    pub fn standing(&self, caller: &Caller, holder: &Holder, known: Option<Standing>) -> Standing {
        let machine = self.machine();
        let known = known.filter(|known| known.is_on(&machine));
        known.unwrap_or_else(|| Standing {
            holder: holder.clone(),
            accounts: Arc::default(),
            machine: Arc::downgrade(&machine),
            grants: self.rights(&machine, caller).grants,
        })
    }

    /// Whether `caller` has a right, likewise.
    ///
    /// # Errors
    /// [`AskError::NotAuthorized`], with who denies it.
    pub fn authorise(&self, caller: &Caller, right: Right) -> Result<(), AskError> {
        self.rights(&self.machine(), caller).demand(right)
    }

    /// The heaps as `caller` may use them: what the policies or, in a process of the caller's own,
    /// the system keep from them is not permitted, and says on whose word.
    #[must_use]
    pub fn heaps(&self, caller: &Caller) -> HeapSet {
        let machine = self.machine();
        self.permitted(&machine, &self.rights(&machine, caller))
    }

    /// What this machine lacks, where this process can use no heap of it, and what would help. Of a
    /// capture the nodes are not missed, of a description nothing.
    #[must_use]
    pub fn lacking(&self) -> Vec<String> {
        let topology = self.topology();
        let there = !topology.heaps.heaps().is_empty();
        let capture = self.config.root != Path::new("/") && there;
        if self.config.board.is_some() || self.stand_in() || capture {
            return Vec::new();
        }
        let heaps = topology.heaps.withholding(|heap| self.heaps.denied(heap));
        lacking(&self.config.root, heaps.heaps())
    }

    pub(super) fn rights<'a>(&self, machine: &Machine, caller: &'a Caller) -> Rights<'a> {
        let grants = (!self.config.privileged).then(|| grants(machine, caller).into());
        Rights { caller, grants }
    }

    /// The heaps as this caller may use them. Cheap where nothing is kept from anybody.
    pub(super) fn permitted(&self, machine: &Machine, rights: &Rights<'_>) -> HeapSet {
        let heaps = &machine.topology.heaps;
        if self.config.privileged {
            return heaps.withholding(|heap| self.heaps.denied(heap));
        }
        match rights.refused(Right::Scarce) {
            Some(origin) => heaps.withholding(|heap| scarce(heap).then(|| origin.clone())),
            None => heaps.clone(),
        }
    }
}

/// What one caller may do.
pub(super) struct Rights<'a> {
    caller: &'a Caller,
    /// `None`: no grants are asked, the operating system decides.
    grants: Option<Arc<Grants>>,
}

impl Rights<'_> {
    /// That the caller has a right.
    pub(super) fn demand(&self, right: Right) -> Result<(), AskError> {
        let Some(origin) = self.refused(right) else { return Ok(()) };
        let why = match origin {
            Origin::Policy { .. } => format!("{origin} denies it"),
            other => other.to_string(),
        };
        Err(AskError::NotAuthorized { who: who(self.caller), deed: right.deed(), why })
    }

    /// Who denies a right; `None`: the caller has it.
    pub(super) fn refused(&self, right: Right) -> Option<Origin> {
        let ungranted = || format!("no [[grant]] lets {} {}", who(self.caller), right.deed());
        match (self.grants.as_ref()?.of(right), self.caller.verdicts.get(&right)) {
            (Said::Yes(_), _) | (Said::Nothing, Some(Verdict::Yes)) => None,
            (Said::No(origin), _) => Some(origin.clone()),
            (Said::Nothing, None) => Some(Origin::Ungranted(ungranted().into())),
            (Said::Nothing, Some(Verdict::No(said))) => {
                Some(Origin::Ungranted(format!("{}, and {said}", ungranted()).into()))
            }
        }
    }
}

fn grants(machine: &Machine, caller: &Caller) -> Grants {
    let groups: Vec<&str> = caller.groups.iter().map(|name| &**name).collect();
    machine.policies.grant(&Who {
        uid: caller.uid,
        user: caller.user.as_deref(),
        gids: &caller.gids,
        groups: &groups,
    })
}

/// Memory of which there is only so much set aside, or that has a purpose.
fn scarce(heap: &Heap) -> bool {
    heap.contiguous || heap.protected || heap.bank.is_some() || !heap.reserved_for.is_empty()
}

fn who(caller: &Caller) -> String {
    match &caller.user {
        Some(user) => format!("user {user}"),
        None => format!("uid {}", caller.uid),
    }
}
