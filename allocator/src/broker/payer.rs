//! Whose accounts a request is charged to, and what the policies let each of them come to.

use super::Outcome;
use super::size::Size;
use crate::account::Orphans;
use crate::caller::{Caller, Holder};
use crate::ledger::{Account, Bounds, Charge, Cost, Debtor, Entry, Ledger, OverBound};
use heapq_constraints::answer::{Candidate, Plan};
use heapq_constraints::{Heap, HeapSet, Name};
use heapq_policies::{Limit, Limits, PolicySet, Whose};

/// Who pays for one request.
pub(crate) struct Payer<'a> {
    pub(super) ledger: &'a Ledger,
    /// `None`: no policy bounds this process.
    pub(super) policies: Option<&'a PolicySet>,
    pub(super) heaps: &'a HeapSet,
    pub(super) caller: &'a Caller,
    pub(super) holder: &'a Holder,
    /// Of a user, where no policy says.
    pub(super) bounds: Bounds,
    pub(super) orphans: &'a Orphans,
}

impl Payer<'_> {
    /// Charges a request, from whichever heaps it will be.
    pub(super) fn charge(&self, size: Size) -> Result<Charge, OverBound> {
        let cost = Cost { leases: 1, buffers: size.buffers, bytes: size.bytes };
        let debtors = self.debtors().chain([Debtor::Holder(self.holder.clone())]);
        let entries: Vec<Entry> = debtors.map(|debtor| self.entry(debtor, None, cost)).collect();
        self.charged(|| {
            // The user is the first of the debtors.
            entries.first().map_or(Ok(()), |user| self.outlived(user))?;
            self.ledger.charge(&entries)
        })
    }

    /// Tries to charge; where that exceeds a bound, once more after a look whether memory that the
    /// user owes for has gone meanwhile.
    fn charged(&self, charge: impl Fn() -> Result<Charge, OverBound>) -> Result<Charge, OverBound> {
        charge().or_else(|over| match self.orphans.look_for(self.caller.uid) {
            true => charge(),
            false => Err(over),
        })
    }

    /// That what the user's clients left behind leaves room: a quarter of what the user may have.
    fn outlived(&self, user: &Entry) -> Result<(), OverBound> {
        let quarter = |limit: Option<Limit>| limit.map(|l| Limit { most: l.most / 4, ..l });
        let Limits { leases, buffers, bytes } = user.limits.clone();
        let (leases, buffers, bytes) = (quarter(leases), quarter(buffers), quarter(bytes));
        let account = Account { debtor: Debtor::Orphans(self.caller.uid), heap: None };
        self.ledger.fits(account, user.cost, &Limits { leases, buffers, bytes })
    }

    /// Charges what `candidate` of a plan takes from each of its heaps.
    pub(super) fn charge_heaps(
        &self,
        plan: &Plan,
        candidate: &Candidate,
    ) -> Result<Charge, OverBound> {
        let mut costs: Vec<(&Name, Cost)> = Vec::new();
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
        costs: impl Iterator<Item = (&'n Name, Cost)> + Clone,
    ) -> Result<Charge, OverBound> {
        let of_heap = |(name, cost): (&'n Name, Cost)| {
            let heap = Some((name, self.heaps.find(name)));
            self.debtors().map(move |debtor| self.entry(debtor, heap, cost))
        };
        self.charged(|| self.ledger.charge(costs.clone().flat_map(of_heap)))
    }

    /// Whom policies can bound: all are charged, since a bound may come with the next reload.
    fn debtors(&self) -> impl Iterator<Item = Debtor> {
        let groups = self.caller.gids.iter().map(|gid| Debtor::Group(*gid));
        let unit = self.caller.unit.clone().map(Debtor::Unit);
        [Debtor::User(self.caller.uid)].into_iter().chain(groups).chain(unit)
    }

    fn entry(&self, debtor: Debtor, heap: Option<(&Name, Option<&Heap>)>, cost: Cost) -> Entry {
        let stated = match (self.policies, self.whose(&debtor)) {
            (Some(policies), Some(whose)) => policies.limits(whose, heap.and_then(|(_, it)| it)),
            _ => Limits::default(),
        };
        let built_in = match (&debtor, &heap) {
            (Debtor::User(_), None) => self.bounds.into(),
            (Debtor::Holder(_), None) => Bounds::HOLDER.into(),
            _ => Limits::default(),
        };
        let heap = heap.map(|(name, _)| name.clone());
        Entry { account: Account { debtor, heap }, cost, limits: stated.or(built_in) }
    }

    fn whose<'b>(&'b self, debtor: &'b Debtor) -> Option<Whose<'b>> {
        Some(match debtor {
            Debtor::User(uid) => Whose::User { uid: *uid, name: self.caller.user.as_deref() },
            Debtor::Group(gid) => Whose::Group { gid: *gid, name: self.caller.group_name(*gid) },
            Debtor::Unit(unit) => Whose::Unit(unit),
            Debtor::Orphans(uid) => Whose::User { uid: *uid, name: self.caller.user.as_deref() },
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
