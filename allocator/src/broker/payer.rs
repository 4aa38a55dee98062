//! Whose accounts a request is charged to, and what the policies let each of them come to.

use super::Outcome;
use super::obtain::For;
use super::size::Size;
use crate::account::Orphans;
use crate::ledger::{Account, Bounds, Charge, Cost, Debtor, Ledger, OverBound, Payers};
use heapq_constraints::answer::{Candidate, Plan};
use heapq_constraints::{Heap, HeapSet, Name};
use heapq_policies::{Limits, PolicySet, Whose};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Who pays for one request.
pub(crate) struct Payer<'a> {
    pub(super) ledger: &'a Ledger,
    /// `None`: no policy bounds this process.
    pub(super) policies: Option<&'a PolicySet>,
    pub(super) heaps: &'a HeapSet,
    pub(super) whom: For<'a>,
    /// Of a user, where no policy says.
    pub(super) bounds: Bounds,
    pub(super) orphans: &'a Orphans,
}

/// The accounts of one holder, open since they were first needed, with what the policies of one machine
/// let each come to.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    whole: OnceLock<Arc<Payers>>,
    /// For what comes from each heap.
    of_heaps: Mutex<BTreeMap<Name, Arc<Payers>>>,
}

impl Payer<'_> {
    /// Charges a request, from whichever heaps it will be.
    pub(super) fn charge(&self, size: Size) -> Result<Charge, OverBound> {
        let cost = Cost { leases: 1, buffers: size.buffers, bytes: size.bytes };
        let payers = self.whom.accounts.whole.get_or_init(|| self.open());
        self.charged(|| {
            payers.may_outlive(cost)?;
            // Room for what comes from one heap.
            let mut taken = Vec::with_capacity(2);
            taken.push((payers.clone(), cost));
            self.ledger.charge(taken)
        })
    }

    /// Tries to charge; where that exceeds a bound, once more after a look whether memory that the
    /// user owes for has gone meanwhile.
    fn charged(&self, charge: impl Fn() -> Result<Charge, OverBound>) -> Result<Charge, OverBound> {
        charge().or_else(|over| match self.orphans.look_for(self.whom.caller.uid) {
            true => charge(),
            false => Err(over),
        })
    }

    /// Charges what `candidate` of a plan takes from each of its heaps.
    pub(super) fn charge_heaps(
        &self,
        plan: &Plan,
        candidate: &Candidate,
    ) -> Result<Charge, OverBound> {
        let mut costs: Vec<(&Name, Cost)> = Vec::with_capacity(1);
        for (heap, buffer) in candidate.heaps.iter().zip(&plan.buffers) {
            let frames = u64::from(plan.count);
            let bytes = buffer.allocation_size.saturating_mul(frames);
            match costs.iter_mut().find(|(known, _)| *known == heap) {
                Some((_, cost)) => {
                    cost.buffers = cost.buffers.saturating_add(frames);
                    cost.bytes = cost.bytes.saturating_add(bytes);
                }
                None => costs.push((heap, Cost { leases: 1, buffers: frames, bytes })),
            }
        }
        self.charge_each(costs.iter().copied())
    }

    /// Charges what is taken from each of these heaps.
    pub(super) fn charge_each<'n>(
        &self,
        costs: impl Iterator<Item = (&'n Name, Cost)>,
    ) -> Result<Charge, OverBound> {
        let of_heap = |(heap, cost): (&'n Name, Cost)| (self.of_heap(heap), cost);
        let costs: Vec<(Arc<Payers>, Cost)> = costs.map(of_heap).collect();
        self.charged(|| self.ledger.charge(costs.clone()))
    }

    /// Those who pay for what comes from one heap.
    fn of_heap(&self, name: &Name) -> Arc<Payers> {
        let mut known = self.whom.accounts.of_heaps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payers) = known.get(name) {
            return payers.clone();
        }
        let heap = Some((name, self.heaps.find(name)));
        let all = self.debtors().map(|debtor| self.account(debtor, heap)).collect();
        let payers = self.ledger.open(all, None);
        known.insert(name.clone(), payers.clone());
        payers
    }

    /// Those who pay for every request.
    fn open(&self) -> Arc<Payers> {
        let account = |debtor| self.account(debtor, None);
        let (user, holder) = (self.whom.caller.uid, self.whom.holder.clone());
        // What the user's clients left behind may come to a quarter of what the user may have.
        let (orphans, mut quarter) = account(Debtor::Orphans(user));
        for limit in [&mut quarter.leases, &mut quarter.buffers, &mut quarter.bytes] {
            limit.iter_mut().for_each(|limit| limit.most /= 4);
        }
        let all = self.debtors().map(account).collect();
        self.ledger.open(all, Some([account(Debtor::Holder(holder)), (orphans, quarter)]))
    }

    /// Whom policies can bound: all are charged, since a bound may come with the next reload.
    fn debtors(&self) -> impl Iterator<Item = Debtor> {
        let caller = self.whom.caller;
        let groups = caller.gids.iter().map(|gid| Debtor::Group(*gid));
        let unit = caller.unit.clone().map(Debtor::Unit);
        [Debtor::User(caller.uid)].into_iter().chain(groups).chain(unit)
    }

    /// An account, and what may be in it.
    fn account(&self, debtor: Debtor, heap: Option<(&Name, Option<&Heap>)>) -> (Account, Limits) {
        let stated = match (self.policies, self.whose(&debtor)) {
            (Some(policies), Some(whose)) => policies.limits(whose, heap.and_then(|(_, it)| it)),
            _ => Limits::default(),
        };
        let built_in = match (&debtor, &heap) {
            (Debtor::User(_) | Debtor::Orphans(_), None) => self.bounds.into(),
            (Debtor::Holder(_), None) => Bounds::HOLDER.into(),
            _ => Limits::default(),
        };
        let heap = heap.map(|(name, _)| name.clone());
        (Account { debtor, heap }, stated.or(built_in))
    }

    fn whose<'b>(&'b self, debtor: &'b Debtor) -> Option<Whose<'b>> {
        let caller = self.whom.caller;
        let user = |uid| Whose::User { uid, name: caller.user.as_deref() };
        Some(match debtor {
            Debtor::User(uid) | Debtor::Orphans(uid) => user(*uid),
            Debtor::Group(gid) => Whose::Group { gid: *gid, name: caller.group_name(*gid) },
            Debtor::Unit(unit) => Whose::Unit(unit),
            Debtor::Holder(_) => return None,
        })
    }

    /// The answer to a request that would exceed a bound.
    pub(super) fn refusal(&self, over: &OverBound) -> Outcome {
        Outcome::OverQuota {
            account: self.called(&over.account).into(),
            what: over.what,
            bound: over.bound,
            in_use: over.in_use,
            asked: over.asked,
            origin: over.origin.to_string().into(),
        }
    }

    /// An account in words: `user ada`, `group video in default_cma_region`.
    pub(super) fn called(&self, account: &Account) -> String {
        let either = |kind, name: Option<&str>, id: u32| match name {
            Some(name) => format!("{kind} {name}"),
            None => format!("{kind} {id}"),
        };
        let debtor = match self.whose(&account.debtor) {
            Some(Whose::User { uid, name }) => either("user", name, uid),
            Some(Whose::Group { gid, name }) => either("group", name, gid),
            Some(Whose::Unit(unit)) => format!("unit {unit}"),
            None => "this client".to_owned(),
        };
        match (&account.heap, &account.debtor) {
            (Some(heap), _) => format!("{debtor} in {heap}"),
            (None, Debtor::Orphans(_)) => format!("{debtor}, for what outlived its lease"),
            (None, _) => debtor,
        }
    }
}
