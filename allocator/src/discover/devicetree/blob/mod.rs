//! Flattened devicetrees (`*.dtb`), as the Devicetree Specification's chapter 5 lays them out.
//!
//! A blob may come from anybody: one loop reads it, nothing recurs, every offset is checked before it
//! is used, and what exceeds a bound is refused with its offset.

mod error;
mod reader;

pub use error::{BlobError, Cause};

use super::Tree;
use reader::Reader;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

/// Largest blob in bytes; mainline's largest is below 400 KiB.
pub const BYTES_MAX: usize = 16 << 20;
/// Levels of nodes, the root's included.
pub const DEPTH_MAX: usize = 64;
/// Nodes of one tree; mainline's largest has some 7,000.
pub const NODES_MAX: usize = 1 << 16;
/// Properties of one tree.
pub const PROPERTIES_MAX: usize = 1 << 18;
/// Bytes of a node's or property's name.
pub const NAME_MAX: usize = 255;

/// Most warnings; more of the same help nobody.
const WARNINGS_MAX: usize = 100;

struct Node<'b> {
    name: &'b str,
    parent: Option<u32>,
    properties: Range<usize>,
    /// The first node that is not below this one: nodes are in the order of the blob.
    after: u32,
}

/// A tree that was read from a blob, flat: nodes refer to each other by number.
pub(super) struct Blob<'b> {
    nodes: Vec<Node<'b>>,
    properties: Vec<(&'b str, &'b [u8])>,
    phandles: HashMap<u32, u32>,
    warnings: RefCell<Vec<String>>,
}

impl<'b> Blob<'b> {
    /// Reads a whole blob.
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, BlobError> {
        let mut reader = Reader::new(bytes)?;
        while reader.step()? {}
        let Reader { nodes, properties, .. } = reader;
        let mut blob =
            Self { nodes, properties, phandles: HashMap::new(), warnings: RefCell::default() };
        blob.index_phandles();
        Ok(blob)
    }

    fn index_phandles(&mut self) {
        for (number, node) in (0_u32..).zip(&self.nodes) {
            let own = self.properties.get(node.properties.clone()).unwrap_or_default();
            let named = own.iter().find(|(name, _)| matches!(*name, "phandle" | "linux,phandle"));
            let Some(phandle) = named.and_then(|(_, value)| <[u8; 4]>::try_from(*value).ok())
            else {
                continue;
            };
            let phandle = u32::from_be_bytes(phandle);
            // The kernel finds the first of several that claim one number.
            if *self.phandles.entry(phandle).or_insert(number) != number {
                let text = format!("{}: phandle {phandle:#x} is another node's", node.name);
                self.warnings.borrow_mut().push(text);
            }
        }
        self.warnings.borrow_mut().truncate(WARNINGS_MAX);
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }

    /// The number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All nodes in the order of the blob, parents before what is below them.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> + use<> {
        (0_u32..).take(self.nodes.len())
    }

    /// The first node in the order of the blob that is not below this one.
    pub(super) fn after(&self, number: u32) -> u32 {
        self.node(number).map_or(0, |node| node.after)
    }

    pub(super) fn property_names(&self, number: u32) -> impl Iterator<Item = &str> {
        self.own(number).iter().map(|(name, _)| *name)
    }

    fn node(&self, number: u32) -> Option<&Node<'b>> {
        self.nodes.get(usize::try_from(number).ok()?)
    }

    fn own(&self, number: u32) -> &[(&'b str, &'b [u8])] {
        let node = self.node(number);
        node.and_then(|node| self.properties.get(node.properties.clone())).unwrap_or_default()
    }
}

impl Tree for Blob<'_> {
    type Node = u32;

    fn root(&self) -> u32 {
        0
    }

    fn parent(&self, node: &u32) -> Option<u32> {
        self.node(*node)?.parent
    }

    fn children(&self, node: &u32) -> Vec<u32> {
        let end = self.after(*node);
        let below = |at: u32| (at < end).then_some(at);
        let next = |at: &u32| below(self.node(*at)?.after);
        std::iter::successors(below(node.saturating_add(1)), next).collect()
    }

    fn name(&self, node: &u32) -> String {
        self.node(*node).map(|node| node.name.to_owned()).unwrap_or_default()
    }

    fn property(&self, node: &u32, name: &str) -> Option<Cow<'_, [u8]>> {
        let (_, value) = self.own(*node).iter().find(|(own, _)| *own == name)?;
        Some(Cow::Borrowed(value))
    }

    fn by_phandle(&self, phandle: u32) -> Option<u32> {
        self.phandles.get(&phandle).copied()
    }

    fn warn(&self, text: String) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < WARNINGS_MAX {
            warnings.push(text);
        }
    }
}
