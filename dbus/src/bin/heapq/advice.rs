//! What a machine without a usable heap lacks, and what would help.

use crate::cli::Global;
use heapq_constraints::Heap;
use std::path::Path;

/// What to say of these heaps, as this process may use them; nothing where one is usable. The nodes
/// of a machine that is not running are not missed.
pub(crate) fn about(heaps: &[Heap], global: &Global) -> Vec<String> {
    if global.described().is_some() || heaps.iter().any(|heap| heap.present && heap.permitted) {
        return Vec::new();
    }
    let root = global.root.as_deref().unwrap_or(Path::new("/"));
    let missing = if heaps.is_empty() {
        of_the_kernel(root.join("sys/class/dma_heap").is_dir()).to_owned()
    } else if global.root.is_some() {
        return Vec::new();
    } else if heaps.iter().any(|heap| heap.present) {
        denied(heaps)
    } else {
        without_nodes(heaps)
    };
    let stand_ins = "`heapq demo` and `heapq alloc --stand-in` work without heaps, on memfds, \
                     which are no dma-bufs";
    vec![missing, stand_ins.to_owned()]
}

fn of_the_kernel(framework: bool) -> &'static str {
    if framework {
        "this kernel has CONFIG_DMABUF_HEAPS and not one heap: CONFIG_DMABUF_HEAPS_SYSTEM gives \
         ordinary, CONFIG_DMABUF_HEAPS_CMA contiguous memory (where they are modules, load them)"
    } else {
        "this kernel has no dma-buf heaps: it takes CONFIG_DMABUF_HEAPS, with \
         CONFIG_DMABUF_HEAPS_SYSTEM for ordinary and CONFIG_DMABUF_HEAPS_CMA for contiguous memory; \
         CONFIG_UDMABUF gives ordinary memory too"
    }
}

fn without_nodes(heaps: &[Heap]) -> String {
    format!(
        "the kernel has {}, and /dev has no node of it: a container must be given the \
         nodes, or the socket of a bus with heapqd on it",
        names(heaps.iter())
    )
}

fn denied(heaps: &[Heap]) -> String {
    format!(
        "this process may not open the node of {}: a running heapqd gives buffers from there \
         to root and the group heapq (see heapq-policy(5))",
        names(heaps.iter().filter(|heap| heap.present))
    )
}

fn names<'a>(heaps: impl Iterator<Item = &'a Heap>) -> String {
    heaps.map(|heap| &*heap.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::about;
    use crate::cli::Cli;
    use clap::Parser;
    use heapq_constraints::Heap;

    fn said(present: bool, permitted: bool, root: Option<&str>) -> String {
        let heap = Heap { present, permitted, ..Heap::new("system") };
        let root = root.map(|root| ["--root", root]);
        let words = ["heapq"].into_iter().chain(root.into_iter().flatten());
        about(&[heap], &Cli::try_parse_from(words).unwrap().global).join("\n")
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        assert_eq!(said(true, true, None), "");
        assert!(said(false, true, None).contains("container"));
        assert!(said(true, false, None).contains("group heapq"));
        assert_eq!(said(false, true, Some("/capture")), "");
    }
}
