//! Buffers that a client has from a service that is gone are charged again: to that client, as if it had
//! allocated them now.

use super::leases::Lease;
use super::obtain::{For, debt};
use super::payer::Accounts;
use super::size::{BUFFERS_MAX, Size};
use super::{AskError, Broker, Outcome};
use crate::account::Exported;
use crate::caller::{Caller, Holder};
use crate::ledger::Cost;
use heapq_constraints::{HeapSet, Name};
use heapq_policies::Right;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

/// Why a descriptor is no buffer that can be charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("buffers: number {index} {why}")]
pub struct NoBuffer {
    /// Counted from 0.
    pub index: usize,
    /// What is amiss.
    pub why: String,
}

impl Broker {
    /// Charges `caller` for buffers of heaps of this machine that it has already, and makes a lease
    /// of them; the inner error is an answer, that this would exceed a bound. The descriptors are
    /// closed: what is charged for lives as long as others hold it.
    ///
    /// # Errors
    /// [`AskError::NotAuthorized`], [`AskError::NoBuffer`] for what no heap here made, and
    /// [`AskError::TooMany`].
    pub fn adopt(
        &self,
        caller: &Caller,
        holder: &Holder,
        buffers: Vec<OwnedFd>,
    ) -> Result<Result<u64, Box<Outcome>>, AskError> {
        let arrival = self.leases.arrive(holder);
        self.authorise(caller, Right::Allocate)?;
        let machine = self.machine();
        let found = u64::try_from(buffers.len()).unwrap_or(u64::MAX);
        if found > BUFFERS_MAX {
            let what = "buffers of one request";
            return Err(AskError::TooMany { what, found, bound: BUFFERS_MAX });
        }
        let known = &machine.topology.heaps;
        let costs = costs(known, &buffers, self.stand_in())?;
        let bytes = costs.values().fold(0_u64, |sum, cost| sum.saturating_add(cost.bytes));
        let whom = For { caller, holder, accounts: &Accounts::default() };
        let payer = self.payer(&machine, known, whom);
        let heaps = costs.iter().filter_map(|(heap, cost)| Some((heap.as_ref()?, *cost)));
        let charged = payer.charge(Size { buffers: found, bytes }).and_then(|mut charge| {
            charge.join(payer.charge_each(heaps.clone())?);
            Ok(charge)
        });
        let charge = match charged {
            Ok(charge) => charge,
            Err(over) => return Ok(Err(Box::new(payer.refusal(&over)))),
        };
        let heaps = heaps.map(|(heap, _)| heap.clone()).collect();
        let debt = debt(whom, charge, heaps, &buffers, false)?;
        let lease = Lease { debt, _ticket: None, kept: Vec::new() };
        self.leases.enter(arrival, lease).map(Ok)
    }
}

const NO_STAND_IN: &str = "is no dma-buf, nor a memfd that is sealed with F_SEAL_SHRINK and \
    F_SEAL_GROW, as stand-ins are";

/// What buffers take from each heap; stand-ins are of none.
fn costs(
    heaps: &HeapSet,
    buffers: &[OwnedFd],
    stand_ins: bool,
) -> Result<BTreeMap<Option<Name>, Cost>, AskError> {
    let mut costs: BTreeMap<Option<Name>, Cost> = BTreeMap::new();
    let mut inodes = BTreeSet::new();
    for (index, buffer) in buffers.iter().enumerate() {
        let failed = |source| AskError::Io { what: format!("buffer {index}"), source };
        let refused = |why: String| AskError::NoBuffer(NoBuffer { index, why });
        let exported = Exported::of(buffer).map_err(failed)?;
        let none = if stand_ins { NO_STAND_IN } else { "is no dma-buf" };
        let Exported { by, bytes, inode } = exported.ok_or_else(|| refused(none.to_owned()))?;
        let heap = match by {
            Some(by) => {
                let heap = heaps.find(&by);
                Some(heap.ok_or_else(|| refused(format!("is {by}'s, which is no heap here")))?)
            }
            None if stand_ins => None,
            None => return Err(refused("is a memfd and no dma-buf".to_owned())),
        };
        if bytes == 0 {
            return Err(refused("is empty".to_owned()));
        }
        if !inodes.insert(inode) {
            return Err(refused("is there twice".to_owned()));
        }
        let cost = costs.entry(heap.map(|heap| heap.name.clone())).or_default();
        cost.leases = 1;
        cost.buffers = cost.buffers.saturating_add(1);
        cost.bytes = cost.bytes.saturating_add(bytes);
    }
    if costs.is_empty() {
        return Err(AskError::NoBuffer(NoBuffer { index: 0, why: "is not there".to_owned() }));
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::tests::{caller, limited_on};
    use crate::heaps::{Source, StandIn};

    fn memory(bytes: u64) -> OwnedFd {
        StandIn.allocate(bytes, "heapq:x").unwrap()
    }

    const LIMIT: &str = "[[limit]]\nusers = 7\nbuffers = 3\nbytes = 40960\n";

    #[test]
    fn what_is_adopted_is_charged_to_who_has_it_and_within_bounds() {
        let (broker, _dir) = limited_on(Box::new(StandIn), LIMIT);
        let (ada, holder) = (caller(7, &[], None), Holder::new(":1.1"));
        let adopt = |buffers: &[&OwnedFd]| {
            let copies = buffers.iter().map(|one| one.try_clone().unwrap()).collect();
            broker.adopt(&ada, &holder, copies).unwrap()
        };
        let (one, two) = (memory(4096), memory(8192));
        let lease = adopt(&[&one, &two]).unwrap();
        let [info] = &*broker.usage() else { panic!("{:?}", broker.usage()) };
        assert_eq!((info.lease, info.uid, info.buffers, info.bytes), (lease, 7, 2, 12288));
        // In whatever dimension: refused whole, and nothing is charged.
        for too_much in [&[&memory(1), &memory(1)][..], &[&memory(1 << 20)]] {
            let refused = adopt(too_much).unwrap_err();
            assert!(matches!(*refused, Outcome::OverQuota { .. }), "{refused:?}");
        }
        assert_eq!(broker.usage().len(), 1);
        assert_eq!(broker.more(&holder, lease, 2, 9).unwrap().len(), 0);
        let kept = broker.more(&holder, lease, 0, 9).unwrap_err().to_string();
        assert!(kept.contains("buffer 0 is its client's already"), "{kept}");
        broker.release(&holder, lease).unwrap();
        drop((one, two));
        broker.orphans.look();
        assert!(broker.usage().is_empty());
    }

    #[test]
    fn what_is_no_buffer_is_named_and_charges_nothing() {
        let (broker, _dir) = limited_on(Box::new(StandIn), LIMIT);
        let (ada, holder) = (caller(7, &[], None), Holder::new(":1.1"));
        let one = memory(4096);
        let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        for (buffers, why) in [
            (vec![], "number 0 is not there"),
            (vec![memory(4096), null()], &format!("number 1 {NO_STAND_IN}")),
            (vec![memory(0)], "number 0 is empty"),
            (vec![one.try_clone().unwrap(), one], "number 1 is there twice"),
        ] {
            let refused = broker.adopt(&ada, &holder, buffers).unwrap_err().to_string();
            assert!(refused.ends_with(why), "{refused}");
        }
        let refused =
            costs(&broker.topology().heaps, &[memory(4096)], false).unwrap_err().to_string();
        assert!(refused.ends_with("number 0 is a memfd and no dma-buf"), "{refused}");
        assert!(broker.usage().is_empty());
    }
}
