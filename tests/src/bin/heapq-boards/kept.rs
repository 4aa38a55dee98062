//! The result that is kept, so that a change of the policies shows what it changes.

use crate::Problem;
use std::collections::BTreeSet;
use std::path::Path;

/// Says what differs from the kept result, or keeps the new one; whether they are the same now.
pub(crate) fn compare(path: &Path, new: &str) -> Result<bool, Problem> {
    let fail = |source| Problem::File { path: path.to_owned(), source };
    if std::env::var_os("HEAPQ_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(path, new).map_err(fail)?;
        return Ok(true);
    }
    let kept = std::fs::read_to_string(path).map_err(fail)?;
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (kept.lines().collect(), new.lines().collect());
    old.difference(&new).for_each(|line| println!("- {line}"));
    new.difference(&old).for_each(|line| println!("+ {line}"));
    if old != new {
        println!("the result is not the one of {}: HEAPQ_BLESS=1 keeps it", path.display());
    }
    Ok(old == new)
}
