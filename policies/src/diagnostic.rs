//! What may be said about policy files, and how it is shown.

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
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
    /// The file is used all the same, and is hardly what its author meant.
    Warning,
    /// Nothing is wrong, and worth knowing.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident: $severity:ident = $text:literal,)*) => {
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

            /// How much a complaint of this kind matters.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// The text is no TOML.
    Syntax: Error = "syntax",
    /// The file is larger than what is read, or states more edges of the graph than there can be.
    TooLarge: Error = "too-large",
    /// More files than are read.
    TooManyFiles: Error = "too-many-files",
    /// The file or directory cannot be read.
    Unreadable: Error = "unreadable",
    /// A directory, device or pipe stands where a policy file should be.
    NotAFile: Error = "not-a-file",
    /// The file's text is not UTF-8.
    NotUtf8: Error = "not-utf-8",
    /// The file's name is not UTF-8.
    NameNotUtf8: Error = "name-not-utf-8",
    /// A table that policies do not have.
    UnknownTable: Error = "unknown-table",
    /// A key that the table does not have.
    UnknownKey: Error = "unknown-key",
    /// A key without which the rule says nothing.
    MissingKey: Error = "missing-key",
    /// A value of a kind that the key does not take.
    WrongType: Error = "wrong-type",
    /// A value that the key does not take.
    InvalidValue: Error = "invalid-value",
    /// More complaints about one file than are shown.
    TooManyComplaints: Note = "too-many-complaints",
    /// A property of a heap or a need of a device against the rules of the vocabulary.
    InvalidConstraint: Error = "invalid-constraint",
    /// A rule, or a part of one, that holds for nothing.
    NeverHolds: Warning = "never-holds",
    /// What changes nothing where it stands.
    NoEffect: Warning = "no-effect",
    /// A part of a rule that another part makes needless.
    Redundant: Warning = "redundant",
    /// Two rules of which none is meant to win say different things of the same.
    Contradiction: Warning = "contradiction",
    /// An edge of the graph against what is stated of its heaps.
    EdgeAgainstProperty: Warning = "edge-against-property",
    /// An `override` of what nobody stated, or of what cannot be dropped.
    NothingToOverride: Warning = "nothing-to-override",
    /// The same rule twice.
    DuplicateRule: Warning = "duplicate-rule",
    /// An empty file, or a link to /dev/null, that switches nothing off.
    MasksNothing: Warning = "masks-nothing",
    /// A file that is not read, since a higher layer has one of its name.
    Replaced: Note = "replaced",
    /// A file that is switched off.
    Masked: Note = "masked",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One complaint about one place of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
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
    /// Other places that have to do with it, perhaps in other files.
    pub related: Vec<Related>,
    /// It is the last one of a file that is left out, where that is to be said.
    pub(crate) last_of_unused: bool,
    /// Where in the file's text, and that text.
    pub(crate) excerpt: Option<(Place, Arc<str>)>,
}

/// Another place that a complaint is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The file as found.
    pub file: Name,
    /// Line of the place, counted from 1; 0 when the file as a whole is meant.
    pub line: u32,
    /// What stands there, in a few words.
    pub label: String,
    /// Where in the file's text, and that text.
    pub(crate) excerpt: Option<(Place, Arc<str>)>,
}

impl Diagnostic {
    /// A complaint about a file or directory as a whole.
    pub(crate) fn whole(code: Code, file: &Name, message: impl Into<String>) -> Self {
        Self {
            code,
            file: Name::clone(file),
            line: 0,
            message: message.into(),
            help: None,
            related: Vec::new(),
            last_of_unused: false,
            excerpt: None,
        }
    }

    /// The same with what to write instead.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {} [{}]", self.file, self.message, self.code),
            line => write!(f, "{}:{line}: {} [{}]", self.file, self.message, self.code),
        }
    }
}

/// The complaint as a compiler shows it, with the lines that are meant; `colour` adds ANSI escapes.
#[must_use]
pub fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(printable(&diagnostic.message)).id(diagnostic.code.as_str());
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let Diagnostic { file, line, excerpt, .. } = diagnostic;
    let here = shown(file, *line, excerpt.as_ref(), AnnotationKind::Primary, None);
    let elsewhere = diagnostic.related.iter().map(|one| {
        let label = Some(one.label.as_str());
        shown(&one.file, one.line, one.excerpt.as_ref(), AnnotationKind::Context, label)
    });
    let help = diagnostic.help.as_deref().map(|help| Level::HELP.message(printable(help)));
    let outcome =
        diagnostic.last_of_unused.then(|| Level::NOTE.message("nothing of this file is used"));
    let group = title.element(here).elements(elsewhere).elements(help).elements(outcome);
    renderer.render(&[group])
}

/// One place: its line, or only the file where there is no text to show.
fn shown<'a>(
    file: &str,
    line: u32,
    excerpt: Option<&'a (Place, Arc<str>)>,
    kind: AnnotationKind,
    label: Option<&str>,
) -> Element<'a> {
    let Some((at, text)) = excerpt else { return Origin::path(one_line(file)).into() };
    let (source, span) = line_around(*at, text);
    // The renderer shows the ASCII control characters, and passes the others on.
    let upto = |end| source.get(..end).map_or(0, |part| without_c1(part).len());
    let span = upto(span.start)..upto(span.end);
    let first = usize::try_from(line.max(1)).unwrap_or(usize::MAX);
    let annotation = kind.span(span).label(label.map(printable));
    let snippet = Snippet::source(without_c1(source)).line_start(first).path(one_line(file));
    snippet.annotation(annotation).into()
}

/// Without U+0080 to U+009F: U+009B begins a sequence for terminals as ESC [ does.
fn without_c1(text: &str) -> String {
    text.replace(|c| matches!(c, '\u{80}'..='\u{9f}'), "\u{fffd}")
}

/// A file's name must not look like a line of the report.
fn one_line(name: &str) -> String {
    printable(name).replace('\n', "\u{fffd}")
}

/// File names and keys come from others: control characters must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if disturbs(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Whether a terminal does something else with `c` than to show it in its place: control characters,
/// and those that turn the direction of what follows.
#[must_use]
pub fn disturbs(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
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
    fn no_control_character_passes_and_the_caret_stays() {
        let text: Arc<str> = "a = \"\u{9b}31m\u{1b}\u{202e}\" drver".into();
        let at = text.find("drver").unwrap_or_default();
        let diagnostic = Diagnostic {
            line: 1,
            excerpt: Some((Place { start: at, end: at + 5 }, text)),
            ..Diagnostic::whole(Code::Syntax, &"a\nb.toml".into(), "m\u{2066}")
        };
        let shown = render(&diagnostic, false);
        assert!(!shown.chars().any(|c| disturbs(c) && c != '\n'), "{shown:?}");
        assert!(shown.contains("a\u{fffd}b.toml:1:"), "{shown}");
        let column = |text| {
            shown.lines().find_map(|line| {
                Some(line.split(text).next()?.chars().count()).filter(|_| line.contains(text))
            })
        };
        assert_eq!(column("drver"), column("^^^^^"), "{shown}");
    }

    #[test]
    fn places_outside_the_text_do_not_panic() {
        let text: Arc<str> = "käse = 1\nb".into();
        for (start, end) in [(0, 900), (2, 3), (900, 901), (5, 2), (9, 10), (10, 10)] {
            let diagnostic = Diagnostic {
                line: 1,
                help: Some("h".into()),
                last_of_unused: true,
                excerpt: Some((Place { start, end }, Arc::clone(&text))),
                ..Diagnostic::whole(Code::Syntax, &"a\u{1b}[31m.toml".into(), "m")
            };
            let shown = render(&diagnostic, false);
            assert!(!shown.contains('\u{1b}') && shown.contains("error[syntax]: m"), "{shown}");
        }
    }
}
