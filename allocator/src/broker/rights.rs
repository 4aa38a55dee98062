//! Who may have what.

use super::machine::Machine;
use super::{AskError, Broker};
use crate::caller::Caller;
use heapq_constraints::{Heap, HeapSet, Origin};
use heapq_policies::{Grants, Who};

impl Broker {
    /// Whether the policies let `caller` have buffers at all; from which heaps, its plans say.
    ///
    /// # Errors
    /// [`AskError::NotAuthorized`], with the rule that denies it.
    pub fn authorise(&self, caller: &Caller) -> Result<(), AskError> {
        self.granted(&self.machine(), caller).map(drop)
    }

    /// The heaps as `caller` may use them: what the policies or, in a process of the caller's own,
    /// the system keep from them is not permitted, and says on whose word.
    #[must_use]
    pub fn heaps(&self, caller: &Caller) -> HeapSet {
        let machine = self.machine();
        self.permitted(&machine, caller, &self.grants(&machine, caller))
    }

    /// What the policies grant to one whom they grant anything.
    pub(super) fn granted(&self, machine: &Machine, caller: &Caller) -> Result<Grants, AskError> {
        let grants = self.grants(machine, caller);
        if grants.allocate { Ok(grants) } else { Err(not_granted(caller, &grants)) }
    }

    pub(super) fn grants(&self, machine: &Machine, caller: &Caller) -> Grants {
        if self.config.privileged {
            return Grants { allocate: true, scarce: true, ..Grants::default() };
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
    pub(super) fn permitted(&self, machine: &Machine, caller: &Caller, grants: &Grants) -> HeapSet {
        let heaps = &machine.topology.heaps;
        if self.config.privileged {
            return heaps.withholding(|heap| self.heaps.denied(heap));
        }
        if grants.scarce {
            return heaps.clone();
        }
        let ungranted = || Origin::Ungranted(who(caller).into());
        let origin = grants.scarce_origin.clone().unwrap_or_else(ungranted);
        heaps.withholding(|heap| scarce(heap).then(|| origin.clone()))
    }
}

/// Memory of which there is only so much set aside, or that has a purpose.
fn scarce(heap: &Heap) -> bool {
    heap.contiguous || heap.protected || heap.bank.is_some() || !heap.reserved_for.is_empty()
}

fn not_granted(caller: &Caller, grants: &Grants) -> AskError {
    let why = match &grants.origin {
        Some(origin) => format!("{origin} denies it"),
        None => "no [[grant]] names this user or a group of theirs".to_owned(),
    };
    AskError::NotAuthorized { who: who(caller), why }
}

fn who(caller: &Caller) -> String {
    match &caller.user {
        Some(user) => format!("user {user}"),
        None => format!("uid {}", caller.uid),
    }
}
