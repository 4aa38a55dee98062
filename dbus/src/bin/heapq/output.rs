//! Where reports become text: JSON or human, the same data either way. No report knows its form.

use crate::cli::{Global, Json, When};
use anstream::{AutoStream, ColorChoice};
use heapq_dbus::exit::Exit;
use heapq_policies::disturbs;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// Version of the JSON that is printed; counts up when a key changes its meaning.
const SCHEMA: u32 = 1;

/// What a command found out.
pub(crate) trait Report: Serialize {
    /// The report for people. `legend`: with the headings of tables.
    fn human(&self, legend: bool) -> String;
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    schema: u32,
    #[serde(flatten)]
    report: &'a T,
}

/// Prints a report to standard output in the form that was asked for.
///
/// # Errors
/// Those of writing. A reader that has seen enough (a closed pipe) is none.
pub(crate) fn print<T: Report>(report: &T, global: &Global) -> io::Result<()> {
    let text = match global.json {
        Some(form) => json(report, form, io::stdout().is_terminal())?,
        None => report.human(!global.no_legend),
    };
    write(&text, global)
}

/// Prints why there is no report, as data.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_error(error: &str, exit: Exit, form: Json) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Failed<'a> {
        error: &'a str,
        exit_status: u8,
    }
    let failed = Failed { error, exit_status: exit as u8 };
    put(&json(&failed, form, io::stdout().is_terminal())?, ColorChoice::Never)
}

/// Prints text to standard output, with its colours where they are wanted.
///
/// # Errors
/// As [`print()`].
pub(crate) fn write(text: &str, global: &Global) -> io::Result<()> {
    let choice = match global.color {
        When::Auto => AutoStream::choice(&io::stdout()),
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    };
    put(text, choice)
}

fn put(text: &str, colours: ColorChoice) -> io::Result<()> {
    let mut out = AutoStream::new(io::stdout().lock(), colours);
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn json<T: Serialize>(report: &T, form: Json, terminal: bool) -> io::Result<String> {
    let report = Versioned { schema: SCHEMA, report };
    let pretty = match form {
        Json::Auto => terminal,
        Json::Short => false,
        Json::Pretty => true,
    };
    let text =
        if pretty { serde_json::to_string_pretty(&report) } else { serde_json::to_string(&report) };
    Ok(escaped(&text.map_err(io::Error::other)?) + "\n")
}

/// JSON without what disturbs a terminal: where it stands in a string, it may be written as `\u`.
/// Between strings there is nothing of it but the ends of lines, in a string none of those.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if disturbs(c) && c != '\n' {
            // All of them fit into one unit of UTF-16. Writing to a string cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// Says something to the person at the terminal that is not the command's result.
pub(crate) fn note(message: impl std::fmt::Display) {
    eprintln!("heapq: {}", crate::table::printable_lines(&message.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_what_disturbs_a_terminal() {
        let said = "a\u{7f}\u{9b}2J\u{202e}\"\n\u{e9}";
        for form in [Json::Short, Json::Pretty] {
            let text = json(&serde_json::json!({ "said": said }), form, false).unwrap();
            assert!(!text.chars().any(|c| disturbs(c) && c != '\n'), "{text:?}");
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read["said"], said);
        }
    }
}
