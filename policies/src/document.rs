//! TOML text to the neutral tree of `heapq-constraints`, with the place of every key and value.
//!
//! Policies, cases and snapshots all come through here, so that no other module sees a TOML type.

use heapq_constraints::value::{Entry, Node, Place, Table, Value};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Largest text that is read, in bytes. The largest shipped file stays far below; a text of this
/// size parses in well under a second.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of tables and lists. The deepest key of the vocabulary stands ten levels down
/// (a plane's `address-window` in a format of an alternative of a participant).
pub const MAX_DEPTH: usize = 24;
/// How many complaints about one text are kept: a binary file would yield one a byte.
const MAX_ERRORS: usize = 64;

/// The text is no TOML, or too large or too deep to be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, in the parser's words.
    pub message: String,
    /// The bytes that are meant.
    pub at: Place,
}

/// Reads a whole document.
///
/// # Errors
/// All that is wrong with the syntax, in the order of the text and at most 64 entries; or one entry
/// for a text of more than [`MAX_BYTES`], for tables nested deeper than [`MAX_DEPTH`], or for an
/// integer beyond 128 bits.
pub fn parse(text: &str) -> Result<Table, Vec<SyntaxError>> {
    if text.len() > MAX_BYTES {
        let message = format!("the text has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(vec![SyntaxError { message, at: Place { start: 0, end: 0 } }]);
    }
    if let Some(at) = crate::depth::excess(text) {
        return Err(vec![too_deep(at)]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<SyntaxError> = errors
        .iter()
        .map(|error| SyntaxError {
            message: error.message().to_owned(),
            at: place(error.span().unwrap_or(0..0)),
        })
        .collect();
    errors.sort_by_key(|error| error.at);
    errors.truncate(MAX_ERRORS);
    if errors.is_empty() { table(tree.into_inner(), 0).map_err(|e| vec![e]) } else { Err(errors) }
}

/// The line of `place` in `text`, counted from 1.
#[must_use]
pub fn line(text: &str, place: Place) -> u32 {
    let before = text.as_bytes().get(..place.start).unwrap_or(text.as_bytes());
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX - 1) + 1
}

fn too_deep(at: Place) -> SyntaxError {
    SyntaxError { message: format!("nested deeper than {MAX_DEPTH} levels"), at }
}

fn place(span: Range<usize>) -> Place {
    Place { start: span.start, end: span.end }
}

fn table(source: DeTable<'_>, depth: usize) -> Result<Table, SyntaxError> {
    let mut entries = Vec::with_capacity(source.len());
    for (key, value) in source {
        let at = place(key.span());
        let span = place(value.span());
        let node = node(value.into_inner(), span, depth + 1)?;
        entries.push(Entry { key: key.into_inner().into_owned(), at: Some(at), node });
    }
    // The parser's map is sorted by key; complaints shall come in the order of the text.
    entries.sort_by_key(|entry: &Entry| entry.at);
    Ok(Table { entries })
}

fn node(source: DeValue<'_>, at: Place, depth: usize) -> Result<Node, SyntaxError> {
    if depth > MAX_DEPTH {
        return Err(too_deep(at));
    }
    let value = match source {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(flag) => Value::Bool(flag),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            let wide = i128::from_str_radix(digits, number.radix());
            let message = "an integer beyond 128 bits".to_owned();
            Value::Integer(wide.map_err(|_| SyntaxError { message, at })?)
        }
        DeValue::Float(_) => Value::Unfit("a float"),
        DeValue::Datetime(_) => Value::Unfit("a date or time"),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| {
                let span = place(item.span());
                node(item.into_inner(), span, depth + 1)
            });
            Value::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => Value::Table(table(inner, depth)?),
    };
    Ok(Node { value, at: Some(at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at(text: &str, at: Option<Place>) -> &str {
        let at = at.unwrap();
        &text[at.start..at.end]
    }

    fn table_of(node: &Node) -> &Table {
        match &node.value {
            Value::Table(table) => table,
            other => panic!("{}", other.kind()),
        }
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let text = "z = 1\n[[heap]]\nname = \"system\"\nlimits = { bits = [32, 0x40] }\n";
        let root = parse(text).unwrap();
        assert_eq!(root.entries[0].key, "z", "source order, not alphabetical");
        let Value::List(heaps) = &root.get("heap").unwrap().value else { panic!() };
        let heap = table_of(&heaps[0]);
        assert_eq!(text_at(text, heaps[0].at), "[[heap]]");
        assert_eq!(text_at(text, heap.entries[0].at), "name");
        assert_eq!(text_at(text, heap.entries[0].node.at), "\"system\"");
        let limits = table_of(heap.get("limits").unwrap());
        let Value::List(bits) = &limits.get("bits").unwrap().value else { panic!() };
        assert_eq!(bits[1].value, Value::Integer(64));
        assert_eq!(text_at(text, bits[1].at), "0x40");
        assert_eq!(line(text, bits[1].at.unwrap()), 4);
    }

    #[test]
    fn all_syntax_errors_are_told_at_once() {
        let errors = parse("a = \nb = 1\nb = 2\n[c\n").unwrap_err();
        let lines: Vec<u32> =
            errors.iter().map(|e| line("a = \nb = 1\nb = 2\n[c\n", e.at)).collect();
        assert!(lines.contains(&1) && lines.contains(&3) && lines.contains(&4), "{errors:?}");
    }

    #[test]
    fn kinds_that_no_key_takes_are_named() {
        let root = parse("a = 1.5\nb = 2026-11-21\nc = 0xffff_ffff_ffff_ffff\n").unwrap();
        assert_eq!(root.get("a").unwrap().value, Value::Unfit("a float"));
        assert_eq!(root.get("b").unwrap().value, Value::Unfit("a date or time"));
        assert_eq!(root.get("c").unwrap().value, Value::Integer(i128::from(u64::MAX)));
    }

    #[test]
    fn hostile_texts_are_refused() {
        let large = format!("#{}", " ".repeat(MAX_BYTES));
        let digits = format!("a = {}", "9".repeat(100));
        let brackets = format!("a = {}", "[".repeat(100_000));
        let closed = format!("a = {}{}", "[".repeat(40), "]".repeat(40));
        let dotted = format!("{}a = 1", "a.".repeat(400_000));
        let header = format!("[{}a]\nb = 1", "a.".repeat(400_000));
        let path = vec!["a"; 79].join(".");
        let inline = format!("{}1{}", format!("{path} = {{ ").repeat(79), " }".repeat(79));
        let bytes = "\u{0}\u{1}".repeat(200_000);
        let fields = "a = 1\n".repeat(170_000);
        for (text, what) in [
            (large, "at most 1048576"),
            (digits, "integer"),
            (brackets, "deeper"),
            (closed, "deeper than 24"),
            (dotted, ""),
            (header, ""),
            (inline, "deeper"),
            (bytes, ""),
            (fields, "duplicate"),
        ] {
            let errors = parse(&text).unwrap_err();
            assert!(!errors.is_empty() && errors.len() <= MAX_ERRORS);
            assert!(errors[0].message.contains(what), "{errors:?}");
        }
    }
}
