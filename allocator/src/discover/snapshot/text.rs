//! A snapshot as people read it: comments, and addresses as they are written elsewhere.

use crate::discover::{Observation, SeenDevice};
use std::borrow::Cow;

const HEAD: &str = "\
# A machine as heapq sees it, written by `heapq snapshot`. It takes the place of the machine itself:
# `heapq --snapshot FILE plan …`, or `snapshot = \"FILE\"` in the [board] of a case. It holds no serial
# numbers and no names of people; addresses are CPU-physical, sizes in bytes.
";
/// Keys whose numbers are addresses or sizes.
const HEXADECIMAL: [&str; 4] = ["windows", "window", "bytes", "dma-reach"];
/// What is said before the first table of a kind.
const KINDS: [(&str, &str); 7] = [
    ("[ram]", "Where RAM is, and who says so."),
    ("[cma-argument]", "What `cma=` on the kernel's command line says."),
    ("[[heap]]", "Heaps of class dma_heap; `node`: their device node is there."),
    ("[udmabuf]", "The device that makes dma-bufs of memfds, and the huge pages of 2 MiB."),
    ("[[cma]]", "Contiguous areas of the kernel."),
    ("[[pool]]", "Reserved memory of the devicetree that becomes heaps."),
    (
        "[module.",
        "Parameters of modules that drive devices: some drivers need other memory by them.",
    ),
];

/// `text` is `seen` as TOML.
pub(super) fn annotated(text: &str, seen: &Observation) -> String {
    let mut told = [false; KINDS.len()];
    let mut devices = seen.devices.iter();
    let mut shown = HEAD.to_owned();
    for line in text.lines() {
        if line == "[[device]]" {
            shown.extend(devices.next().map(|device| format!("# {}\n", about(device))));
        }
        let kinds = KINDS.iter().zip(&mut told);
        for ((_, comment), told) in kinds.filter(|((start, _), _)| line.starts_with(start)) {
            if !std::mem::replace(told, true) {
                shown.push_str(&format!("# {comment}\n"));
            }
        }
        shown.push_str(&hexadecimal(line));
        shown.push('\n');
    }
    shown
}

/// A device in a few words.
fn about(device: &SeenDevice) -> String {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let names: Vec<String> = device.nodes.iter().map(|node| last(node)).collect();
    let mut words = match (names.as_slice(), &device.driver) {
        ([], None) => last(&device.path),
        ([], Some(driver)) => format!("{} ({driver})", last(&device.path)),
        (names, None) => names.join(", "),
        (names, Some(driver)) => format!("{} ({driver})", names.join(", ")),
    };
    if device.disabled {
        words.push_str(", not in use");
    }
    match (&device.master, device.iommu_group.as_deref()) {
        (Some(master), _) => words.push_str(&format!(": DMA by {}", last(master))),
        (None, Some("DMA" | "DMA-FQ")) => words.push_str(": behind an IOMMU that translates"),
        (None, Some(_)) => words.push_str(": in an IOMMU group that passes addresses through"),
        (None, None) => words.push_str(": no IOMMU"),
    }
    // Nothing in a name ends the comment.
    words.chars().filter(|c| !c.is_control()).collect()
}

/// A line with its addresses in hexadecimal.
fn hexadecimal(line: &str) -> Cow<'_, str> {
    let Some((key, value)) = line.split_once(" = ") else { return line.into() };
    if !HEXADECIMAL.contains(&key) {
        return line.into();
    }
    let mut shown = format!("{key} = ");
    for part in value.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let end = part.trim_end_matches(|c: char| !c.is_ascii_digit()).len();
        let (digits, rest) = part.split_at(end);
        match digits.parse::<u64>() {
            Ok(number) => shown.push_str(&format!("{number:#x}")),
            Err(_) => shown.push_str(digits),
        }
        shown.push_str(rest);
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn addresses_are_hexadecimal_and_nothing_else_is() {
        let table = [
            ("windows = [[4096, 65536], [1, 2]]", "windows = [[0x1000, 0x10000], [0x1, 0x2]]"),
            ("bytes = 67108864", "bytes = 0x4000000"),
            ("path = \"bytes = 12\"", "path = \"bytes = 12\""),
            ("dma-mask-bits = 32", "dma-mask-bits = 32"),
        ];
        for (line, expected) in table {
            assert_eq!(hexadecimal(line), expected);
        }
    }
}
