//! Where reports become text: JSON or human, the same data either way. No report knows its form.

use crate::cli::{Global, Json, When};
use anstream::{AutoStream, ColorChoice};
use heapq_dbus::exit::Exit;
use serde::Serialize;
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

/// Prints why there is no report, where data was asked for.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_error(error: &str, exit: Exit, global: &Global) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Failed<'a> {
        error: &'a str,
        exit_status: u8,
    }
    let Some(form) = global.json else { return Ok(()) };
    let failed = Failed { error, exit_status: exit as u8 };
    write(&json(&failed, form, io::stdout().is_terminal())?, global)
}

/// Prints text to standard output, with its colours where they are wanted.
///
/// # Errors
/// As [`print()`].
pub(crate) fn write(text: &str, global: &Global) -> io::Result<()> {
    let stdout = io::stdout();
    let choice = match global.color {
        When::Auto => AutoStream::choice(&stdout),
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    };
    let mut out = AutoStream::new(stdout.lock(), choice);
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
    Ok(text.map_err(io::Error::other)? + "\n")
}

/// Says something to the person at the terminal that is not the command's result.
pub(crate) fn note(message: impl std::fmt::Display) {
    eprintln!("heapq: {}", crate::table::printable_lines(&message.to_string()));
}
