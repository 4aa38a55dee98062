//! `contiguous`: or. An edge of the compatibility graph never overrules it.

use crate::HeapSet;
use crate::bits::HeapBits;

/// The heaps that serve a device that does or does not need contiguous memory.
pub(crate) fn allowed(set: &HeapSet, needed: bool) -> HeapBits {
    if needed { set.traits().contiguous } else { set.traits().all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{heaps, named};

    #[test]
    fn only_who_needs_it_excludes() {
        let set = heaps(&[("cma", |h| h.contiguous = true), ("system", |_| {})]);
        assert_eq!(named(&set, allowed(&set, true)), ["cma"]);
        assert_eq!(named(&set, allowed(&set, false)), ["cma", "system"]);
    }
}
