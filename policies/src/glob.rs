//! Patterns of names: `*` is any run of characters (slashes included), `?` is any one.

/// A pattern, matched against the whole of a text. In policies it stands for `driver`, `compatible`
/// and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Every text is a pattern, if only of itself.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same pattern as sysfs spells module names.
    pub(crate) fn with_underscores(&self) -> Self {
        Self(self.0.replace('-', "_"))
    }

    /// Whether some text may match both: no where it is certain that none does.
    pub(crate) fn may_meet(&self, other: &Self) -> bool {
        match (self.is_literal(), other.is_literal()) {
            (true, _) => other.matches(&self.0),
            (_, true) => self.matches(&other.0),
            (false, false) => true,
        }
    }

    /// Whether all texts that match it match `other` too: yes only where that is certain.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self == other || other.0 == "*" || (self.is_literal() && other.matches(&self.0))
    }

    /// It matches itself and nothing else.
    pub(crate) fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Whether the whole of `text` fits. Takes time proportional to the product of both lengths at worst.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where the last `*` stands and how much of the text it has taken so far.
        let mut star: Option<(usize, usize)> = None;
        while let Some(&byte) = text.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(b'?') => (p, t) = (p + 1, next_character(text, t)),
                Some(&expected) if expected == byte => (p, t) = (p + 1, t + 1),
                _ => {
                    let Some((at, taken)) = star else { return false };
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
            }
        }
        pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
    }
}

/// Continuation bytes of UTF-8 belong to the character that `?` takes.
fn next_character(text: &[u8], at: usize) -> usize {
    let more = text.get(at + 1..).unwrap_or_default();
    at + 1 + more.iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("system", "system", true),
            ("system", "system-uncached", false),
            ("system*", "system-uncached", true),
            ("*/0000:00:02.0", "/sys/devices/pci0000:00/0000:00:02.0", true),
            ("*/0000:00:02.0", "/sys/devices/pci0000:00/0000:00:02.0/drm/card0", false),
            ("usb:v046D*ic0E*", "usb:v046Dp0825d0012dc00dsc00dp00ic0Eisc01ip00in00", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("?", "ß", true),
            ("??", "ß", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "a", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = Glob::new(&format!("{}b", "*a".repeat(2000)));
        assert!(!pattern.matches(&"a".repeat(20_000)));
    }

    #[test]
    fn patterns_beside_each_other() {
        for (a, b, meets, within) in [
            ("vivid", "vivid", true, true),
            ("vivid", "vimc", false, false),
            ("vivid", "viv*", true, true),
            ("viv*", "vivid", true, false),
            ("viv*", "*", true, true),
            ("a*", "*b", true, false),
        ] {
            let (a, b) = (Glob::new(a), Glob::new(b));
            assert_eq!((a.may_meet(&b), a.is_within(&b)), (meets, within), "{a:?} {b:?}");
        }
    }
}
