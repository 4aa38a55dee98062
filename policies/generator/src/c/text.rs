//! C text without comments, continuation lines and preprocessor lines.

use std::collections::HashMap;

/// A file as the compiler proper would see it, one configuration for all.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) text: String,
    /// Macros without parameters, and those with: the body of each by name. The first one counts.
    pub(crate) defines: HashMap<String, String>,
    /// What it includes: the names between `""` or `<>`, with what encloses them.
    pub(crate) includes: Vec<Include>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// `#include "x.h"`
    Quoted(String),
    /// `#include <x.h>`
    System(String),
}

/// Of each conditional the first branch is kept, except `#if 0`: drivers are written so that this is
/// the configuration with everything in it, and the braces of one branch balance.
pub(crate) fn prepare(source: &str) -> Prepared {
    let mut prepared = Prepared::default();
    let mut branches: Vec<Branch> = Vec::new();
    for line in without_comments(source).lines() {
        let Some(directive) = line.trim_start().strip_prefix('#') else {
            if branches.iter().all(|branch| branch.kept) {
                prepared.text.push_str(line);
                prepared.text.push('\n');
            }
            continue;
        };
        let (word, rest) = first_word(directive);
        match word {
            "if" | "ifdef" | "ifndef" => {
                let kept = !(word == "if" && rest == "0");
                branches.push(Branch { kept, taken: kept });
            }
            "elif" | "else" => {
                if let Some(branch) = branches.last_mut() {
                    branch.kept = !branch.taken;
                    branch.taken = true;
                }
            }
            "endif" => drop(branches.pop()),
            _ if !branches.iter().all(|branch| branch.kept) => {}
            "define" => define(rest, &mut prepared.defines),
            "include" => prepared.includes.extend(include(rest)),
            _ => {}
        }
    }
    prepared
}

/// One `#if … #endif` that is open.
struct Branch {
    /// The lines at hand are kept.
    kept: bool,
    /// A branch of it has been kept.
    taken: bool,
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim())
}

fn define(text: &str, defines: &mut HashMap<String, String>) {
    let (name, mut body) = first_word(text);
    // A parameter list stands directly behind the name; what it binds does not matter here.
    if text.get(name.len()..).is_some_and(|rest| rest.starts_with('(')) {
        body = body.split_once(')').map_or("", |(_, body)| body);
    }
    if !name.is_empty() {
        defines.entry(name.to_owned()).or_insert_with(|| body.trim().to_owned());
    }
}

fn include(text: &str) -> Option<Include> {
    let inner = |open, close| text.strip_prefix(open)?.split_once(close).map(|(name, _)| name);
    let quoted = inner('"', '"').map(|name| Include::Quoted(name.to_owned()));
    quoted.or_else(|| inner('<', '>').map(|name| Include::System(name.to_owned())))
}

/// Comments become a blank, continued lines one line. Strings stay as they are.
fn without_comments(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find(['/', '"', '\'', '\\']) {
        let (before, here) = rest.split_at(at);
        out.push_str(before);
        let taken = if let Some(comment) = here.strip_prefix("/*") {
            out.push(' ');
            comment.find("*/").map_or(here.len(), |end| end + 4)
        } else if here.starts_with("//") {
            here.find('\n').unwrap_or(here.len())
        } else if here.starts_with("\\\n") {
            out.push(' ');
            2
        } else {
            let length = literal(here).unwrap_or(1);
            out.push_str(here.get(..length).unwrap_or(here));
            length
        };
        rest = here.get(taken..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// Length of the string or character that `text` begins with, quotes included. It ends on its line.
pub(crate) fn literal(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_strings_stay() {
        for (source, expected) in [
            ("a /* b \" */ c", "a   c"),
            ("a // it's\nb", "a \nb"),
            ("\"/* no */\" // yes", "\"/* no */\" "),
            ("'\"' /**/ '\\''", "'\"'   '\\''"),
            ("a \\\n b", "a   b"),
            ("open /* for ever", "open  "),
            ("lone \" quote\nb", "lone \" quote\nb"),
        ] {
            assert_eq!(without_comments(source), expected, "{source}");
        }
    }

    #[test]
    fn one_branch_of_each_conditional_is_kept() {
        let kept = |source: &str| prepare(source).text.replace('\n', " ");
        for (source, expected) in [
            ("#ifdef A\n1\n#else\n2\n#endif\n3", "1 3 "),
            ("#if 0\n1\n#else\n2\n#endif\n3", "2 3 "),
            ("#if 0\n1\n#elif B\n2\n#else\n4\n#endif\n3", "2 3 "),
            ("#if 0\n#ifdef A\n1\n#endif\n#endif\n3", "3 "),
            ("# if A\n1\n#elif B\n2\n#else\n4\n#endif\n3", "1 3 "),
            ("#else\n#endif\n3", "3 "),
        ] {
            assert_eq!(kept(source), expected, "{source}");
        }
    }

    #[test]
    fn macros_and_includes() {
        let prepared = prepare(
            "#define NAME \"x\" /* its name */\n#define OPS(f) \\\n\t.create = (f), \\\n\t.import = g\n\
             #define EMPTY\n#if 0\n#define NOT 1\n#endif\n#include \"a.h\"\n#include <drm/b.h>\n#define NAME 2\n",
        );
        assert_eq!(prepared.defines["NAME"], "\"x\"");
        assert!(prepared.defines["OPS"].ends_with(".import = g"), "{:?}", prepared.defines);
        assert_eq!(prepared.defines["EMPTY"], "");
        assert_eq!(prepared.defines.len(), 3);
        let expected = [Include::Quoted("a.h".to_owned()), Include::System("drm/b.h".to_owned())];
        assert_eq!(prepared.includes, expected);
    }
}
