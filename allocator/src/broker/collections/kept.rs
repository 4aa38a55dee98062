//! The buffers of one lease of a collection, with what they cost.

use crate::admission::Ticket;
use crate::ledger::Charge;
use heapq_constraints::Name;
use std::io;
use std::os::fd::OwnedFd;

/// Frames that were allocated together.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) charge: Charge,
    /// Of memory that the kernel takes only when it is touched (stand-ins).
    pub(super) ticket: Option<Ticket>,
    /// Frame by frame, and in a frame plane by plane.
    pub(super) buffers: Vec<OwnedFd>,
    /// The heap of each buffer of a frame.
    pub(super) heaps: Vec<Name>,
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

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().fold(0, |sum, chunk| sum.saturating_add(chunk.charge.bytes()))
    }

    pub(super) fn heaps(&self) -> &[Name] {
        self.0.first().map(|chunk| chunk.heaps.as_slice()).unwrap_or_default()
    }

    /// Duplicates of buffers from index `first` on, `most` of them.
    pub(super) fn fetch(&self, first: usize, most: usize) -> io::Result<Vec<OwnedFd>> {
        let all = self.0.iter().flat_map(|chunk| &chunk.buffers);
        all.skip(first).take(most).map(OwnedFd::try_clone).collect()
    }

    /// Takes away what is beyond the first `frames`, and gives back what it cost.
    pub(super) fn cut(&mut self, frames: u32) -> Vec<OwnedFd> {
        let mut left = usize::try_from(frames).unwrap_or(usize::MAX);
        let mut gone = Vec::new();
        self.0.retain_mut(|chunk| {
            let planes = chunk.heaps.len().max(1);
            let all = chunk.buffers.len() / planes;
            let keep = left.min(all);
            left -= keep;
            if keep < all {
                let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
                chunk.charge.keep(number(keep), number(all));
                chunk.ticket.iter_mut().for_each(|ticket| ticket.keep(number(keep), number(all)));
                gone.extend(chunk.buffers.split_off(keep * planes));
            }
            !chunk.buffers.is_empty()
        });
        gone
    }
}
