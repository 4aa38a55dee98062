//! What is well-formed in a question and probably not meant, so that nothing comes of it in silence.

use crate::problem::Problem;
use crate::session::Session;
use heapq_constraints::Heap;
use heapq_constraints::value::{Table, Value};
use heapq_dbus::wire::Asked;

/// What to say of the question beside its answer: of names in `avoid` that no heap bears. Answers
/// say it of `heaps` and `prefer` themselves.
pub(crate) fn about(asked: &Asked, session: &Session) -> Result<Vec<String>, Problem> {
    let avoided: Vec<&str> = asked.participants.iter().flat_map(avoided).collect();
    if avoided.is_empty() {
        return Ok(Vec::new());
    }
    let heaps = session.heaps()?;
    Ok(avoided.into_iter().filter_map(|name| nameless(name, &heaps)).collect())
}

fn avoided(participant: &Table) -> impl Iterator<Item = &str> {
    let names = match participant.get("avoid").map(|node| &node.value) {
        Some(Value::List(names)) => names.as_slice(),
        _ => &[],
    };
    names.iter().filter_map(|name| match &name.value {
        Value::Text(name) => Some(name.as_str()),
        _ => None,
    })
}

fn nameless(name: &str, heaps: &[Heap]) -> Option<String> {
    if heaps.iter().any(|heap| heap.bears(name)) {
        return None;
    }
    let role = heaps.iter().find(|heap| heap.roles.iter().any(|role| &**role == name));
    let instead = role
        .map(|heap| format!("; it is a role of {}, and only `heaps` takes roles", heap.name))
        .unwrap_or_default();
    Some(format!("no heap here is called {name}: to avoid it changes nothing{instead}"))
}
