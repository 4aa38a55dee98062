//! What was learnt, as a policy file.

use super::conclude::{Conclusion, Need};
use super::tried::{Tried, Way};
use heapq_constraints::Name;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The device that was probed, as rules know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The node that was opened.
    pub node: Name,
    /// Its name in sysfs, where it has one.
    pub name: Option<Name>,
    /// The device has other nodes, which may differ: the rule speaks of this one.
    pub one_of_several: bool,
    /// The device's driver.
    pub driver: Option<Name>,
    /// The first of its `compatible` list.
    pub compatible: Option<Name>,
    /// Its directory in sysfs.
    pub path: Name,
    /// An IOMMU translates for it.
    pub has_iommu: bool,
    /// The kernel's release.
    pub release: Name,
}

impl Device {
    /// What of the device a rule about it matches.
    fn conditions(&self) -> String {
        let mut conditions = Vec::new();
        let mut push =
            |key: &str, value: &str| conditions.push(format!("{key} = {}", literal(value)));
        match &self.driver {
            Some(driver) => push("driver", driver),
            None => push("path", &self.path),
        }
        if let Some(compatible) = &self.compatible {
            push("compatible", compatible);
        }
        if let Some(name) = self.name.as_ref().filter(|_| self.one_of_several) {
            push("name", name);
        }
        conditions.join(", ")
    }
}

/// The name under which the file goes: `70-probe-vivid-video0.toml`.
#[must_use]
pub fn file_name(device: &Device) -> String {
    let node = device.node.rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let of = format!("{}-{node}", device.driver.as_deref().unwrap_or("device"));
    format!("70-probe-{}.toml", of.chars().map(plain).collect::<String>())
}

/// What was learnt as the text of a policy file: the record as comments, and a rule for what is
/// proven. Nothing but comments where nothing is.
#[must_use]
pub fn policy(device: &Device, tried: &[Tried], concluded: &[Conclusion], date: &str) -> String {
    let mut text = record(device, tried, date);
    for Conclusion { way, need, because } in concluded {
        let proven = if *need == Need::Unproven { "not proven: " } else { "" };
        comment(&mut text, &format!("{}: {proven}{because}", way.word()));
    }
    let (displays, queues): (Vec<_>, Vec<_>) =
        concluded.iter().partition(|one| !matches!(one.way, Way::Capture | Way::Output));
    // Both queues of a device take part in whatever it does.
    text.push_str(&rule(device, &queues, ""));
    for one in displays {
        let when = match one.way {
            Way::Framebuffer => "when = { usage = \"scanout\" }\n",
            _ => "when = { usage = [\"render\", \"texture\"] }\n",
        };
        text.push_str(&rule(device, &[one], when));
    }
    text
}

fn record(device: &Device, tried: &[Tried], date: &str) -> String {
    let mut text = String::new();
    let name = device.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let iommu =
        if device.has_iommu { "behind an IOMMU that translates" } else { "no IOMMU translates" };
    comment(
        &mut text,
        &format!("heapq probe {}{name}, {date}, Linux {}", device.node, device.release),
    );
    comment(&mut text, &format!("{}, {iommu}", device.path));
    for row in tried {
        let refused: Vec<String> =
            row.refused.iter().map(|(how, times)| format!("{times} refused with {how}")).collect();
        let copied =
            if row.bounced > 0 { format!(", {} copied", row.bounced) } else { String::new() };
        let said = std::iter::once(format!("{} taken{copied}", row.accepted)).chain(refused);
        let said = said.collect::<Vec<_>>().join(", ");
        comment(
            &mut text,
            &format!("{}: {} B from {}: {said}", row.way.word(), row.bytes, row.heap),
        );
    }
    text
}

/// A line of comment; names of devices must not end it.
fn comment(text: &mut String, line: &str) {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# {line}");
}

/// The rule for what is proven of these ways; empty where nothing is.
fn rule(device: &Device, concluded: &[&Conclusion], when: &str) -> String {
    let any = |need: &Need| concluded.iter().any(|one| one.need == *need);
    let avoided = concluded.iter().flat_map(|one| match &one.need {
        Need::Avoid(heaps) => heaps.as_slice(),
        _ => &[],
    });
    let avoided: BTreeSet<String> = avoided.map(|heap| literal(heap)).collect();
    let mut keys = Vec::new();
    if any(&Need::Nothing) {
        keys.push("link = []".to_owned());
    }
    if any(&Need::Contiguous) {
        keys.push("contiguous = true".to_owned());
    }
    if !avoided.is_empty() {
        let list: Vec<String> = avoided.into_iter().collect();
        keys.push(format!("avoid = [{}]", list.join(", ")));
    }
    let proven = concluded.iter().any(|one| one.need != Need::Unproven);
    if !proven {
        return String::new();
    }
    // What is not known of one way must not pass for known because something is of another.
    if any(&Need::Unproven) || concluded.iter().any(|one| matches!(one.need, Need::Avoid(_))) {
        keys.push("unknown = true".to_owned());
    }
    let (conditions, iommu) = (device.conditions(), "has-iommu = true");
    // An IOMMU makes one piece of scattered pages: what holds with one does not hold without.
    let head = if device.has_iommu {
        format!("match = {{ {conditions}, {iommu} }}\n")
    } else {
        format!("match = {{ {conditions} }}\nunless = {{ {iommu} }}\n")
    };
    let keys: String = keys.into_iter().map(|key| key + "\n").collect();
    format!("\n[[device]]\n{head}{when}{keys}")
}

/// A TOML string that, as a pattern, matches `text`: what would be a wildcard becomes any one
/// character.
fn literal(text: &str) -> String {
    let plain = |c: char| if c.is_control() || c == '*' { '?' } else { c };
    toml::Value::String(text.chars().map(plain).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Device, file_name, policy};
    use crate::probe::tried::{Tried, Way};
    use crate::probe::{Conclusion, Need};
    use heapq_policies::load_files;

    fn device() -> Device {
        Device {
            node: "/dev/video0".into(),
            name: Some("vivid-000-vid-cap".into()),
            one_of_several: true,
            driver: Some("vivid".into()),
            compatible: None,
            path: "/sys/devices/platform/vivid.0".into(),
            has_iommu: false,
            release: "7.3.4".into(),
        }
    }

    fn one(way: Way, need: Need) -> Conclusion {
        Conclusion { way, need, because: "it \"said\" so\n[[grant]]".to_owned() }
    }

    fn written(device: &Device, concluded: &[Conclusion]) -> String {
        let mut row = Tried::new(Way::Capture, "system".into(), 16 << 20);
        row.add(crate::probe::Answer::Refused("QBUF: Bad address".to_owned()));
        policy(device, &[row], concluded, "2026-11-21")
    }

    fn check(text: &str) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("70-probe.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = load_files(&[file]);
        let complaints: Vec<&str> =
            loaded.diagnostics.iter().map(|one| one.message.as_str()).collect();
        assert!(complaints.is_empty(), "{complaints:?}\n{text}");
    }

    #[test]
    fn the_rule_says_what_is_proven_and_no_more() {
        let avoid = || Need::Avoid(vec!["system".into()]);
        let (capture, output) = (Way::Capture, Way::Output);
        for (concluded, keys) in [
            (vec![one(capture, Need::Contiguous)], "contiguous = true\n"),
            (vec![one(capture, Need::Scattered)], "unless = { has-iommu = true }\n"),
            (vec![one(capture, Need::Nothing)], "link = []\n"),
            (vec![one(capture, avoid())], "avoid = [\"system\"]\nunknown = true\n"),
            (
                vec![one(capture, Need::Contiguous), one(output, Need::Scattered)],
                "unless = { has-iommu = true }\ncontiguous = true\n",
            ),
            (
                vec![one(capture, Need::Contiguous), one(output, Need::Unproven)],
                "contiguous = true\nunknown = true\n",
            ),
            (
                vec![one(Way::Framebuffer, Need::Contiguous)],
                "when = { usage = \"scanout\" }\ncontiguous = true\n",
            ),
        ] {
            let text = written(&device(), &concluded);
            check(&text);
            assert!(text.ends_with(keys), "{text}");
            assert_eq!(text.matches("[[device]]\n").count(), 1, "{text}");
        }
        let text = written(&device(), &[one(capture, Need::Unproven)]);
        check(&text);
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
        assert!(
            text.contains("not proven") && text.contains("7.3.4, ") | text.contains("Linux 7.3.4")
        );
        assert!(text.contains("2026-11-21") && text.contains("16777216 B from system"));
    }

    #[test]
    fn names_of_devices_are_names_whatever_they_hold() {
        let name = "cam\"*]\n[[grant]]\nusers = [\"*\"]";
        let device = Device { name: Some(name.into()), has_iommu: true, ..device() };
        let text = written(&device, &[one(Way::Capture, Need::Contiguous)]);
        check(&text);
        assert!(text.contains("has-iommu = true }\ncontiguous = true\n"), "{text}");
        assert!(!text.contains("\n[[grant]]"), "{text}");
    }

    #[test]
    fn files_are_called_after_driver_and_node() {
        assert_eq!(file_name(&device()), "70-probe-vivid-video0.toml");
        let odd = Device { driver: None, node: "/dev/../A b".into(), ..device() };
        assert_eq!(file_name(&odd), "70-probe-device-a-b.toml");
    }
}
