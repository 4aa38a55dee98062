//! Questions to heapqd.

use crate::problem::Problem;
use heapq_allocator::{Grant, Outcome};
use heapq_constraints::value::{Node, Table, Value};
use heapq_constraints::{Answer, explain};
use heapq_dbus::client::{Client, Place};
use heapq_dbus::exit::Exit;
use heapq_dbus::wire::Asked;
use heapq_tests::led;
use serde_json::Value as Json;

/// How many buffers, and how large each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) count: u32,
    pub(crate) bytes: u64,
}

/// Buffers that `device` (a node) writes and the CPU reads.
pub(crate) fn for_device(device: &str, amount: Amount) -> Asked {
    let mut camera = participant("camera", "capture");
    camera.push("device", Value::Text(device.to_owned()));
    camera.push("min-count", Value::Integer(amount.count.into()));
    camera.push("min-size", Value::Integer(amount.bytes.into()));
    Asked {
        participants: vec![camera, participant("viewer", "cpu-read")],
        request: Table::default(),
    }
}

/// Buffers from the heap called `heap`, for the CPU.
pub(crate) fn from_heap(heap: &str, amount: Amount) -> Asked {
    let mut user = participant("user", "cpu-write");
    user.push("heaps", Value::List(vec![Node::new(Value::Text(heap.to_owned()))]));
    user.push("min-count", Value::Integer(amount.count.into()));
    user.push("min-size", Value::Integer(amount.bytes.into()));
    Asked { participants: vec![user], request: Table::default() }
}

/// Participants as JSON has them.
pub(crate) fn says(participants: &[Json]) -> Asked {
    let participants = participants.iter().map(led::table).collect();
    Asked { participants, request: Table::default() }
}

pub(crate) fn participant(name: &str, usage: &str) -> Table {
    let mut table = Table::default();
    table.push("name", Value::Text(name.to_owned()));
    table.push("usage", Value::List(vec![Node::new(Value::Text(usage.to_owned()))]));
    table
}

/// The service on the system bus.
pub(crate) async fn service() -> Result<Client, Problem> {
    Ok(Client::connect(Place::System).await?)
}

/// The buffers, or the answer for which there are none.
pub(crate) async fn granted(client: &Client, asked: &Asked) -> Result<Grant, Problem> {
    let outcome = client.allocate(asked).await?;
    let exit = Exit::from(&outcome);
    let text = match outcome {
        Outcome::Granted(grant) => return Ok(grant),
        Outcome::Conflict(answer) => explain::words(&answer).join("\n"),
        Outcome::NoMemory { tried, .. } => format!("no memory: {tried:?}"),
        other @ Outcome::OverQuota { .. } => format!("{other:?}"),
    };
    Err(Problem::Nothing { exit, text })
}

/// The heap that the buffers of a grant came from.
pub(crate) fn heap(grant: &Grant) -> &str {
    heap_of(&grant.answer, grant.candidate).unwrap_or("(no heap)")
}

fn heap_of(answer: &Answer, candidate: usize) -> Option<&str> {
    let heaps = &answer.plan.as_ref()?.candidates.get(candidate)?.heaps;
    heaps.first().map(|name| &**name)
}
