//! Kernel versions, as rules compare them.

use std::fmt;
use std::str::FromStr;

/// Major and minor number of a kernel; stable releases of one minor behave alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kernel {
    /// The 6 of 6.17.
    pub major: u16,
    /// The 17 of 6.17.
    pub minor: u16,
}

/// The text is no kernel release or no range of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kernel version such as `6.17`, or range such as `>=6.17` or `>=6.1 <6.17`")]
pub struct NoKernel(String);

impl FromStr for Kernel {
    type Err = NoKernel;

    /// Reads the start of a release string: `6.12` of `6.12.107+deb13-amd64`.
    fn from_str(release: &str) -> Result<Self, NoKernel> {
        let fault = || NoKernel(release.chars().take(60).collect());
        let (major, rest) = release.trim().split_once('.').ok_or_else(fault)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let minor = rest.get(..end).unwrap_or_default();
        let number = |digits: &str| digits.parse().map_err(|_| fault());
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Before it nothing in a kernel made dma-bufs of pages that a program may name (udmabuf came with
/// 4.20).
const OLDEST: Kernel = Kernel { major: 4, minor: 20 };
/// No major number for decades: one above it is a slip of the pen.
const NEWEST: Kernel = Kernel { major: 20, minor: u16::MAX };

/// All the comparisons of a rule's `kernel`, which must hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelRange(Vec<(Comparison, Kernel)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Above,
    Below,
    Is,
}

impl FromStr for KernelRange {
    type Err = NoKernel;

    fn from_str(text: &str) -> Result<Self, NoKernel> {
        let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
        let range = parts.map(comparison).collect::<Result<Vec<_>, _>>()?;
        if range.is_empty() { Err(NoKernel(text.to_owned())) } else { Ok(Self(range)) }
    }
}

/// How each is written; of those that begin alike the longer comes first.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Is),
    ("", Comparison::Is),
];

fn comparison(part: &str) -> Result<(Comparison, Kernel), NoKernel> {
    let fault = || NoKernel(part.chars().take(60).collect());
    let found = SIGNS.iter().find_map(|(sign, c)| part.strip_prefix(sign).map(|v| (*c, v)));
    let (comparison, version) = found.ok_or_else(fault)?;
    let plain = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    if !plain || version.matches('.').count() != 1 {
        return Err(fault());
    }
    Ok((comparison, version.parse().map_err(|_: NoKernel| fault())?))
}

impl fmt::Display for KernelRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (comparison, version)) in self.0.iter().enumerate() {
            let sign = SIGNS.iter().find(|(_, known)| known == comparison);
            let sign = sign.map_or("", |(sign, _)| sign);
            let gap = if n == 0 { "" } else { " " };
            write!(f, "{gap}{sign}{version}")?;
        }
        Ok(())
    }
}

impl KernelRange {
    pub(crate) fn holds(&self, kernel: Kernel) -> bool {
        self.0.iter().all(|(comparison, version)| match comparison {
            Comparison::AtLeast => kernel >= *version,
            Comparison::AtMost => kernel <= *version,
            Comparison::Above => kernel > *version,
            Comparison::Below => kernel < *version,
            Comparison::Is => kernel == *version,
        })
    }

    /// Whether no kernel is in it on which heapq could run.
    pub(crate) fn is_empty(&self) -> bool {
        !self.samples().any(|kernel| self.holds(kernel))
    }

    /// Whether some kernel is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.samples().chain(other.samples()).any(|one| self.holds(one) && other.holds(one))
    }

    /// Whether every kernel that is in it is in `other` too.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.samples().chain(other.samples()).all(|one| !self.holds(one) || other.holds(one))
    }

    /// Kernels among which there is one of every stretch that the comparisons cut.
    fn samples(&self) -> impl Iterator<Item = Kernel> {
        let around = self.0.iter().flat_map(|(_, version)| version.neighbours());
        around.chain([OLDEST, NEWEST]).filter(|kernel| (OLDEST..=NEWEST).contains(kernel))
    }
}

impl Kernel {
    /// The version before, itself, and the one behind, as numbers go.
    fn neighbours(self) -> [Self; 3] {
        let Self { major, minor } = self;
        let before = match minor.checked_sub(1) {
            Some(minor) => Self { major, minor },
            None => Self { major: major.saturating_sub(1), minor: u16::MAX },
        };
        let behind = match minor.checked_add(1) {
            Some(minor) => Self { major, minor },
            None => Self { major: major.saturating_add(1), minor: 0 },
        };
        [before, self, behind]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        for (release, expected) in [
            ("6.12.107+deb13-amd64", Some((6, 12))),
            ("7.3.4-heaplab\n", Some((7, 3))),
            ("6.17-rc1", Some((6, 17))),
            ("6", None),
            ("6.", None),
            ("six.one", None),
            ("6.99999999999", None),
            ("", None),
        ] {
            let kernel = release.parse::<Kernel>().ok();
            assert_eq!(kernel.map(|k| (k.major, k.minor)), expected, "{release}");
        }
    }

    #[test]
    fn ranges() {
        for (range, inside, outside) in [
            (">=6.17", "6.17", "6.16"),
            (">=6.17", "7.0", "5.19"),
            ("<6.17", "6.9", "6.17"),
            ("<=6.12", "6.12", "6.13"),
            (">6.12", "6.13", "6.12"),
            ("=6.12", "6.12", "6.13"),
            ("6.12", "6.12", "6.13"),
            (">=6.1, <6.17", "6.16", "6.17"),
        ] {
            let parsed: KernelRange = range.parse().unwrap();
            assert!(parsed.holds(inside.parse().unwrap()), "{range} {inside}");
            assert!(!parsed.holds(outside.parse().unwrap()), "{range} {outside}");
        }
        for fault in ["", "  ", ">=", "=>6.1", "6", "6.1.2", ">=6.x", "~6.1", "6.70000"] {
            assert!(fault.parse::<KernelRange>().is_err(), "{fault}");
        }
    }

    #[test]
    fn ranges_beside_each_other() {
        let range = |text: &str| text.parse::<KernelRange>().unwrap();
        for (text, empty) in [
            (">=6.17 <6.17", true),
            (">6.16 <6.17", true),
            (">=6.17 <=6.17", false),
            (">6.16 <7.0", false),
            ("<4.20", true),
            ("<5.0", false),
            (">=61.7", true),
            (">=6.0 <=5.65535", true),
            (">=7.0", false),
        ] {
            assert_eq!(range(text).is_empty(), empty, "{text}");
        }
        for (a, b, meets, within) in [
            (">=6.17", "<6.17", false, false),
            (">=6.17", ">=6.1", true, true),
            (">=6.1", ">=6.17", true, false),
            ("6.12", ">=6.1 <6.17", true, true),
            (">=6.1 <6.12", ">=6.12", false, false),
        ] {
            let (a, b) = (range(a), range(b));
            assert_eq!(
                (a.meets(&b), b.meets(&a), a.is_within(&b)),
                (meets, meets, within),
                "{a:?}"
            );
        }
    }
}
