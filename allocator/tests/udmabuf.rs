//! Machines with `/dev/udmabuf`: which heaps it is, and when they are chosen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod tree;

use heapq_allocator::Topology;
use heapq_allocator::discover::{assemble, snapshot};
use heapq_constraints::{Constraint, Fact, Origin, Participant, Question, solve};
use tree::Tree;

fn topology(tree: &Tree) -> Topology {
    assemble(&tree.read(), &heapq_policies::load(&[]).set, 1).unwrap()
}

/// An arm64 machine as Debian's kernels make it: no class `dma_heap`.
fn without_heaps() -> Tree {
    let tree = Tree::new("aarch64");
    tree.file("/sys/devices/virtual/misc/udmabuf/dev", "10:125\n");
    tree.link("/sys/class/misc/udmabuf", "../../devices/virtual/misc/udmabuf");
    tree.file("/sys/module/udmabuf/parameters/size_limit_mb", "64\n");
    tree.file("/dev/udmabuf", "");
    tree.ram(&[(0x4000_0000, 0x8000_0000)]);
    tree
}

fn huge_pages(tree: &Tree, pages: &str) {
    let pool = "/sys/kernel/mm/hugepages/hugepages-2048kB";
    tree.file(&format!("{pool}/nr_hugepages"), pages);
    tree.file(&format!("{pool}/nr_overcommit_hugepages"), "0\n");
}

/// The heaps that would serve somebody who needs so many bytes, best first.
fn chosen(tree: &Tree, bytes: u64, contiguous: bool) -> Vec<String> {
    let constraints = [Constraint::MinSize(bytes), Constraint::Contiguous(contiguous)];
    let mut participant = Participant::new("p");
    participant.facts =
        constraints.map(|constraint| Fact { constraint, origin: Origin::Client }).into();
    let question = Question { participants: vec![participant], ..Question::default() };
    let answer = solve(&topology(tree).heaps, &question).unwrap();
    let candidates = answer.plan.map(|plan| plan.candidates).unwrap_or_default();
    candidates.iter().map(|one| one.heaps[0].to_string()).collect()
}

#[test]
fn it_is_one_heap_and_two_where_there_are_huge_pages() {
    let tree = without_heaps();
    let seen = topology(&tree);
    let [heap] = seen.heaps.heaps() else { panic!("{:?}", seen.heaps) };
    assert_eq!((&*heap.name, heap.contiguous, heap.present), ("udmabuf", false, true));
    assert_eq!((heap.max_size, heap.capacity, heap.address_bits), (Some(64 << 20), None, 31));
    let limit = "/sys/module/udmabuf/parameters/size_limit_mb";
    assert_eq!(heap.origins["max-size"], Origin::Sysfs(limit.into()));
    huge_pages(&tree, "0\n");
    assert_eq!(topology(&tree).heaps.heaps().len(), 1);
    huge_pages(&tree, "8\n");
    let huge = topology(&tree).heaps.find("udmabuf-2M").unwrap().clone();
    assert!(huge.contiguous && huge.alignment == 2 << 20);
    assert_eq!((huge.max_size, huge.capacity), (Some(2 << 20), Some(16 << 20)));
}

#[test]
fn the_modules_limit_bounds_both_heaps() {
    let tree = without_heaps();
    huge_pages(&tree, "8\n");
    for (limit, expected) in [
        ("1\n", (Some(1 << 20), Some(1 << 20))),
        // As kernels from 7.3 on have it.
        ("2147483647\n", (Some(2_147_483_647 << 20), Some(2 << 20))),
        ("-1\n", (None, Some(2 << 20))),
        ("18446744073709551615\n", (None, Some(2 << 20))),
    ] {
        tree.file("/sys/module/udmabuf/parameters/size_limit_mb", limit);
        let heaps = topology(&tree).heaps;
        let most = |name| heaps.find(name).unwrap().max_size;
        assert_eq!((most("udmabuf"), most("udmabuf-2M")), expected, "{limit}");
    }
}

#[test]
fn a_node_that_is_missing_is_no_heap() {
    let tree = without_heaps();
    tree.remove("/dev/udmabuf");
    assert!(!topology(&tree).heaps.find("udmabuf").unwrap().present);
    tree.remove("/sys/class/misc/udmabuf");
    assert!(topology(&tree).heaps.heaps().is_empty());
}

#[test]
fn contiguous_up_to_one_page_and_after_whatever_else_serves() {
    let tree = without_heaps();
    assert_eq!(chosen(&tree, 4096, false), ["udmabuf"]);
    assert!(chosen(&tree, 4096, true).is_empty());
    assert!(chosen(&tree, (64 << 20) + 1, false).is_empty());
    huge_pages(&tree, "8\n");
    assert_eq!(chosen(&tree, 2 << 20, true), ["udmabuf-2M"]);
    assert!(chosen(&tree, (2 << 20) + 1, true).is_empty());
    tree.heap("system");
    tree.heap("default_cma_region");
    tree.cma("reserved", 16384);
    let all = ["system", "udmabuf", "default_cma_region", "udmabuf-2M"];
    assert_eq!(chosen(&tree, 4096, false), all);
    assert_eq!(chosen(&tree, 4096, true), ["default_cma_region", "udmabuf-2M"]);
}

#[test]
fn a_snapshot_holds_it() {
    let tree = without_heaps();
    huge_pages(&tree, "8\n");
    let seen = tree.read();
    let text = snapshot::write(&seen).unwrap();
    assert!(text.contains("[udmabuf]\nnode = true\nlimit = 67108864\nhuge-pages = 8\n"), "{text}");
    assert_eq!(snapshot::read(&text), Ok(seen));
}
