//! Where no heap serves: the devices whose own drivers allocate what would.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod common;

use common::case::Case;
use heapq_constraints::{Answer, explain};

fn answer(text: &str) -> Answer {
    Case::read(&common::table(text)).unwrap().outcome().unwrap()
}

fn exporters(answer: &Answer) -> Vec<&str> {
    answer.exporters.iter().map(|one| &*one.participant).collect()
}

const SYSTEM: &str = "[[heap]]\nname = 'system'\n";
const SCREEN: &str = "[[participant]]\nname = 'screen'\ndriver = 'amdgpu'\nlink = []\n\
                      unknown = true\nmin-size = 5000\nheld = 2\n\
                      exports = { how = 'GBM', bank = 'vram' }\n";

fn with(further: &str) -> Answer {
    answer(&format!("{SYSTEM}{SCREEN}[[participant]]\nname = 'camera'\n{further}\n"))
}

#[test]
fn an_exporter_that_serves_everybody_is_named_with_its_figures() {
    let answer = with("held = 3");
    assert_eq!(exporters(&answer), ["screen"]);
    let exporter = &answer.exporters[0];
    let plan = exporter.plan.as_ref().unwrap();
    assert_eq!((plan.count, plan.size, plan.allocation_size), (5, 5000, 8192));
    assert_eq!((&*plan.heaps()[0], plan.assumed), ("driver:amdgpu", false));
    assert_eq!(answer.unserved, ["screen".into()]);
    assert!(answer.copy_plan.is_none(), "one buffer serves all");
    let lines = explain::words(&answer);
    let has = |line: &str| assert!(lines.iter().any(|other| other == line), "{line}: {lines:?}");
    has("no heap here serves screen even alone: copies do not help");
    has("screen's own driver (amdgpu) can allocate it (GBM) and would serve everybody: \
         ask it, not heapq (the request)");
    has("  5 frames of 5000 bytes, 8192 bytes allocated for each");
}

#[test]
fn what_others_need_binds_the_exporters_memory_too() {
    let serves = [
        "contiguous = false",
        "avoid = ['system']",
        "prefer = ['system']",
        "heaps = ['driver:amdgpu', 'system']",
        "link = ['driver:amdgpu']",
        "access = ['none']",
    ];
    for needs in serves {
        assert_eq!(exporters(&with(needs)), ["screen"], "{needs}");
    }
    let rules_out = [
        "contiguous = true",
        "heaps = ['system']",
        "link = ['system']",
        "link = []",
        "address-bits = 32",
        "protected = 'required'",
        "max-count = 1",
        "max-size = 4999",
    ];
    for needs in rules_out {
        assert!(exporters(&with(needs)).is_empty(), "{needs}");
    }
}

#[test]
fn the_graph_may_lead_from_the_exporters_memory_to_what_others_take() {
    let camera = "[[participant]]\nname = 'camera'\nlink = ['system']\n";
    let edge = "[[compatibility]]\nfrom = 'driver:amdgpu'\nto = 'system'\n";
    assert!(exporters(&answer(&format!("{SYSTEM}{SCREEN}{camera}"))).is_empty());
    assert_eq!(exporters(&answer(&format!("{SYSTEM}{SCREEN}{camera}{edge}"))), ["screen"]);
    // Ordinary memory stands in for what is no stricter, without a word from anybody.
    let ordinary = SCREEN.replace(", bank = 'vram'", "");
    assert_eq!(exporters(&answer(&format!("{SYSTEM}{ordinary}{camera}"))), ["screen"]);
}

#[test]
fn where_a_heap_serves_no_exporter_is_named() {
    let text = format!("{SYSTEM}{}", SCREEN.replace("link = []", "contiguous = false"));
    let answer = answer(&text);
    assert!(answer.plan.is_some() && answer.exporters.is_empty());
}

#[test]
fn a_group_of_a_copy_plan_may_have_an_exporter_in_place_of_a_heap() {
    let text = format!(
        "{SYSTEM}[[participant]]\nname = 'camera'\nheaps = ['system']\n\
         [[participant]]\nname = 'scaler'\n{SCREEN}\
         [[participant]]\nname = 'recorder'\nheaps = ['system']\n"
    );
    let answer = answer(&text);
    assert!(answer.exporters.is_empty());
    let groups = answer.copy_plan.as_ref().unwrap().groups.clone();
    let shown: Vec<(usize, Option<&str>, bool)> = groups
        .iter()
        .map(|one| (one.participants.len(), one.heap.as_deref(), one.exporter.is_some()))
        .collect();
    assert_eq!(
        shown,
        [(2, Some("system"), false), (1, None, true), (1, Some("system"), false)],
        "{groups:?}"
    );
    let lines = explain::words(&answer);
    let has = |line: &str| assert!(lines.iter().any(|other| other == line), "{line}: {lines:?}");
    has("no heap here serves screen even alone: copies between heaps do not help");
    has("  screen uses what screen's own driver (amdgpu) allocates (GBM)");
    has("  a copy from screen to recorder: 5000 bytes a frame");
}

#[test]
fn whom_an_exporter_cannot_serve_either_ends_the_copy_plan() {
    let text = format!("{SYSTEM}{SCREEN}[[participant]]\nname = 'camera'\nlink = []\n");
    let answer = answer(&text);
    assert!(answer.copy_plan.is_none() && answer.exporters.is_empty());
    assert_eq!(answer.unserved, ["camera".into(), "screen".into()]);
}

#[test]
fn an_exporter_in_a_copy_plan_has_its_own_memory_and_no_heap() {
    // Its memory stands between the two heaps: none of them may be taken for it.
    let camera = "[[participant]]\nname = 'camera'\nheaps = ['system']\n";
    let cma = "[[heap]]\nname = 'cma'\ncontiguous = true\n";
    let served = answer(&format!("{SYSTEM}{cma}{camera}{SCREEN}"));
    assert_eq!(served.copy_plan.unwrap().groups.len(), 2);
    let unserved = answer(&format!("{SYSTEM}{cma}{camera}{SCREEN}contiguous = true\n"));
    assert_eq!(unserved.copy_plan, None);
}

#[test]
fn exporters_are_listed_by_name_and_an_optional_one_that_is_left_out_is_none() {
    let second = SCREEN.replace("'screen'", "'beamer'");
    assert_eq!(exporters(&answer(&format!("{SYSTEM}{SCREEN}{second}"))), ["beamer"], "one device");
    let cards = format!("{SYSTEM}{SCREEN}device = 'card0'\n{second}device = 'card1'\n");
    assert!(exporters(&answer(&cards)).is_empty(), "neither takes the other's");
    let open = "[[participant]]\nname = 'beamer'\nexports = { how = 'EXPBUF' }\noptional = true\n\
                heaps = ['none']\n";
    assert_eq!(exporters(&answer(&format!("{SYSTEM}{SCREEN}{open}"))), ["screen"]);
}

#[test]
fn what_is_wrong_with_exports_is_told_by_key() {
    let table = [
        ("exports = 1", "p.exports"),
        ("exports = {}", "p.exports.how"),
        ("exports = { how = '' }", "p.exports.how"),
        ("exports = { how = 'GBM', contiguous = 1 }", "p.exports.contiguous"),
        ("exports = { how = 'GBM', weight = 1 }", "p.exports.weight"),
        ("alternatives = [{ exports = { how = 'GBM' } }]", "p.alternatives.exports"),
    ];
    for (stated, key) in table {
        let case = Case::read(&common::table(&format!("[[participant]]\nname = 'p'\n{stated}\n")));
        assert_eq!(case.err().as_deref(), Some(key), "{stated}");
    }
}
