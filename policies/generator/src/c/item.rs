//! What stands at file scope: functions and initialised variables.

use super::token::{Token, bracketed};

/// A function with a body, or a variable with an initialiser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item<'t, 'a> {
    pub(crate) name: &'a str,
    /// The `struct` that a variable is of; `None` for functions and other variables.
    pub(crate) structure: Option<&'a str>,
    /// Not visible in other files.
    pub(crate) local: bool,
    /// What stands between the braces, or behind the `=`.
    pub(crate) body: &'t [Token<'a>],
}

/// The items of a file, and the names that it exports to other modules (`EXPORT_SYMBOL…`).
pub(crate) fn items<'t, 'a>(tokens: &'t [Token<'a>]) -> (Vec<Item<'t, 'a>>, Vec<&'a str>) {
    let (mut items, mut exports) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    // The declaration that is being read, without what stands in brackets.
    let mut head: Vec<Token<'a>> = Vec::new();
    while let Some(&token) = rest.first() {
        let mut taken = 1;
        match token {
            Token::Mark(";") => {
                head.clear();
            }
            Token::Mark("(") => {
                taken = bracketed(rest);
                if let (Some(Token::Word(word)), Some(Token::Word(symbol))) =
                    (head.last(), rest.get(1))
                    && word.starts_with("EXPORT_SYMBOL")
                {
                    exports.push(*symbol);
                }
                head.push(token);
            }
            Token::Mark("[") => taken = bracketed(rest),
            Token::Mark("{") => {
                taken = bracketed(rest);
                if let Some(name) = function(&head) {
                    let body = rest.get(1..taken.saturating_sub(1)).unwrap_or_default();
                    items.push(Item { name, structure: None, local: is_static(&head), body });
                    head.clear();
                } else {
                    // The body of a struct or enum: a variable of it may follow.
                    head.push(token);
                }
            }
            Token::Mark("=") => {
                let end = initialiser(rest);
                // Attributes (`__initdata`) stand behind the name.
                let mut words = head.iter().rev().filter_map(|token| token.word());
                if let Some(name) = words.find(|word| !word.starts_with("__")) {
                    let body = rest.get(1..end).unwrap_or_default();
                    let (structure, local) = (structure(&head), is_static(&head));
                    items.push(Item { name, structure, local, body });
                }
                taken = end;
            }
            _ => head.push(token),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    (items, exports)
}

/// How many tokens from the `=` to before the `;` or the next variable's `,`.
fn initialiser(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += match token {
            Token::Mark(";" | ",") => return at,
            Token::Mark("(" | "[" | "{") => bracketed(tokens.get(at..).unwrap_or_default()),
            _ => 1,
        };
    }
    at
}

/// The name of the function that a head declares. Attributes (`__must_hold(…)`) may stand behind the
/// parameters, and macros without a `;` before the whole.
fn function<'a>(head: &[Token<'a>]) -> Option<&'a str> {
    let named = head.windows(2).rev().filter(|pair| pair.last().is_some_and(|last| last.is("(")));
    named.filter_map(|pair| pair.first()?.word()).find(|name| !name.starts_with("__"))
}

fn is_static(head: &[Token<'_>]) -> bool {
    head.contains(&Token::Word("static"))
}

fn structure<'a>(head: &[Token<'a>]) -> Option<&'a str> {
    let at = head.iter().rposition(|token| *token == Token::Word("struct"))?;
    head.get(at + 1)?.word()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::token::tokens;

    #[test]
    fn functions_and_variables() {
        let tokens = tokens(
            "struct a { int x; };\n\
             extern int declared(void);\n\
             static int f(int (*callback)(void)) __releases(lock) { if (g) { h(); } }\n\
             void EXPORTED(void) { f(); }\n\
             EXPORT_SYMBOL_NS_GPL(EXPORTED, \"X\");\n\
             static const struct of_device_id ids[] = { { .compatible = \"x\" }, {} };\n\
             MODULE_DEVICE_TABLE(of, ids);\n\
             static struct platform_driver d __initdata = { .probe = f };\n\
             int one = 1, two = 2;\n\
             struct { int y; } anonymous = { 1 };\n\
             module_platform_driver(d);",
        );
        let (items, exports) = items(&tokens);
        let shown: Vec<(&str, Option<&str>, bool, usize)> = items
            .iter()
            .map(|item| (item.name, item.structure, item.local, item.body.len()))
            .collect();
        let expected = [
            ("f", None, true, 10),
            ("EXPORTED", None, false, 4),
            ("ids", Some("of_device_id"), true, 11),
            ("d", Some("platform_driver"), true, 6),
            ("one", None, false, 1),
            ("two", None, false, 1),
            ("anonymous", None, false, 3),
        ];
        assert_eq!(shown, expected);
        assert_eq!(exports, ["EXPORTED"]);
    }

    #[test]
    fn what_does_not_end_ends_with_the_file() {
        for text in ["int f(void) { {", "struct x y = {", "int f(", "= ; ) }", "x = {{{("] {
            let tokens = tokens(text);
            assert!(items(&tokens).0.len() <= 1, "{text}");
        }
    }
}
