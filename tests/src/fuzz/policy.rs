//! Policy files: reading, complaining, and applying what was accepted.

use heapq_constraints::Name;
use heapq_constraints::question::{Usage, Usages};
use heapq_policies::{DeviceView, Kernel, PolicySet, Right, Said, Who, load_files, render};
use std::fs;
use tempfile::TempDir;

thread_local! {
    static DIR: Option<TempDir> = TempDir::new().ok();
}

/// One file.
pub(super) fn run(bytes: &[u8]) {
    let path = DIR.with(|dir| dir.as_ref().map(|dir| dir.path().join("50-fuzz.toml")));
    let Some(path) = path else { return };
    if fs::write(&path, bytes).is_err() {
        return;
    }
    let loaded = load_files(&[path]);
    for complaint in &loaded.diagnostics {
        assert!(!render(complaint, false).is_empty());
    }
    apply(&loaded.set);
}

/// A device, a heap and a caller that rules of many files speak of.
fn apply(set: &PolicySet) {
    let kernel = Kernel { major: 7, minor: 3 };
    let compatible: [Name; 1] = ["rockchip,rk3588-vop".into()];
    let mut view = DeviceView::new(kernel);
    view.driver = Some("vivid");
    view.compatible = &compatible;
    view.path = Some("/sys/devices/platform/vivid.0");
    for usage in Usage::ALL {
        let mut usages = Usages::default();
        usages.insert(usage);
        let knowledge = set.device(&view, usages);
        assert!(knowledge.known || knowledge.facts.is_empty());
    }
    let heap = set.heap("linux,cma", kernel);
    assert!(heap.known || heap.rules.is_empty());
    let who = Who { uid: 1000, user: Some("user"), gids: &[1000], groups: &["video"] };
    let grants = set.grant(&who);
    for (_, right) in Right::ALL {
        assert_eq!(grants.of(right) == &Said::Nothing, grants.of(right).origin().is_none());
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = super::files("../policies/shipped", ".toml");
    seeds.extend(super::files("../policies/tests/broken", ".toml"));
    seeds
}
