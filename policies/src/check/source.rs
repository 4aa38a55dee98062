//! A policy file's text while it is being checked, and the complaints about it.

use crate::diagnostic::{Code, Diagnostic, Related};
use heapq_constraints::value::{Entry, Place};
use heapq_constraints::{Name, Origin, vocabulary};
use std::sync::Arc;

/// Complaints about one file that are kept.
const MAX_SHOWN: usize = 100;

/// One file's name and text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    file: Name,
    text: Arc<str>,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(file: Name, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file, text: text.into(), lines }
    }

    pub(crate) fn file(&self) -> &Name {
        &self.file
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The line of a place, counted from 1. The same as `document::line`, but a file has thousands
    /// of keys and the text shall not be counted through for each.
    fn line(&self, at: Place) -> u32 {
        let line = self.lines.partition_point(|begin| *begin <= at.start);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// A line, counted from 1, without the blanks around it.
    pub(crate) fn excerpt(&self, line: u32) -> Option<(Place, Arc<str>)> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let begin = *self.lines.get(index)?;
        let line = self.text.get(begin..)?.lines().next()?;
        let start = begin + (line.len() - line.trim_start().len());
        let at = Place { start, end: (begin + line.trim_end().len()).max(start) };
        Some((at, Arc::clone(&self.text)))
    }

    /// The origin of what stands at a place.
    pub(crate) fn origin(&self, at: Option<Place>) -> Origin {
        let line = at.map_or(0, |at| self.line(at));
        Origin::Policy { file: Name::clone(&self.file), line }
    }
}

/// Collects what is wrong with one file.
pub(crate) struct Complaints<'a> {
    source: &'a Source,
    list: Vec<Diagnostic>,
}

impl<'a> Complaints<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, list: Vec::new() }
    }

    pub(crate) fn source(&self) -> &'a Source {
        self.source
    }

    /// In the order of the text, and no more than somebody would read: errors rather than others.
    pub(crate) fn into_list(mut self) -> Vec<Diagnostic> {
        let place = |one: &Diagnostic| one.excerpt.as_ref().map(|(at, _)| *at);
        let unshown = self.list.len().saturating_sub(MAX_SHOWN);
        if unshown > 0 {
            self.list.sort_by_key(|one| (one.severity(), place(one)));
            self.list.truncate(MAX_SHOWN);
        }
        self.list.sort_by_key(place);
        if unshown > 0 {
            self.tell(Code::TooManyComplaints, None, format!("and {unshown} more"), None);
        }
        self.list
    }

    pub(crate) fn tell(
        &mut self,
        code: Code,
        at: Option<Place>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.list.push(Diagnostic {
            line: at.map_or(0, |at| self.source.line(at)),
            help,
            excerpt: at.map(|at| (at, Arc::clone(&self.source.text))),
            ..Diagnostic::whole(code, &self.source.file, message)
        });
    }

    /// Another place that the last complaint is about.
    pub(crate) fn also(&mut self, at: Option<Place>, label: &str) {
        let related = Related {
            file: Name::clone(&self.source.file),
            line: at.map_or(0, |at| self.source.line(at)),
            label: label.to_owned(),
            excerpt: at.map(|at| (at, Arc::clone(&self.source.text))),
        };
        if let Some(last) = self.list.last_mut() {
            last.related.push(related);
        }
    }

    /// How many complaints there are so far.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// A word that is not among the known ones. `what` precedes it: `match has no key`.
    pub(crate) fn unknown(&mut self, code: Code, entry: &Entry, what: &str, known: &[&str]) {
        let message = format!("{what} `{}`", shortened(&entry.key));
        self.tell(code, entry.at, message, Some(suggestion(&entry.key, known)));
    }
}

/// What to write instead of a word that nobody knows.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    match vocabulary::nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

/// Enough of a text to recognise it; it may be of any length.
pub(crate) fn shortened(text: &str) -> String {
    const LENGTH: usize = 60;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn lines_are_those_of_the_document() {
        let text = "a\n\nbc\n";
        let source = Source::new("x.toml".into(), text);
        for start in 0..=text.len() {
            let at = Place { start, end: start };
            assert_eq!(source.line(at), document::line(text, at), "{start}");
        }
    }
}
