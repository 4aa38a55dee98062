//! Ways to the device that masters another one's DMA.

use crate::glob::Glob;
use heapq_constraints::Name;

/// Where the device that masters another one's DMA is looked for. Whoever has the machine goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DmaMaster {
    /// Devicetree nodes that the phandles of a property name.
    Property(Name, Arguments),
    /// The owners of the graph's ports that the phandles of a property name.
    PortsOf(Name),
    /// The first node in use of the devicetree whose `compatible` one of these matches.
    First(Patterns),
    /// The device above: the devicetree's node, or the directory in /sys.
    Parent,
    /// The nearest device above that sits on one of these buses.
    Bus(Patterns),
}

/// The cells that follow each phandle of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// As many for each.
    Fixed(usize),
    /// As many as this property of the node referred to says.
    Counted(Name),
}

/// Patterns of which one has to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns(pub(crate) Vec<Glob>);

impl Patterns {
    /// As rules write them: `*` is any run of characters, `?` any one.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self(patterns.into_iter().map(Glob::new).collect())
    }

    /// Whether one of them matches the whole of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }
}
