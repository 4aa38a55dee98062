//! Which nodes of a devicetree take buffers, by the kernel's own tables of devices.
//!
//! `of-tables.tsv` has every `compatible` of the drivers below drivers/media, drivers/gpu/drm,
//! drivers/accel and drivers/staging/media, with its file. All of them count, but for what
//! `parts.tsv` says takes no buffers, with the reason.

use crate::Problem;
use heapq_constraints::Name;
use heapq_policies::Patterns;
use std::collections::BTreeMap;
use std::path::Path;

/// What a node is to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A camera, codec or filter.
    Media,
    Display,
    /// Draws, scales or computes: nothing that a pair of source and sink begins or ends with.
    Engine,
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Display => "display",
            Self::Engine => "engine",
        }
    }
}

/// The role of each `compatible` that takes buffers.
pub(crate) struct Roles(BTreeMap<String, Role>);

impl Roles {
    pub(crate) fn read(dir: &Path) -> Result<Self, Problem> {
        let text = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path).map_err(|source| Problem::File { path, source })
        };
        let parts = text("parts.tsv")?;
        let parts: Vec<(Patterns, &str)> = parts.lines().filter_map(part).collect();
        let tables = text("of-tables.tsv")?;
        let lines = tables.lines().filter_map(|line| line.split_once('\t'));
        let roles = lines.filter_map(|(compatible, files)| {
            Some((compatible.to_owned(), role(compatible, files, &parts)?))
        });
        Ok(Self(roles.collect()))
    }

    /// The role of a node, and the `compatible` that gives it.
    pub(crate) fn of<'a>(&self, compatible: &'a [Name]) -> Option<(Role, &'a Name)> {
        compatible.iter().find_map(|one| Some((*self.0.get(&**one)?, one)))
    }
}

fn part(line: &str) -> Option<(Patterns, &str)> {
    let mut columns = line.split('\t');
    let (pattern, what) = (columns.next()?, columns.next()?);
    Some((Patterns::new([pattern]), what))
}

fn role(compatible: &str, files: &str, parts: &[(Patterns, &str)]) -> Option<Role> {
    let is = |patterns: &Patterns| {
        patterns.matches(compatible) || files.split(';').any(|file| patterns.matches(file))
    };
    match parts.iter().find(|(patterns, _)| is(patterns)) {
        Some((_, "no-buffers")) => None,
        Some(_) => Some(Role::Engine),
        None if files.starts_with("drivers/accel/") => Some(Role::Engine),
        None if files.contains("/media/") => Some(Role::Media),
        None => Some(Role::Display),
    }
}
