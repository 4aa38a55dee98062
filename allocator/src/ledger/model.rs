//! What is owed is the sum of what the charges took that there are, whatever happened before.

use super::*;
use proptest::{collection::vec, prelude::*};

/// Whom a charge is to, and up to what: while there is a lease, and after it.
type Lines = Arc<[Vec<(Account, Limits)>; 2]>;

struct Kept(Charge, Vec<(Lines, Cost)>);

fn open(ledger: &Ledger, who: u8, heap: Option<Name>, most: u64) -> (Arc<Payers>, Lines) {
    let line = |debtor, most| {
        let limits = Bounds { leases: 9, buffers: most, bytes: 20 * most }.into();
        (Account { debtor, heap: heap.clone() }, limits)
    };
    let (uid, holder) = (u32::from(who % 2), Holder::new(format!(":1.{}", who % 4)));
    let always = [Debtor::User(uid), Debtor::Group(1)].map(|debtor| line(debtor, most));
    let lease = [line(Debtor::Holder(holder), most), line(Debtor::Orphans(uid), most / 4)];
    let lease = heap.is_none().then_some(lease);
    let payers = ledger.open(always.to_vec(), lease.clone());
    let lines = [0, 1].map(|at| always.iter().chain(lease.as_ref().map(|it| &it[at])).cloned());
    (payers, Arc::new(lines.map(Iterator::collect)))
}

fn owed(kept: &[Kept], account: &Account) -> Cost {
    let parts = kept.iter().flat_map(|Kept(charge, parts)| {
        parts.iter().map(|(lines, cost)| (&lines[usize::from(charge.orphaned)], cost))
    });
    let theirs = parts.filter(|(lines, _)| lines.iter().any(|(known, _)| known == account));
    theirs.fold(Cost::default(), |sum, (_, cost)| sum.plus_anyhow(*cost))
}

/// What comes of a charge, the same by the ledger and by the charges that there are.
fn charge(ledger: &Ledger, kept: &[Kept], by: &(Arc<Payers>, Lines), cost: Cost) -> Option<Kept> {
    let charged = by.0.may_outlive(cost);
    let charged = charged.and_then(|()| ledger.charge(vec![(by.0.clone(), cost)]));
    let left = |(account, _): &&(Account, Limits)| {
        matches!(account.debtor, Debtor::Orphans(_)) && owed(kept, account) != Cost::default()
    };
    let fits = |(account, limits): &(Account, Limits)| {
        owed(kept, account).plus(cost, limits).map_err(|over| over.of(account.clone())).map(drop)
    };
    let expected = by.1[1].iter().filter(left).chain(&by.1[0]).try_for_each(fits);
    assert_eq!(charged.as_ref().map(drop), expected.as_ref().copied());
    Some(Kept(charged.ok()?, vec![(by.1.clone(), cost)]))
}

proptest! {
    #[test]
    fn what_is_owed_is_what_charges_took(steps in vec(any::<[u8; 4]>(), 1..150)) {
        let (ledger, mut opened, mut kept) = (Ledger::default(), Vec::new(), Vec::<Kept>::new());
        for [what, which, other, n] in steps {
            let (n, heap) = (u64::from(n % 16), (other % 3 > 0).then(|| (other % 3).to_string()));
            let at = |len: usize| usize::from(which).checked_rem(len);
            match (what % 9, at(opened.len()), at(kept.len())) {
                (0 | 1, ..) => opened.push(open(&ledger, which, heap.map(Name::from), 8 * n)),
                (2, Some(at), _) => drop(opened.swap_remove(at)),
                (3 | 4, Some(at), _) => {
                    let cost = Cost { leases: 1, buffers: n, bytes: 12 * n };
                    kept.extend(charge(&ledger, &kept, &opened[at], cost));
                }
                (5, _, Some(at)) => kept[at].0.orphan(),
                (6, _, Some(at)) => drop(kept.swap_remove(at)),
                (7, _, Some(at)) => {
                    let Kept(charge, parts) = kept.swap_remove(at);
                    let mut same = kept.iter_mut().filter(|it| it.0.orphaned == charge.orphaned);
                    if let Some(with) = same.next() {
                        with.0.join(charge);
                        with.1.extend(parts);
                    }
                }
                (8, _, Some(at)) => {
                    let (mut gone, all) = (kept[at].1.clone(), n.max(1));
                    for ((_, stays), (_, goes)) in kept[at].1.iter_mut().zip(&mut gone) {
                        (stays.buffers, stays.bytes) =
                            (goes.buffers / all * (n / 2), goes.bytes / all * (n / 2));
                        *goes = goes.minus(*stays);
                    }
                    let rest = kept[at].0.split(n / 2, all);
                    kept.push(Kept(rest, gone));
                }
                _ => {}
            }
            let there = ledger.lock().clone();
            let lines = kept.iter().flat_map(|it| &it.1).flat_map(|it| it.0.iter().flatten());
            for account in lines.map(|(account, _)| account).chain(there.keys()) {
                let held = there.get(account).map(|held| *lock(held));
                prop_assert_eq!(held, Some(owed(&kept, account)), "{:?}", account);
            }
        }
        drop((opened, kept));
        prop_assert!(ledger.lock().is_empty());
    }
}
