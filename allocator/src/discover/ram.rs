//! Where RAM is, and where the kernel was told to put its contiguous area.

use super::root::Root;
use super::{CmaArgument, Placed};
use heapq_constraints::fact::Windows;

/// More intervals than this become the one that spans them all: it says less, and nothing wrong.
const INTERVALS_MAX: usize = 64;

/// From `/proc/iomem`, whose addresses only root sees, else from the zones of `/proc/zoneinfo`.
pub(super) fn read(root: &Root, page: u64) -> Option<Placed> {
    for (path, shown) in [("/proc/iomem", "/proc/iomem"), ("/proc-iomem", "/proc/iomem")] {
        let found = root.text(path).and_then(|text| windows(iomem(&text)));
        if let Some(windows) = found {
            return Some(Placed { windows, from: shown.into() });
        }
    }
    let windows = windows(zones(&root.text("/proc/zoneinfo")?, page))?;
    Some(Placed { windows, from: "/proc/zoneinfo".into() })
}

fn windows(pairs: Vec<(u64, u64)>) -> Option<Windows> {
    let windows = Windows::new(pairs)?;
    let intervals = windows.intervals();
    let (first, last) = (intervals.first()?, intervals.last()?);
    if intervals.len() > INTERVALS_MAX {
        return Windows::new(vec![(first.0, last.1)]);
    }
    Some(windows)
}

fn iomem(text: &str) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with(' ')) {
        let Some((range, name)) = line.split_once(" : ") else { continue };
        let Some((first, last)) = range.trim().split_once('-') else { continue };
        let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
        if name.starts_with("System RAM")
            && let (Some(first), Some(last)) = (hex(first), hex(last))
            && first < last
        {
            found.push((first, last.saturating_add(1)));
        }
    }
    found
}

/// Zones with pages in them. They may have holes: the answer covers RAM and perhaps more.
fn zones(text: &str, page: u64) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let (mut spanned, mut present) = (0, 0);
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let value = |word: Option<&str>| word.and_then(|word| word.parse().ok()).unwrap_or(0_u64);
        match words.next() {
            Some("Node") => (spanned, present) = (0, 0),
            Some("spanned") => spanned = value(words.next()),
            Some("present") => present = value(words.next()),
            Some("start_pfn:") if present > 0 => {
                let first = value(words.next());
                let end = first.checked_add(spanned).and_then(|end| end.checked_mul(page));
                found.extend(first.checked_mul(page).zip(end).filter(|(first, end)| first < end));
            }
            _ => {}
        }
    }
    found
}

/// The last `cma=SIZE[@START[-END]]` of the command line. The kernel lets the area lie anywhere
/// from START to END; with START alone, exactly there.
pub(super) fn cma_argument(command_line: &str) -> Option<CmaArgument> {
    let words = command_line.split_ascii_whitespace().rev();
    let argument = words.filter_map(|word| word.strip_prefix("cma=")).next()?;
    let (size, place) = match argument.split_once('@') {
        Some((size, place)) => (size, Some(place)),
        None => (argument, None),
    };
    let bytes = memparse(size)?;
    let window = place.and_then(|place| match place.split_once('-') {
        Some((start, end)) => Some((memparse(start)?, memparse(end)?)),
        None => {
            let start = memparse(place)?;
            Some((start, start.checked_add(bytes)?))
        }
    });
    let window = window.and_then(|window| Windows::new(vec![window]));
    Some(CmaArgument { bytes, window })
}

/// A number as the kernel's `memparse` reads it: decimal, `0x…`, with a suffix from K to E.
fn memparse(text: &str) -> Option<u64> {
    let (digits, shift) = match text.trim_end_matches(|c: char| "kKmMgGtTpPeE".contains(c)) {
        whole if whole.len() == text.len() => (text, 0),
        // `0x1E` has a digit there, not a suffix.
        _ if text.starts_with("0x") && text.ends_with(['e', 'E']) => (text, 0),
        digits => (digits, shift_of(text.get(digits.len()..)?)?),
    };
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    number.checked_mul(1 << shift)
}

fn shift_of(suffix: &str) -> Option<u32> {
    Some(match suffix {
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        "p" | "P" => 50,
        "e" | "E" => 60,
        _ => return None,
    })
}

/// Bytes of a page. Captures say it by the sizes of huge pages that go with it.
pub(super) fn page_size(root: &Root) -> u64 {
    if root.live() {
        return u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    }
    let sizes = root.list("/sys/kernel/mm/hugepages");
    let has = |size: &str| sizes.iter().any(|name| name == size);
    if has("hugepages-524288kB") {
        65536
    } else if has("hugepages-32768kB") && !has("hugepages-64kB") {
        16384
    } else {
        4096
    }
}

#[cfg(test)]
mod tests {
    use super::{cma_argument, iomem, memparse, windows, zones};

    #[test]
    fn the_command_line_places_the_area() {
        let at = |line: &str| {
            let argument = cma_argument(line)?;
            let window = argument.window.map(|window| window.intervals().to_vec());
            Some((argument.bytes, window))
        };
        assert_eq!(at("quiet cma=64M@0-4G x"), Some((64 << 20, Some(vec![(0, 4 << 30)]))));
        assert_eq!(
            at("cma=1M cma=0x1000@0x100000"),
            Some((4096, Some(vec![(0x10_0000, 0x10_1000)])))
        );
        assert_eq!(at("cma=64M"), Some((64 << 20, None)));
        assert_eq!(at("cma=0"), Some((0, None)));
        for line in ["", "cma=", "cma=lots", "vivid.cma=1M", "cma=99999999999E"] {
            assert_eq!(at(line), None, "{line}");
        }
        // A place that makes no sense is no place.
        assert_eq!(at("cma=1M@4G-1G"), Some((1 << 20, None)));
    }

    #[test]
    fn numbers_are_the_kernels() {
        for (text, expected) in [
            ("16", Some(16)),
            ("0x10K", Some(16 << 10)),
            ("0x1E", Some(0x1e)),
            ("1KK", None),
            ("K", None),
            ("-1", None),
        ] {
            assert_eq!(memparse(text), expected, "{text}");
        }
    }

    #[test]
    fn ram_is_what_the_top_level_says() {
        let text = "00001000-0009fbff : System RAM\n\
            00100000-7ffdffff : System RAM\n  01000000-0160963f : System RAM\n\
            fec00000-fec003ff : IOAPIC 0\n100000000-1ffffffff : System RAM (kmem)\njunk\n";
        assert_eq!(iomem(text), [(0x1000, 0x9_fc00), (0x10_0000, 0x7ffe_0000), (1 << 32, 2 << 32)]);
        // What everybody but root sees.
        assert_eq!(windows(iomem("00000000-00000000 : System RAM\n")), None);
    }

    #[test]
    fn zones_without_pages_do_not_count() {
        let text = "Node 0, zone      DMA\n  pages free 3\n        spanned  4095\n        \
            present  3998\n  start_pfn:           1\nNode 0, zone   Movable\n        spanned  0\n\
                    present  0\n  start_pfn:           0\n";
        assert_eq!(zones(text, 4096), [(4096, 4096 * 4096)]);
        assert_eq!(
            zones("Node 0\nspanned 18446744073709551615\npresent 1\nstart_pfn: 1\n", 4096),
            []
        );
    }

    #[test]
    fn many_intervals_become_one() {
        let many = (0..100).map(|n| (n * 10, n * 10 + 5)).collect();
        assert_eq!(windows(many).unwrap().intervals(), [(0, 995)]);
    }
}
