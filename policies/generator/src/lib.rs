//! Reads the sources of a kernel and writes the shipped policies of its V4L2 and DRM drivers.
//!
//! Nothing is known of single drivers. A driver reaches its queues and its `struct drm_driver` over
//! functions and variables that mention each other, libraries included; what these say of memory,
//! import and DMA mask is the driver's rule. What cannot be read so is reported by name and is left to
//! hands.

#![forbid(unsafe_code)]

mod c;
mod driver;
mod facts;
mod hand;
mod kbuild;
mod macros;
mod program;
mod survey;
mod tree;
mod write;

use crate::driver::Drivers;
use crate::hand::ByHand;
use crate::macros::Macros;
use crate::program::Program;
use crate::survey::{Sources, Survey};
use crate::tree::Tree;
use crate::write::{Class, DISPLAY, MEDIA};
use heapq_policies::document::SyntaxError;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

pub use tree::NoKernel;

/// What came of a kernel's sources.
#[derive(Debug)]
pub struct Tables {
    /// Name and text of each policy file.
    pub files: Vec<(&'static str, String)>,
    /// What did not come into them, and why.
    pub report: Report,
}

/// What the tables leave out, or hold with a doubt. Every entry is one line.
#[derive(Debug, Default)]
pub struct Report {
    /// `7.3`
    pub kernel: String,
    /// How many drivers each file describes.
    pub classified: BTreeMap<&'static str, usize>,
    /// Drivers that policies made by hand name.
    pub by_hand: BTreeSet<String>,
    /// Drivers of whose facts one had to be assumed.
    pub assumed: BTreeSet<String>,
    /// Drivers that nobody describes.
    pub unclassified: BTreeSet<String>,
    /// Compatibles that are left out, because drivers that differ match them.
    pub ambiguous: BTreeSet<String>,
    /// Files that were passed over.
    pub skipped: BTreeSet<String>,
}

/// Reads a kernel below `root`. `by_hand` has name and text of the policy files made by hand.
///
/// # Errors
/// The directory holds no kernel, or more than one would ever have; or a file made by hand is no TOML.
pub fn tables(root: &Path, by_hand: &[(String, String)]) -> Result<Tables, Fault> {
    let mut hands = ByHand::default();
    for (name, text) in by_hand {
        hands.add(text).map_err(|error| Fault::ByHand(name.clone(), error))?;
    }
    let tree = Tree::new(root);
    let mut report = Report { kernel: tree.version()?, ..Report::default() };
    let program = Program::read(&tree)?;
    let macros = Macros::new(&tree);
    let drivers = Drivers::of(&program, &macros);
    let sources = Sources { program: &program, macros: &macros, drivers: &drivers };
    let surveys = [(&MEDIA, survey::media(&sources)), (&DISPLAY, survey::display(&sources))];
    let files = surveys.map(|(class, mut survey)| {
        report.sort_out(class, &mut survey, &hands);
        (class.file, class.text(&report.kernel, &survey.rows, &drivers))
    });
    report.skipped = tree.skipped();
    Ok(Tables { files: files.into(), report })
}

/// Why there are no tables.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// These are no sources of a kernel.
    #[error(transparent)]
    NoKernel(#[from] NoKernel),
    /// A policy file made by hand, and what is wrong with it.
    #[error("{0}: {1}")]
    ByHand(String, SyntaxError),
}

impl Report {
    /// Takes out of a survey what is not to be written, and notes it.
    fn sort_out(&mut self, class: &Class, survey: &mut Survey, hands: &ByHand) {
        for lost in &survey.unclassified {
            let by_hand = |(name, bus): &(String, &str)| hands.has_driver(name, bus);
            if let Some((name, _)) = lost.drivers.iter().find(|driver| by_hand(driver)) {
                self.by_hand.insert(name.clone());
            } else {
                self.unclassified
                    .insert(format!("{} ({}): {}", lost.name, lost.source, lost.reason));
            }
        }
        survey.rows.retain(|row| {
            let by_hand = hands.has_driver(&row.driver.name, row.driver.bus);
            if by_hand {
                self.by_hand.insert(row.driver.name.clone());
            }
            !by_hand
        });
        for compatible in survey.ambiguous() {
            let owners =
                survey.rows.iter().filter(|row| row.driver.compatibles.contains(&compatible));
            let owners: BTreeSet<&str> = owners.map(|row| row.driver.name.as_str()).collect();
            let owners: Vec<&str> = owners.into_iter().collect();
            self.ambiguous.insert(format!("{compatible}: {}", owners.join(", ")));
            survey.forget(&compatible);
        }
        for row in &mut survey.rows {
            row.driver.compatibles.retain(|compatible| !hands.has_compatible(compatible));
            if let Some(assumed) = &row.assumed {
                self.assumed.insert(format!("{} ({}): {assumed}", row.driver.name, row.source));
            }
        }
        self.classified.insert(class.file, survey.rows.len());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Linux {}", self.kernel)?;
        for (file, count) in &self.classified {
            writeln!(f, "{file}: {count} drivers")?;
        }
        let lists = [
            ("by hand", &self.by_hand),
            ("assumed", &self.assumed),
            ("could not classify", &self.unclassified),
            ("compatibles left out", &self.ambiguous),
            ("passed over", &self.skipped),
        ];
        for (title, lines) in lists.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            writeln!(f, "{title}: {}", lines.len())?;
            for line in lines {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}
