//! The buffers of one lease of a collection, with what they cost.

use crate::account::Debt;
use crate::admission::Ticket;
use std::io;
use std::os::fd::OwnedFd;

/// Frames that were allocated together.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) debt: Debt,
    /// Of memory that the kernel takes only when it is touched (stand-ins).
    pub(super) ticket: Option<Ticket>,
    /// Frame by frame, and in a frame plane by plane.
    pub(super) buffers: Vec<OwnedFd>,
}

/// All frames of a lease.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<Chunk>);

impl Kept {
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.0.push(chunk);
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|chunk| chunk.buffers.len()).sum()
    }

    /// What is owed, a part for each time that it grew.
    pub(super) fn debts(&self) -> impl Iterator<Item = &Debt> {
        self.0.iter().map(|chunk| &chunk.debt)
    }

    /// Closes the buffers; what is owed for them goes on.
    pub(super) fn close(self) -> impl Iterator<Item = Debt> {
        self.0.into_iter().map(|chunk| chunk.debt)
    }

    /// Duplicates of buffers from index `first` on, `most` of them.
    pub(super) fn fetch(&self, first: usize, most: usize) -> io::Result<Vec<OwnedFd>> {
        let all = self.0.iter().flat_map(|chunk| &chunk.buffers);
        all.skip(first).take(most).map(OwnedFd::try_clone).collect()
    }

    /// Takes away what is beyond the first `frames`.
    pub(super) fn cut(&mut self, frames: u32) -> Self {
        let mut left = usize::try_from(frames).unwrap_or(usize::MAX);
        let mut gone = Vec::new();
        for mut chunk in std::mem::take(&mut self.0) {
            let all = chunk.frames();
            let keep = left.min(all);
            left -= keep;
            if keep == 0 {
                gone.push(chunk);
                continue;
            }
            gone.extend((keep < all).then(|| chunk.split(keep, all)).flatten());
            self.0.push(chunk);
        }
        Self(gone)
    }
}

impl Chunk {
    fn planes(&self) -> usize {
        self.debt.heaps.len().max(1)
    }

    fn frames(&self) -> usize {
        self.buffers.len() / self.planes()
    }

    /// Keeps the first of `all` frames, one at least; `None`: what is owed for the others is owed here.
    fn split(&mut self, keep: usize, all: usize) -> Option<Self> {
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let frames = (number(keep), number(all));
        self.ticket.iter_mut().for_each(|ticket| ticket.keep(frames.0, frames.1));
        let buffers = self.buffers.split_off(keep * self.planes());
        let debt = self.debt.split(&self.buffers, &buffers, frames)?;
        Some(Self { debt, ticket: None, buffers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Trace;
    use crate::caller::Holder;
    use crate::ledger::{Account, Cost, Debtor, Ledger};
    use heapq_policies::Limits;
    use rustix::event::epoll::{CreateFlags, EventData, EventFlags, add, create};
    use std::time::Instant;

    /// A file that no epoll set takes: one that watches one that watches one ...
    fn unwatchable() -> Vec<OwnedFd> {
        let sets: Vec<OwnedFd> = (0..6).map(|_| create(CreateFlags::CLOEXEC).unwrap()).collect();
        for pair in sets.windows(2) {
            let _ = add(&pair[1], &pair[0], EventData::new_u64(0), EventFlags::empty());
        }
        assert!(Trace::of(&sets).is_err());
        sets
    }

    #[test]
    fn what_cannot_be_told_apart_is_owed_as_a_whole() {
        let ledger = Ledger::default();
        let user = Account { debtor: Debtor::User(7), heap: None };
        let payers = ledger.open(vec![(user.clone(), Limits::default())], None);
        for keep in [0, 1, 5, 6] {
            let cost = Cost { leases: 1, buffers: 6, bytes: 24576 };
            let charge = ledger.charge(vec![(payers.clone(), cost)]).unwrap();
            let buffers = unwatchable();
            let debt = Debt {
                charge,
                trace: Trace::of(&[]).unwrap(),
                lease: 1,
                holder: Holder::new(":1.1"),
                uid: 7,
                pid: None,
                process: None,
                heaps: vec!["cma".into()],
                buffers: 6,
                since: Instant::now(),
            };
            let mut kept = Kept::default();
            kept.push(Chunk { debt, ticket: None, buffers });
            let cut = kept.cut(keep);
            assert_eq!(kept.count(), usize::try_from(keep).unwrap());
            assert_eq!(ledger.owed(&user).bytes, 24576, "{keep} are kept");
            drop((kept, cut));
            assert_eq!(ledger.owed(&user), Cost::default());
        }
    }
}
