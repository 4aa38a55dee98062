//! Makefiles of the kernel: which sources make which module.

use crate::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};

/// The modules that these Makefiles build: by name and directory, the `.c` files.
pub(crate) fn modules(tree: &Tree, makefiles: &[&String]) -> Vec<Module> {
    let mut modules = Vec::new();
    for path in makefiles {
        let Some(text) = tree.read(path) else { continue };
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        modules.extend(in_makefile(dir, &text));
    }
    modules
}

/// A module, loadable or built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// As `modinfo` has it: `hantro-vpu`.
    pub(crate) name: String,
    /// Paths below the kernel's root.
    pub(crate) sources: BTreeSet<String>,
}

fn in_makefile(dir: &str, text: &str) -> Vec<Module> {
    let variables = assignments(text);
    let targets = variables.iter().filter(|(name, _)| name.starts_with("obj-"));
    let objects: BTreeSet<&str> =
        targets.flat_map(|(_, words)| words).filter_map(|word| word.strip_suffix(".o")).collect();
    objects
        .into_iter()
        .map(|object| {
            let mut parts = parts(object, &variables);
            if parts.is_empty() {
                parts.insert(object);
            }
            let sources = parts.into_iter().map(|part| below(dir, &format!("{part}.c"))).collect();
            Module { name: base(object).to_owned(), sources }
        })
        .collect()
}

/// Every variable with the words that are ever put into it.
fn assignments(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut variables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut continues: Option<&str> = None;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("");
        let (name, value) = match continues {
            Some(name) => (name, line),
            None => {
                let Some((name, value)) = line.split_once('=') else { continue };
                (name.trim_end_matches(['+', ':', '?']).trim(), value)
            }
        };
        let words = value.trim_end().trim_end_matches('\\').split_whitespace();
        variables.entry(name).or_default().extend(words);
        continues = line.trim_end().ends_with('\\').then_some(name);
    }
    variables
}

/// The objects that `object` is linked of, without `.o`: `x-objs`, `x-y`, `x-m`, `x-$(CONFIG_…)`, and
/// what these refer to (`i915-y += $(gt-y)`).
fn parts<'a>(object: &'a str, variables: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![base(object)];
    let mut seen = BTreeSet::new();
    while let Some(stem) = open.pop() {
        if !seen.insert(stem) {
            continue;
        }
        let of_it = variables.iter().filter(|(name, _)| is_list_of(stem, name));
        for word in of_it.flat_map(|(_, words)| words) {
            let variable = word.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
            if let Some(part) = word.strip_suffix(".o") {
                found.insert(part);
            } else if let Some((stem, _)) = variable.and_then(|name| name.rsplit_once('-')) {
                open.push(stem);
            }
        }
    }
    found
}

fn is_list_of(stem: &str, variable: &str) -> bool {
    let kind = variable.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-'));
    kind.is_some_and(|kind| {
        matches!(kind, "objs" | "y" | "m") || kind.starts_with("$(") || kind.starts_with("objs-")
    })
}

fn base(object: &str) -> &str {
    object.rsplit_once('/').map_or(object, |(_, name)| name)
}

/// `dir/../common/x` without the dots. Never above the root.
pub(crate) fn below(dir: &str, part: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in dir.split('/').chain(part.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            _ => steps.push(step),
        }
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_one_file_and_of_several() {
        let found = in_makefile(
            "drivers/media/x",
            "# obj-m += no.o\n\
             obj-$(CONFIG_A) += a.o sub/\n\
             obj-$(CONFIG_B)\t:= b.o\n\
             b-objs := b-core.o \\\n\tdeep/b-queue.o ../common/c.o\n\
             b-$(CONFIG_PM) += b-pm.o\n\
             obj-y += d.o\n\
             d-y := $(gt-y)\n\
             gt-y += gt.o $(d-y)\n\
             gt-m += gt2.o\n\
             unrelated-y += e.o\n",
        );
        let shown: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|module| {
                let files = module.sources.iter().map(|path| path.trim_start_matches("drivers/"));
                (module.name.as_str(), files.collect())
            })
            .collect();
        let expected = [
            ("a", vec!["media/x/a.c"]),
            (
                "b",
                vec![
                    "media/common/c.c",
                    "media/x/b-core.c",
                    "media/x/b-pm.c",
                    "media/x/deep/b-queue.c",
                ],
            ),
            ("d", vec!["media/x/gt.c", "media/x/gt2.c"]),
        ];
        assert_eq!(shown, expected);
    }
}
