//! `Wrap` and `OpenHeap`: memory that heapq neither allocates nor counts. Clients pay for it
//! themselves, by their control groups. `Adopt`: memory that is there already, and is counted again.

use crate::error::Error;
use crate::gate::Call;
use crate::service::{Allocator1, receipt};
use crate::wire::Options;
use crate::wire::answer::{self, Dictionary, Reply};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use zbus::Variant;
use zbus::wire::OwnedFd as WireFd;

impl Allocator1 {
    /// `Adopt`.
    pub(crate) async fn adopted(
        &self,
        call: &Arc<Call>,
        buffers: Vec<WireFd>,
        options: Options,
    ) -> Result<Reply, Error> {
        none("Adopt", options)?;
        let buffers = buffers.into_iter().map(OwnedFd::from).collect();
        let turns = self.service().allocations().clone();
        self.ask(call, &turns, move |broker, call| {
            let outcome = broker.adopt(&call.caller, call.session.holder(), buffers)?;
            Ok(outcome.map_or_else(|over| answer::allocated(&over, false), answer::leased))
        })
        .await
    }

    /// `Wrap`.
    pub(crate) async fn wrapped(
        &self,
        call: &Arc<Call>,
        memfd: WireFd,
        options: Options,
    ) -> Result<(WireFd, WireFd), Error> {
        none("Wrap", options)?;
        let cargo = self.room(call, 1, 0).await?;
        let memory = OwnedFd::from(memfd);
        let turns = self.service().allocations().clone();
        let buffer = self.ask(call, &turns, move |broker, call| {
            Ok(broker.wrap(&call.caller, call.session.holder(), &memory)?)
        });
        Ok((buffer.await?.into(), receipt(cargo)?.into()))
    }

    /// `OpenHeap`.
    pub(crate) async fn opened(
        &self,
        call: &Arc<Call>,
        name: &str,
        options: Options,
    ) -> Result<(WireFd, Dictionary), Error> {
        none("OpenHeap", options)?;
        let cargo = self.room(call, 1, 0).await?;
        let name = name.to_owned();
        let turns = self.service().allocations().clone();
        let opened = self.ask(call, &turns, move |broker, call| {
            Ok(broker.open_heap(&call.caller, call.session.holder(), &name)?)
        });
        let opened = opened.await?;
        let said = Dictionary::from([
            ("cgroup", Variant::from(opened.payer.cgroup.to_string())),
            ("limit", Variant::from(opened.payer.bytes)),
            ("receipt", Variant::Fd(receipt(cargo)?.into())),
        ]);
        Ok((opened.node.into(), said))
    }
}

/// There are no options yet.
fn none(method: &str, options: Options) -> Result<(), Error> {
    match options.0?.entries.first() {
        Some(entry) => {
            let complaint = format!("{}: no option of {method}; there are none", entry.key);
            Err(Error::InvalidConstraint(complaint))
        }
        None => Ok(()),
    }
}
