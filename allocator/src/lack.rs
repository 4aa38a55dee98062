//! Why a machine has no heap that can be used, and what would help: the one place that knows these
//! causes. A kernel without heaps, a container without their nodes and a user without rights look
//! alike to whoever only finds that there is no memory.

use crate::heaps::Pages;
use heapq_constraints::{Heap, Name};
use std::path::Path;

/// What is missing on the machine whose root is `root`, a sentence each, with what would help; nothing
/// where some of its `heaps` can be used.
#[must_use]
pub fn lacking(root: &Path, heaps: &[Heap]) -> Vec<String> {
    if heaps.iter().any(|heap| heap.present && heap.permitted) {
        return Vec::new();
    }
    if !root.join("sys/class").is_dir() {
        return vec![
            "there is no /sys/class, where the kernel shows its heaps: mount sysfs".to_owned(),
        ];
    }
    let (memfds, nodes): (Vec<&Heap>, Vec<&Heap>) =
        heaps.iter().partition(|heap| Pages::of(&heap.name).is_some());
    vec![of_dma_heaps(root, &nodes), of_udmabuf(&memfds)]
}

fn of_dma_heaps(root: &Path, heaps: &[&Heap]) -> String {
    let denied = heaps.iter().filter(|heap| heap.present);
    let denied: Vec<&Name> = denied.map(|heap| &heap.name).collect();
    if !denied.is_empty() {
        return format!(
            "this process may not open the node of {}: a running heapqd gives buffers from there \
             to root and the group heapq (see heapq-policy(5))",
            joined(&denied)
        );
    }
    if !heaps.is_empty() {
        let names: Vec<&Name> = heaps.iter().map(|heap| &heap.name).collect();
        return format!(
            "the kernel has {}, and /dev/dma_heap has no node of it: a container must be given the \
             nodes, or the socket of a bus with heapqd on it",
            joined(&names)
        );
    }
    if root.join("sys/class/dma_heap").is_dir() {
        return "this kernel has CONFIG_DMABUF_HEAPS and not one heap: CONFIG_DMABUF_HEAPS_SYSTEM \
                gives ordinary, CONFIG_DMABUF_HEAPS_CMA contiguous memory (where they are modules, \
                load them)"
            .to_owned();
    }
    "this kernel has no dma-buf heaps (there is no /sys/class/dma_heap): it takes \
     CONFIG_DMABUF_HEAPS, with CONFIG_DMABUF_HEAPS_SYSTEM for ordinary and CONFIG_DMABUF_HEAPS_CMA \
     for contiguous memory"
        .to_owned()
}

/// What the other source of dma-bufs lacks.
fn of_udmabuf(heaps: &[&Heap]) -> String {
    if heaps.iter().any(|heap| heap.present) {
        "nor may it open /dev/udmabuf, which gives ordinary memory: systemd 257 and later let the \
         user at the seat, others the group kvm"
            .to_owned()
    } else if heaps.is_empty() {
        "nor is there udmabuf, which gives ordinary memory too: it takes CONFIG_UDMABUF (where it is \
         a module, `modprobe udmabuf`)"
            .to_owned()
    } else {
        "nor is there a node /dev/udmabuf, though the kernel has udmabuf: a container must be given \
         it"
        .to_owned()
    }
}

fn joined(names: &[&Name]) -> String {
    names.iter().map(|name| &***name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::lacking;
    use heapq_constraints::Heap;
    use std::fs;

    fn heap(name: &str, present: bool, permitted: bool) -> Heap {
        Heap { present, permitted, ..Heap::new(name) }
    }

    #[test]
    fn causes_are_told_apart() {
        const NOTHING: &[&str] = &[];
        let (class, heaps) = ("sys/class/misc", "sys/class/dma_heap");
        let system = |present, permitted| heap("system", present, permitted);
        let udmabuf = |present, permitted| heap("udmabuf", present, permitted);
        for (dir, heaps, expected) in [
            ("etc", vec![], &["mount sysfs"][..]),
            (class, vec![], &["(there is no /sys/class/dma_heap)", "takes CONFIG_UDMABUF"]),
            (heaps, vec![], &["and not one heap", "takes CONFIG_UDMABUF"]),
            (
                heaps,
                vec![system(false, true)],
                &["kernel has system, and /dev/dma_heap has no", "CONFIG_UDMABUF"],
            ),
            (
                heaps,
                vec![system(true, false)],
                &["may not open the node of system", "CONFIG_UDMABUF"],
            ),
            (
                heaps,
                vec![system(false, true), udmabuf(false, true)],
                &["a container must be given the nodes", "nor is there a node /dev/udmabuf"],
            ),
            (
                class,
                vec![udmabuf(true, false)],
                &["CONFIG_DMABUF_HEAPS", "may it open /dev/udmabuf"],
            ),
            (
                class,
                vec![udmabuf(false, true)],
                &["CONFIG_DMABUF_HEAPS", "nor is there a node /dev/udmabuf"],
            ),
            (class, vec![udmabuf(true, true)], NOTHING),
            (heaps, vec![system(true, false), heap("cma", true, true)], NOTHING),
        ] {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join(dir)).unwrap();
            let said = lacking(root.path(), &heaps);
            assert_eq!(said.len(), expected.len(), "{said:?}");
            for (said, expected) in said.iter().zip(expected) {
                assert!(said.contains(expected), "{said:?}");
            }
        }
    }
}
