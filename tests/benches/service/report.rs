//! Budget and figure side by side, and as JSON.

#[path = "../../../constraints/benches/budget/list.rs"]
mod list;

use serde_json::{Value, json};
use std::path::Path;

/// What was measured. No figure may exceed its budget.
pub(crate) struct Report(Vec<Value>);

impl Report {
    pub(crate) fn begin() -> Self {
        println!("{:<58} {:>8} {:>9}", "", "budget", "figure");
        Self(Vec::new())
    }

    pub(crate) fn say(&mut self, name: impl Into<String>, budget: f64, figure: f64) {
        let name = name.into();
        let verdict = if figure <= budget { "met" } else { "missed" };
        println!("{name:<58} {budget:>8.2} {figure:>9.2}  {verdict}");
        self.0.push(json!({ "name": name, "figure": figure, "budget": budget }));
    }

    /// Writes all to `file`; whether all budgets are met.
    pub(crate) fn write(self, file: &Path) -> bool {
        list::keep(file, &self.0);
        self.0.iter().all(|one| one["figure"].as_f64() <= one["budget"].as_f64())
    }
}
