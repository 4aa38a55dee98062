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
        self.0.retain_mut(|chunk| {
            let planes = chunk.debt.heaps.len().max(1);
            let all = chunk.buffers.len() / planes;
            let keep = left.min(all);
            left -= keep;
            if keep < all {
                let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
                let frames = (number(keep), number(all));
                chunk.ticket.iter_mut().for_each(|ticket| ticket.keep(frames.0, frames.1));
                let buffers = chunk.buffers.split_off(keep * planes);
                let debt = chunk.debt.split(&chunk.buffers, &buffers, frames);
                gone.extend(debt.map(|debt| Chunk { debt, ticket: None, buffers }));
            }
            !chunk.buffers.is_empty()
        });
        Self(gone)
    }
}
