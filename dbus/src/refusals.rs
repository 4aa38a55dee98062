//! What the log says of allocations that were refused, and of clients that were: for the journal, with
//! fields to search by.

use crate::error::Error;
use crate::gate::Call;
use crate::messages;
use heapq_allocator::Outcome;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many lines in so much time; whoever is refused again and again does not fill the log.
const LINES: u32 = 20;
const TIME: Duration = Duration::from_secs(60);

/// Bounds the lines.
static RECENT: Mutex<Option<(Instant, u32)>> = Mutex::new(None);

/// Tells of a right that a caller has not.
pub(crate) fn denied(call: &Call, why: &Error) {
    log(messages::REFUSED, call, "", &why.text());
}

/// Tells of a private connection that came to nothing or was ended.
pub(crate) fn dropped(uid: Option<u32>, why: &dyn fmt::Display) {
    if due() {
        tracing::info!(
            message_id = messages::DROPPED,
            heapq.uid = uid,
            "a private connection: {why}"
        );
    }
}

/// Tells of an allocation that failed, if that is because the caller may not have it.
pub(crate) fn refused(call: &Call, why: &Error) {
    if matches!(why, Error::NotAuthorized(_)) {
        denied(call, why);
    }
}

/// Tells of an allocation that did not come about because the caller may not have more, or because
/// there is no memory. A conflict is an answer for its asker alone.
pub(crate) fn tell(call: &Call, outcome: &Result<Outcome, Error>) {
    match outcome {
        Err(why @ Error::HeapGone(_)) => log(messages::HEAP_GONE, call, "", &why.text()),
        Err(why) => refused(call, why),
        Ok(Outcome::OverQuota { account, what, bound, in_use, asked, .. }) => {
            let why = format!("{account}: {asked} {what} and {in_use} exceed {bound}");
            log(messages::REFUSED, call, "", &why);
        }
        Ok(Outcome::NoMemory { tried, .. }) => {
            let (heaps, whys): (Vec<&str>, Vec<&str>) =
                tried.iter().map(|(heap, why)| (&**heap, why.as_str())).unzip();
            log(messages::REFUSED, call, &heaps.join(" "), &whys.join("; "));
        }
        _ => {}
    }
}

fn log(message: &str, call: &Call, heap: &str, why: &str) {
    if due() {
        tracing::info!(
            message_id = message,
            heapq.client = %call.session.holder().0,
            heapq.uid = call.caller.uid,
            heapq.unit = call.caller.unit.as_deref().unwrap_or_default(),
            heapq.heap = heap,
            "refused: {why}"
        );
    }
}

fn due() -> bool {
    let Ok(mut recent) = RECENT.lock() else { return false };
    let now = Instant::now();
    let (since, lines) = recent.filter(|(since, _)| now - *since < TIME).unwrap_or((now, 0));
    *recent = Some((since, lines.saturating_add(1)));
    lines < LINES
}
