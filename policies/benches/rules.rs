//! How long rules take, beside what they may take: a device's needs among many rules, and the
//! loading of the shipped files.
//!
//! Budget and figure stand side by side at the end; with `BENCH_STRICT=1` a miss is a failure.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

#[path = "../../constraints/benches/budget/mod.rs"]
mod budget;

use budget::Budget;
use criterion::Criterion;
use heapq_constraints::Name;
use heapq_constraints::question::Usages;
use heapq_policies::{DeviceView, Kernel, PolicySet, load};
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;

const BUDGETS: [Budget; 2] =
    [("a device, shipped rules and 400 more", 2e3), ("loading the shipped files", 8e6)];

/// The shipped rules, and 400 of the kind that is written for drivers.
fn many() -> PolicySet {
    let mut text = String::new();
    for n in 0..400 {
        let condition = match n % 4 {
            0 | 1 => format!("driver = \"driver-{n}\""),
            2 => format!("compatible = [\"acme,a{n}\", \"acme,b{n}\"]"),
            _ => format!("driver = \"driver-{n}\", bus = \"platform\", kernel = \">=6.1\""),
        };
        let rule = "contiguous = true\naddress-bits = 32";
        writeln!(
            text,
            "[[device]]\nmatch = {{ {condition} }}\nunless = {{ has-iommu = true }}\n{rule}\n"
        )
        .unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("50-many.toml"), text).unwrap();
    let set = load(&[dir.path().to_owned()]).set;
    let last = DeviceView { driver: Some("driver-397"), ..DeviceView::new(CURRENT) };
    assert_eq!(set.device(&last, Usages::default()).facts.len(), 2);
    set
}

const CURRENT: Kernel = Kernel { major: 7, minor: 3 };

fn bench(criterion: &mut Criterion) {
    let [device, loading] = BUDGETS.map(|(name, _)| name);
    let set = many();
    let compatible: [Name; 2] = ["acme,a202".into(), "acme,isp".into()];
    let view = DeviceView {
        driver: Some("driver-201"),
        module: Some("acme_isp"),
        bus: Some("platform"),
        subsystem: Some("video4linux"),
        node: Some("/dev/video0"),
        name: Some("acme-frames"),
        compatible: &compatible,
        modalias: Some("of:NispT(null)Cacme,a202Cacme,isp"),
        path: Some("/sys/devices/platform/soc/30000000.isp"),
        has_iommu: Some(false),
        ..DeviceView::new(CURRENT)
    };
    criterion.bench_function(device, |b| {
        b.iter(|| set.device(black_box(&view), Usages::default()));
    });
    criterion.bench_function(loading, |b| b.iter(|| load(black_box(&[]))));
}

fn main() -> ExitCode {
    budget::run(&BUDGETS, bench)
}
