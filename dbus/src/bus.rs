//! The service on a message bus.
//!
//! The name is asked for last, when everything that a client may call is served and we hear of
//! clients that leave. The bus's word of a leaving is the only end that a lease has without the
//! client's doing, so losing the connection to the bus ends the daemon: whoever starts it again
//! begins with empty books, and buffers that clients hold stay theirs.

use crate::authority::Authority;
use crate::objects::Objects;
use crate::peer::follow;
use crate::proxy::{NAME, PATH};
use crate::service::{Allocator1, Prompted, Service};
use heapq_allocator::Topology;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream, ObjectManager, RequestNameFlags};
use zbus::names::BusName;

/// A service that has its name on a bus.
#[derive(Debug)]
pub struct Serving {
    service: Arc<Service>,
    connection: Connection,
    departures: NameOwnerChangedStream,
    topologies: watch::Receiver<Arc<Topology>>,
    shown: Objects,
}

/// Serves `service` on the bus that `builder` leads to.
///
/// # Errors
/// Those of the connection; `NameTaken` when another allocator serves there.
pub async fn serve(service: Arc<Service>, builder: Builder<'_>) -> zbus::Result<Serving> {
    let mut topologies = service.topologies();
    let shown = Objects::of(&topologies.borrow_and_update());
    let builder = builder
        .serve_at(PATH, Prompted(Allocator1::on_bus(service.clone())))
        .serve_at(PATH, ObjectManager);
    let connection = shown.serve(builder).build().await?;
    service.trust(Authority::new(connection.clone()));
    let bus = DBusProxy::new(&connection).await?;
    // Only names that lost their owner: nobody's coming wakes the daemon.
    let departures = bus.receive_name_owner_changed_with_args(&[(2, "")]).await?;
    connection.request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE).await?;
    Ok(Serving { service, connection, departures, topologies, shown })
}

impl Serving {
    /// Follows the bus and the machine until the bus hangs up.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn run(self) -> zbus::Result<()> {
        let Self { service, connection, mut departures, mut topologies, mut shown } = self;
        loop {
            tokio::select! {
                () = connection.closed() => return Ok(()),
                departed = departure(&mut departures) => match departed {
                    Some(name) => service.left_bus(&name),
                    None => return Ok(()),
                },
                changed = topologies.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let topology = topologies.borrow_and_update().clone();
                    shown = follow(&connection, shown, &topology).await?;
                }
            }
        }
    }
}

/// The next connection that left the bus.
async fn departure(departures: &mut NameOwnerChangedStream) -> Option<String> {
    loop {
        let signal = poll_fn(|context| Pin::new(&mut *departures).poll_next(context)).await?;
        // A malformed signal cannot come from a bus; the match rule lets in what has no new owner.
        if let Ok(arguments) = signal.args()
            && let BusName::Unique(name) = arguments.name()
        {
            return Some(name.to_string());
        }
    }
}
