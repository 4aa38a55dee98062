//! Tokens of C.

use super::text::literal;
use std::fmt;

/// One token, with the text that it borrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// An identifier or a keyword.
    Word(&'a str),
    /// A string, without its quotes; escapes as they are written.
    Text(&'a str),
    /// A number with its suffix, or a character.
    Number(&'a str),
    /// `->`, or any other punctuation, character by character.
    Mark(&'a str),
}

impl<'a> Token<'a> {
    pub(crate) fn is(self, mark: &str) -> bool {
        self == Token::Mark(mark)
    }

    pub(crate) fn word(self) -> Option<&'a str> {
        if let Token::Word(word) = self { Some(word) } else { None }
    }
}

impl fmt::Display for Token<'_> {
    /// As C, with a blank behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Text(text) => write!(f, "\"{text}\" "),
            Token::Word(text) | Token::Number(text) | Token::Mark(text) => write!(f, "{text} "),
        }
    }
}

/// The tokens of text without comments.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            end.unwrap_or(text.len())
        };
        let length = match first {
            'a'..='z' | 'A'..='Z' | '_' | '0'..='9' => word(rest),
            '-' if rest.starts_with("->") => 2,
            _ => literal(rest).unwrap_or(first.len_utf8()),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(match first {
            '0'..='9' | '\'' => Token::Number(token),
            '"' if length > 1 => Token::Text(token.get(1..length - 1).unwrap_or("")),
            'a'..='z' | 'A'..='Z' | '_' => Token::Word(token),
            _ => Token::Mark(token),
        });
        rest = after.trim_start();
    }
    tokens
}

/// How many tokens from an opening bracket to behind the one that closes it; all, if none does.
pub(crate) fn bracketed(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark("(" | "[" | "{") => depth += 1,
            Token::Mark(")" | "]" | "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_numbers_and_marks() {
        let found = tokens("q->io_modes |= 0x1fULL; x = \"a\\\"b\" 'c' é\"");
        let expected = [
            Token::Word("q"),
            Token::Mark("->"),
            Token::Word("io_modes"),
            Token::Mark("|"),
            Token::Mark("="),
            Token::Number("0x1fULL"),
            Token::Mark(";"),
            Token::Word("x"),
            Token::Mark("="),
            Token::Text("a\\\"b"),
            Token::Number("'c'"),
            Token::Mark("é"),
            Token::Mark("\""),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn brackets_close() {
        assert_eq!(bracketed(&tokens("(a [b] {c}) d")), 9);
        assert_eq!(bracketed(&tokens("{ a")), 2);
        assert_eq!(bracketed(&tokens("")), 0);
    }
}
