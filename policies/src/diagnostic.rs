//! What may be said about policy files, and how it is shown.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use heapq_constraints::Name;
use heapq_constraints::value::Place;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is left out whole.
    Error,
    /// The file is used all the same.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What kind of complaint it is. The texts are stable: scripts and documentation refer to
        /// them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text, in kebab-case.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The text is no TOML.
    Syntax = "syntax",
    /// The file is larger than what is read, or states more edges of the graph than there can be.
    TooLarge = "too-large",
    /// More files than are read.
    TooManyFiles = "too-many-files",
    /// The file or directory cannot be read.
    Unreadable = "unreadable",
    /// A directory, device or pipe stands where a policy file should be.
    NotAFile = "not-a-file",
    /// The file's text is not UTF-8.
    NotUtf8 = "not-utf-8",
    /// The file's name is not UTF-8.
    NameNotUtf8 = "name-not-utf-8",
    /// A table that policies do not have.
    UnknownTable = "unknown-table",
    /// A key that the table does not have.
    UnknownKey = "unknown-key",
    /// A key without which the rule says nothing.
    MissingKey = "missing-key",
    /// A value of a kind that the key does not take.
    WrongType = "wrong-type",
    /// A value that the key does not take.
    InvalidValue = "invalid-value",
    /// More complaints about one file than are shown.
    TooManyComplaints = "too-many-complaints",
    /// A property of a heap or a need of a device against the rules of the vocabulary.
    InvalidConstraint = "invalid-constraint",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One complaint about one place of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What kind of complaint it is.
    pub code: Code,
    /// The file as found, or the directory that holds it.
    pub file: Name,
    /// Line of the place, counted from 1; 0 when the file as a whole is meant.
    pub line: u32,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead or where to look.
    pub help: Option<String>,
    /// It is the last one of a file that is left out, where that is to be said.
    pub(crate) last_of_unused: bool,
    /// Where in the file's text, and that text.
    pub(crate) excerpt: Option<(Place, Arc<str>)>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {} [{}]", self.file, self.message, self.code),
            line => write!(f, "{}:{line}: {} [{}]", self.file, self.message, self.code),
        }
    }
}

/// The complaint as a compiler shows it, with the line that is meant; `colour` adds ANSI escapes.
#[must_use]
pub fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(printable(&diagnostic.message)).id(diagnostic.code.as_str());
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let help = diagnostic.help.as_deref().map(|help| Level::HELP.message(printable(help)));
    let group = match &diagnostic.excerpt {
        Some((at, text)) => {
            let (line, span) = line_around(*at, text);
            let first = usize::try_from(diagnostic.line.max(1)).unwrap_or(usize::MAX);
            title.element(
                Snippet::source(line)
                    .line_start(first)
                    .path(printable(&diagnostic.file))
                    .annotation(AnnotationKind::Primary.span(span)),
            )
        }
        None => title.element(annotate_snippets::Origin::path(printable(&diagnostic.file))),
    };
    let outcome =
        diagnostic.last_of_unused.then(|| Level::NOTE.message("nothing of this file is used"));
    renderer.render(&[group.elements(help).elements(outcome)])
}

/// File names and keys come from others: control characters must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The line in which the span begins, and the span within that line: a syntax error may reach to
/// the end of the file, and to show one line the renderer need not see a megabyte.
fn line_around(at: Place, text: &str) -> (&str, Range<usize>) {
    let start = border(text, at.start);
    let (before, after) = text.split_at(start);
    let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let stop = after.find('\n').map_or(text.len(), |length| start + length);
    let end = border(text, at.end).clamp(start, stop);
    (text.get(begin..stop).unwrap_or_default(), start - begin..end - begin)
}

/// The last character border that is not behind `at`.
fn border(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for text in texts {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(text.chars().all(kebab) && !text.starts_with('-'), "{text}");
        }
    }

    #[test]
    fn places_outside_the_text_do_not_panic() {
        let text: Arc<str> = "käse = 1\nb".into();
        for (start, end) in [(0, 900), (2, 3), (900, 901), (5, 2), (9, 10), (10, 10)] {
            let diagnostic = Diagnostic {
                severity: Severity::Error,
                code: Code::Syntax,
                file: "a\u{1b}[31m.toml".into(),
                line: 1,
                message: "m".into(),
                help: Some("h".into()),
                last_of_unused: true,
                excerpt: Some((Place { start, end }, Arc::clone(&text))),
            };
            let shown = render(&diagnostic, false);
            assert!(!shown.contains('\u{1b}') && shown.contains("error[syntax]: m"), "{shown}");
        }
    }
}
