//! Patterns of names: `*` is any run of characters (slashes included), `?` is any one.

/// A pattern, matched against the whole of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(String);

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same pattern as sysfs spells module names.
    pub(crate) fn with_underscores(&self) -> Self {
        Self(self.0.replace('-', "_"))
    }

    /// Takes time proportional to the product of both lengths at worst.
    pub(crate) fn matches(&self, text: &str) -> bool {
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
}
