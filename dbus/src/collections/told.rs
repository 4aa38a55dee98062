//! What the owner of a participant is told: the difference between what it knows and what is.
//!
//! Steps in between are left out, so nothing piles up for one who does not read.

use super::{Participant1, now};
use crate::service::Service;
use crate::wire::negotiation;
use heapq_allocator::Holder;
use heapq_allocator::broker::Action;
use heapq_allocator::collection::View;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use zbus::object_server::SignalEmitter;

/// Whose participant it is.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) service: Arc<Service>,
    pub(super) holder: Holder,
    pub(super) seat: u32,
}

impl Owner {
    fn view(&self) -> Option<View> {
        self.service.broker().view(&self.holder, self.seat)
    }

    fn time_passes(&self) {
        // Where it has left meanwhile there is nothing to look after.
        let work = self.service.broker().act(&self.holder, self.seat, Action::Time, now());
        work.into_iter().flatten().for_each(|work| self.service.carry_out(work));
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.service.broker().vacate(&self.holder, self.seat);
    }
}

/// Tells the owner of what happens, until it has left.
pub(super) async fn follow(owner: Owner, emitter: SignalEmitter<'static>, rung: Arc<Notify>) {
    let mut known = Known::default();
    while let Some(view) = owner.view() {
        if let Err(error) = known.catch_up(&view, &emitter).await {
            // It has hung up; that it left will be heard.
            tracing::debug!(%error, client = %owner.holder.0, "a signal was not sent");
        }
        tokio::select! {
            () = rung.notified() => {}
            () = until(view.deadline) => owner.time_passes(),
        }
    }
}

async fn until(deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline.saturating_sub(now())).await,
        None => std::future::pending().await,
    }
}

/// What was told last.
#[derive(Default)]
struct Known {
    /// Generation, and changes of it.
    buffers: Option<(u64, u32)>,
    failures: u32,
}

impl Known {
    async fn catch_up(&mut self, view: &View, emitter: &SignalEmitter<'_>) -> zbus::Result<()> {
        if let Some(buffers) = &view.buffers {
            let now = (buffers.generation, buffers.changes);
            let before = self.buffers.replace(now);
            if let Some((old, _)) = before.filter(|(old, _)| *old != now.0) {
                Participant1::superseded(emitter, old).await?;
            }
            if before != Some(now) {
                Participant1::allocated(emitter, buffers.generation, buffers.lease).await?;
            }
        }
        if let Some((count, failure)) = &view.failure
            && *count != self.failures
        {
            self.failures = *count;
            Participant1::failed(emitter, negotiation::failed(failure)).await?;
        }
        Ok(())
    }
}
