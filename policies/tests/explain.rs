//! Why rules apply to a device, or do not.

mod common;

use common::{driven, kernel, names, usages, with};
use heapq_policies::{Considered, DeviceView, RuleState};

const RULES: &str = r#"
[[device]]
match = { driver = "acme-isp" }
unless = [{ bus = "pci" }, { has-iommu = true, kernel = ">=6.1 <7.0" }]
contiguous = true

[[device]]
match = { driver = "acme-isp" }
when = [{ usage = ["scanout", "render"] }, { usage = "decode" }]
padding = 64

[[device]]
match = [
    { driver = "other" },
    { driver = "acme-isp", name = "*-params", bus = "platform" },
    { driver = "acme-*", compatible = ["acme,a1", "acme,a2"], bus = "platform" },
]
padding = 64

[[device]]
match = { driver = "other", bus = "platform", kernel = ">=6.1" }
padding = 64
"#;

/// The states of the rules of the test's file, in order.
fn states(view: &DeviceView<'_>, usage: &str, named: bool) -> Vec<RuleState> {
    let own = |rule: &Considered| rule.origin.to_string().contains("50-test.toml");
    let all = with(RULES).explain(view, usages(&[usage]), &|origin| {
        named && origin.to_string().contains("50-test.toml")
    });
    all.into_iter().filter(own).map(|rule| rule.state).collect()
}

fn mismatch(condition: &str, wanted: &str, has: Option<&str>) -> RuleState {
    RuleState::DoesNotMatch {
        condition: condition.to_owned(),
        wanted: wanted.to_owned(),
        has: has.map(str::to_owned),
    }
}

#[test]
fn each_rule_says_how_it_stands() {
    let compatible = names(&["acme,b1", "acme,b2"]);
    let view = DeviceView {
        compatible: &compatible,
        bus: Some("platform"),
        has_iommu: Some(true),
        ..driven("acme-isp")
    };
    let silent = ["{ usage = [\"scanout\", \"render\"] }", "{ usage = \"decode\" }"];
    let excluded = "{ has-iommu = true, kernel = \">=6.1 <7.0\" }";
    let expected = [
        RuleState::Excluded { unless: excluded.to_owned() },
        RuleState::NotInThisUse { when: silent.map(str::to_owned).to_vec() },
        // Two of its tables have two conditions that hold; the first of them is shown.
        mismatch("name", "\"*-params\"", None),
    ];
    assert_eq!(states(&view, "capture", false), expected);

    let translated = DeviceView { has_iommu: Some(false), name: Some("isp"), ..view };
    let states = states(&translated, "decode", false);
    assert_eq!(states[..2], [RuleState::Applies, RuleState::Applies]);
    assert_eq!(states[2], mismatch("name", "\"*-params\"", Some("\"isp\"")));
}

#[test]
fn the_table_that_comes_closest_is_shown() {
    let compatible = names(&["acme,b1", "acme,b2"]);
    let view = DeviceView { compatible: &compatible, ..driven("acme-b") };
    let close =
        mismatch("compatible", "[\"acme,a1\", \"acme,a2\"]", Some("[\"acme,b1\", \"acme,b2\"]"));
    assert_eq!(states(&view, "capture", false), [close]);
}

#[test]
fn a_bus_and_a_kernel_are_nothing_in_common() {
    let view = DeviceView { bus: Some("platform"), ..DeviceView::new(kernel("6.12")) };
    assert_eq!(states(&view, "capture", false), []);
    let shown = states(&view, "capture", true);
    assert_eq!(shown.len(), 4, "named ones are shown all the same");
    assert_eq!(shown[3], mismatch("driver", "\"other\"", None));
}
