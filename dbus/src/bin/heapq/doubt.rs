//! What is well-formed in a question and probably not meant, so that nothing comes of it in silence.

use crate::problem::Problem;
use crate::session::Session;
use heapq_constraints::value::{Node, Table, Value};
use heapq_constraints::{Heap, knows_fourcc};
use heapq_dbus::wire::Asked;

/// What to say of the question beside its answer: of names in `avoid` that no heap bears (answers
/// say it of `heaps` and `prefer` themselves), and of a fourcc in small letters.
pub(crate) fn about(asked: &Asked, session: &Session) -> Result<Vec<String>, Problem> {
    let participants = || asked.participants.iter();
    let formats = participants().flat_map(|participant| list(participant, "format"));
    let mut doubts: Vec<String> = formats.filter_map(misspelt).collect();
    let avoided = participants().flat_map(|participant| list(participant, "avoid"));
    let avoided: Vec<&str> = avoided.filter_map(text).collect();
    if !avoided.is_empty() {
        let heaps = session.heaps()?;
        doubts.extend(avoided.into_iter().filter_map(|name| nameless(name, &heaps)));
    }
    Ok(doubts)
}

fn list<'a>(participant: &'a Table, key: &str) -> &'a [Node] {
    match participant.get(key).map(|node| &node.value) {
        Some(Value::List(values)) => values,
        _ => &[],
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Upper and lower case are different codes: some of V4L2's have small letters, so that none is
/// taken for another.
fn misspelt(format: &Node) -> Option<String> {
    let Value::Table(format) = &format.value else { return None };
    let fourcc = text(format.get("fourcc")?)?;
    let meant = fourcc.to_ascii_uppercase();
    (!knows_fourcc(fourcc) && knows_fourcc(&meant))
        .then(|| format!("no pixel format {fourcc} is known; did you mean {meant}?"))
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
