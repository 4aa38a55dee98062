//! `heapq policy cat`: all policy files, as one text.

use super::check::File;
use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::policy_dirs;
use crate::table::{HEADING, printable, printable_text};
use heapq_dbus::exit::Exit;
use heapq_policies::{PolicyFile, load};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdout};

/// The files in the order in which they take effect.
#[derive(Debug, Serialize)]
struct Files {
    files: Vec<Text>,
    /// What reads them is a terminal, which some characters disturb. Others get them as they are.
    #[serde(skip)]
    tamed: bool,
}

/// One file with what stands in it.
#[derive(Debug, Serialize)]
struct Text {
    #[serde(flatten)]
    file: File,
    /// Absent for one that masks, and for one that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl From<&PolicyFile> for Text {
    fn from(file: &PolicyFile) -> Self {
        Self { file: File::from(file), text: file.text().map(str::to_owned) }
    }
}

impl Report for Files {
    fn human(&self, legend: bool) -> String {
        let mut whole = String::new();
        for (n, Text { file, text }) in self.files.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            // Writing to a string cannot fail.
            if legend {
                let header = printable(&file.to_string());
                let _ = writeln!(whole, "{gap}{HEADING}# {header}{HEADING:#}");
            }
            match text {
                Some(text) if self.tamed => whole += &printable_text(text),
                Some(text) => {
                    let end = if text.ends_with('\n') { "" } else { "\n" };
                    let _ = write!(whole, "{text}{end}");
                }
                None => {}
            }
        }
        whole
    }
}

/// Runs the command.
pub(super) fn run(global: &Global) -> Result<Exit, Problem> {
    let loaded = load(&policy_dirs(global));
    let files = loaded.files.iter().map(Text::from).collect();
    let report = Files { files, tamed: stdout().is_terminal() };
    print(&report, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}
