//! Which `[[limit]]` decides how much somebody may have.

mod common;

use common::with;
use heapq_constraints::Heap;
use heapq_policies::{Limit, PolicySet, Whose};

const ADA: Whose<'_> = Whose::User { uid: 1000, name: Some("ada") };
const BOB: Whose<'_> = Whose::User { uid: 1001, name: Some("bob") };
const NAMELESS: Whose<'_> = Whose::User { uid: 4000, name: None };
const VIDEO: Whose<'_> = Whose::Group { gid: 44, name: Some("video") };
const AUDIO: Whose<'_> = Whose::Group { gid: 29, name: Some("audio") };
const APP: Whose<'_> = Whose::Unit("app-1.scope");
const SHELL: Whose<'_> = Whose::Unit("shell.service");

const RULES: &str = r#"
[[limit]]
users = ["ada", 4000]
bytes = 100
leases = 10

[[limit]]
users = "*"
bytes = 50
buffers = 5

[[limit]]
groups = [44, "render"]
units = ["app-*", "app-1.scope"]
bytes = 30

[[limit]]
units = "*"
bytes = 20

[[limit]]
users = "ada"
heaps = "cma-*"
bytes = 7

[[limit]]
users = "*"
heaps = ["cma-camera", "protected-video"]
bytes = 0

[[limit]]
users = "ada"
leases = 9
"#;

fn most(limit: Option<&Limit>) -> Option<u64> {
    limit.map(|limit| limit.most)
}

fn figures(set: &PolicySet, whose: Whose<'_>, heap: Option<&Heap>) -> [Option<u64>; 3] {
    let limits = set.limits(whose, heap);
    [&limits.bytes, &limits.buffers, &limits.leases].map(|limit| most(limit.as_ref()))
}

#[test]
fn who_is_named_more_closely_decides_then_who_speaks_later() {
    let set = with(RULES);
    for (whose, expected) in [
        (ADA, [Some(100), Some(5), Some(9)]),
        (NAMELESS, [Some(100), Some(5), Some(10)]),
        (BOB, [Some(50), Some(5), None]),
        (VIDEO, [Some(30), None, None]),
        (AUDIO, [None; 3]),
        (APP, [Some(30), None, None]),
        (SHELL, [Some(20), None, None]),
    ] {
        assert_eq!(figures(&set, whose, None), expected, "{whose:?}");
    }
    let leases = set.limits(ADA, None).leases.unwrap();
    assert!(
        leases.origin.to_string().ends_with("50-test.toml:33"),
        "the key's own line: {leases:?}"
    );
}

#[test]
fn a_heap_has_bounds_of_its_own() {
    let set = with(RULES);
    let aliased = Heap { aliases: vec!["cma-camera".into()], ..Heap::new("pool@1") };
    let role = Heap { roles: vec!["protected-video".into()], ..Heap::new("protected,x") };
    for (whose, heap, expected) in [
        // Who comes before which heap.
        (ADA, Heap::new("cma-camera"), Some(7)),
        (ADA, Heap::new("cma-display"), Some(7)),
        (ADA, aliased.clone(), Some(7)),
        (ADA, role.clone(), Some(0)),
        (BOB, aliased, Some(0)),
        (BOB, role, Some(0)),
        (BOB, Heap::new("cma-display"), None),
        (ADA, Heap::new("system"), None),
        (VIDEO, Heap::new("cma-camera"), None),
    ] {
        assert_eq!(figures(&set, whose, Some(&heap)), [expected, None, None], "{whose:?} {heap:?}");
    }
}

#[test]
fn a_heap_that_is_named_comes_before_a_pattern_and_a_role() {
    let rule = |heaps: &str, bytes: u64| {
        format!("[[limit]]\nusers = 1000\nheaps = \"{heaps}\"\nbytes = {bytes}\n")
    };
    let heap = Heap { roles: vec!["camera".into()], ..Heap::new("cma-camera") };
    for (rules, expected) in [
        (rule("cma-camera", 1) + &rule("cma-*", 2) + &rule("camera", 3), 1),
        (rule("cma-*", 2) + &rule("camera", 3), 3),
        (rule("camera", 3) + &rule("cma-*", 2), 2),
    ] {
        assert_eq!(most(with(&rules).limits(ADA, Some(&heap)).bytes.as_ref()), Some(expected));
    }
}

#[test]
fn shipped_rules_bound_nobody() {
    let set = heapq_policies::load(&[]).set;
    assert_eq!(figures(&set, ADA, None), [None; 3]);
}
