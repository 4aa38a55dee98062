//! Designated initialisers, flattened.

use super::token::{Token, bracketed};

/// Deepest list within lists that is looked at. The kernel's go to some six.
const MAX_DEPTH: usize = 16;

/// One element of an initialiser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field<'t, 'a> {
    /// `driver.name`, as designators lead to it; empty without one.
    pub(crate) path: String,
    pub(crate) value: &'t [Token<'a>],
}

/// The elements of an initialiser's list, those of lists within included. `tokens` is the list with
/// its braces or without.
pub(crate) fn fields<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<Field<'t, 'a>> {
    let mut list = Vec::new();
    collect("", tokens, 0, &mut list);
    list
}

fn collect<'t, 'a>(
    prefix: &str,
    tokens: &'t [Token<'a>],
    depth: usize,
    list: &mut Vec<Field<'t, 'a>>,
) {
    let inner = match tokens {
        [Token::Mark("{"), inner @ .., Token::Mark("}")] => inner,
        _ => tokens,
    };
    for element in elements(inner) {
        let (path, value) = designated(prefix, element);
        if value.first().is_some_and(|token| token.is("{")) && depth < MAX_DEPTH {
            collect(&path, value, depth + 1, list);
        } else {
            list.push(Field { path, value });
        }
    }
}

/// Splits at the commas that are in no brackets.
fn elements<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut list = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(token) = tokens.get(at) {
        if token.is(",") {
            list.push(tokens.get(begin..at).unwrap_or_default());
            begin = at + 1;
        }
        at += match token {
            Token::Mark("(" | "[" | "{") => bracketed(tokens.get(at..).unwrap_or_default()),
            _ => 1,
        };
    }
    list.push(tokens.get(begin..).unwrap_or_default());
    list.retain(|element| !element.is_empty());
    list
}

/// `.a.b = value`, `[i] = value` or a bare value.
fn designated<'t, 'a>(prefix: &str, element: &'t [Token<'a>]) -> (String, &'t [Token<'a>]) {
    let mut path = prefix.to_owned();
    let mut rest = element;
    loop {
        match rest {
            [Token::Mark("."), Token::Word(name), after @ ..] => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                rest = after;
            }
            [Token::Mark("["), ..] => rest = rest.get(bracketed(rest)..).unwrap_or_default(),
            [Token::Mark("="), after @ ..] => return (path, after),
            _ => return (path, rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::token::tokens;

    #[test]
    fn designators_lead_to_values() {
        let text = "{ .driver = { .name = NAME, .pm = f(a, b), }, .driver.owner = x, OPS, \
                    [0] = { .compatible = \"a\" }, { .compatible = \"b\" }, {} }";
        let tokens = tokens(text);
        let shown: Vec<(String, usize)> =
            fields(&tokens).into_iter().map(|field| (field.path, field.value.len())).collect();
        let expected = [
            ("driver.name", 1),
            ("driver.pm", 6),
            ("driver.owner", 1),
            ("", 1),
            ("compatible", 1),
            ("compatible", 1),
        ];
        assert_eq!(shown, expected.map(|(path, length)| (path.to_owned(), length)));
    }
}
