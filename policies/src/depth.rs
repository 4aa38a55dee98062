//! A bound on nesting that is checked before the parser builds anything.
//!
//! The parser bounds brackets and the parts of one dotted key each by itself, not their product:
//! eighty inline tables, each under a key of eighty parts, are a tree of 6400 levels, and merely to
//! free that overflows a thread's stack. The count here is made on the parser's own tokens and
//! never falls short of the tree's depth.

use heapq_constraints::value::Place;
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// Levels that are let through to the parser. Well above what [`crate::document::MAX_DEPTH`]
/// accepts, since dots of numbers and of neighbours within one bracket count as well.
const BOUND: usize = 100;

/// The place where `text` nests too deep, if it does.
pub(crate) fn excess(text: &str) -> Option<Place> {
    let mut open: Vec<(TokenKind, usize)> = Vec::new();
    let mut below = 0;
    let mut dots = 0;
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::Newline if open.is_empty() => dots = 0,
            kind @ (TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket) => {
                open.push((kind, dots));
                below += dots + 1;
                dots = 0;
            }
            kind @ (TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket) => {
                // A closer that fits nothing is the parser's to complain about.
                if let Some((_, before)) = open.pop_if(|(opener, _)| fits(*opener, kind)) {
                    below -= before + 1;
                    dots = before;
                }
            }
            _ => {}
        }
        if below + dots > BOUND {
            let span = token.span();
            return Some(Place { start: span.start(), end: span.end() });
        }
    }
    None
}

fn fits(opener: TokenKind, closer: TokenKind) -> bool {
    (opener == TokenKind::LeftSquareBracket) == (closer == TokenKind::RightSquareBracket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_let_through() {
        let line = "a = { b.c = [1.5, \"[[[[\", '{{{'], d = 2 } # {{{{\n";
        let text = format!("[[x.y.z]]\n{}", line.repeat(500));
        assert_eq!(excess(&text), None);
        let siblings = format!("a = [{}]", "{ b.c.d = [1, 2] },\n".repeat(5000));
        assert_eq!(excess(&siblings), None);
    }

    #[test]
    fn brackets_and_dots_add_up() {
        let path = vec!["a"; 30].join(".");
        assert_eq!(excess(&format!("{path} = {{ {path} = {{ {path} = 1 }} }}")), None);
        let text = format!("{path} = {{ {path} = {{ {path} = {{ {path} = 1 }} }} }}");
        assert!(excess(&text).is_some());
        // Closers that fit nothing must not hide the depth.
        assert!(excess(&format!("{path} = {{ ] ").repeat(4)).is_some());
    }
}
