//! `[request]`: what is asked of the answer as a whole.

use super::Invalid;
use super::reader::{Complaints, boolean, integer};
use crate::Request;
use crate::value::{Entry, Table};

pub(super) const KEYS: [&str; 4] = ["seed-count", "strict", "limit-buffer", "limit-total"];

/// Reads `[request]`.
///
/// # Errors
/// All complaints about it, in the order of the source.
pub fn request(table: &Table) -> Result<Request, Vec<Invalid>> {
    let mut complaints = Complaints::new("request");
    let mut request = Request::default();
    for entry in &table.entries {
        if !KEYS.contains(&entry.key.as_str()) {
            complaints.unknown(entry, &KEYS);
            continue;
        }
        let read = property(&mut request, entry);
        complaints.check(entry, read);
    }
    complaints.finish(request)
}

fn property(request: &mut Request, entry: &Entry) -> Result<(), String> {
    let node = &entry.node;
    match entry.key.as_str() {
        "seed-count" => request.seed_count = Some(integer(node, 0)?),
        "strict" => request.strict = boolean(node)?,
        "limit-buffer" => request.limit_buffer = Some(integer(node, 0)?),
        _ => request.limit_total = Some(integer(node, 0)?),
    }
    Ok(())
}
