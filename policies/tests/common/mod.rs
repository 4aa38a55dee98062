//! Helpers of the tests of this crate.
#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use heapq_constraints::Name;
use heapq_constraints::choice::Choice;
use heapq_constraints::question::{Usage, Usages};
use heapq_policies::{DeviceKnowledge, DeviceView, Kernel, Loaded, PolicySet, load};
use std::path::{Path, PathBuf};

pub(crate) fn kernel(release: &str) -> Kernel {
    release.parse().unwrap()
}

/// Directories of one temporary tree, lowest layer first.
pub(crate) struct Layers {
    tree: tempfile::TempDir,
    pub(crate) dirs: Vec<PathBuf>,
}

impl Layers {
    pub(crate) fn new(count: usize) -> Self {
        let tree = tempfile::tempdir().unwrap();
        let dirs: Vec<PathBuf> = (0..count).map(|n| tree.path().join(n.to_string())).collect();
        dirs.iter().for_each(|dir| std::fs::create_dir(dir).unwrap());
        Self { tree, dirs }
    }

    pub(crate) fn write(&self, layer: usize, name: &str, text: &str) -> PathBuf {
        let path = self.dirs[layer].join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn load(&self) -> Loaded {
        load(&self.dirs)
    }

    pub(crate) fn top(&self) -> &Path {
        self.tree.path()
    }
}

/// The shipped rules and one more file.
pub(crate) fn with(text: &str) -> PolicySet {
    let layers = Layers::new(1);
    layers.write(0, "50-test.toml", text);
    let loaded = layers.load();
    assert_eq!(loaded.diagnostics, [], "{:#?}", loaded.diagnostics);
    loaded.set
}

pub(crate) fn usages(words: &[&str]) -> Choice<'static> {
    let of_word = |word: &&str| *Usage::ALL.iter().find(|usage| usage.word() == *word).unwrap();
    words.iter().map(of_word).collect::<Usages>().into()
}

/// The facts as text, in order: `contiguous builtin:20-kernel-media.toml:26`.
pub(crate) fn facts(knowledge: &DeviceKnowledge) -> Vec<String> {
    knowledge.facts.iter().map(|fact| format!("{:?}", fact.constraint)).collect()
}

/// A view with a driver, on kernel 6.12.
pub(crate) fn driven(driver: &str) -> DeviceView<'_> {
    DeviceView { driver: Some(driver), ..DeviceView::new(kernel("6.12")) }
}

pub(crate) fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| Name::from(*text)).collect()
}
