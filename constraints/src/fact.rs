//! One need of one participant, and who says so.

use crate::{Name, Origin};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A constraint with its origin. Facts of one participant add up as those of several participants
/// do: the same rule combines them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What is needed.
    pub constraint: Constraint,
    /// Who says so.
    pub origin: Origin,
}

/// Every kind of constraint. The comment of each gives the rule of combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Heap names that the device takes; each list is closed over the compatibility graph, then
    /// intersected. Empty: it takes nobody's memory.
    Link(Vec<Name>),
    /// Heap names or roles that are permitted; intersect. Never empty.
    Heaps(Vec<Name>),
    /// Heap names to leave out; union.
    Avoid(Vec<Name>),
    /// Heap names, best first: a wish that ranks and never excludes.
    Prefer(Vec<Name>),
    /// Needs contiguous memory; or.
    Contiguous(bool),
    /// Address bits that it can reach, 1 to 64; min.
    AddressBits(u8),
    /// CPU-physical intervals that it can reach; intersect as sets.
    AddressWindow(Windows),
    /// Base alignment in bytes, at least 1; least common multiple.
    BaseAlignment(u64),
    /// Modes of CPU access that it can do with; intersect. Never empty.
    Access(AccessSet),
    /// Whether it snoops CPU caches; and.
    DmaCoherent(bool),
    /// Protected memory; any `Required` needs all others not `Refused`.
    Protected(Protection),
    /// Buffers that it keeps at once; sum.
    Held(u32),
    /// Extra buffers for it alone; sum.
    Dedicated(u32),
    /// Extra buffers that anyone may use; max.
    Shared(u32),
    /// Fewest buffers; max.
    MinCount(u32),
    /// Most buffers, at least 1; min.
    MaxCount(u32),
    /// Smallest usable size of one buffer, bytes; max. 0 says nothing.
    MinSize(u64),
    /// Largest usable size of one buffer, bytes; min.
    MaxSize(u64),
    /// Bytes after the image that may be read; max.
    Padding(u64),
    /// Values of an attribute of any name; intersect. `["*"]` is any. Never empty.
    Attribute(Name, Vec<Name>),
    /// The choices of pixel format; intersect. Never empty.
    Format(Vec<FormatEntry>),
    /// Nothing is known of this device; or.
    Unknown(bool),
}

/// Disjoint, sorted, non-touching intervals of CPU-physical addresses; `end` (the second) is not
/// included. [`Windows::new`] makes them so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows(Vec<(u64, u64)>);

impl Windows {
    /// From `[first, end]` pairs in any order; touching and overlapping ones become one.
    /// `None` where a `first` is not below its `end`.
    #[must_use]
    pub fn new(mut pairs: Vec<(u64, u64)>) -> Option<Self> {
        if pairs.iter().any(|(first, end)| first >= end) {
            return None;
        }
        pairs.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(pairs.len());
        for (first, end) in pairs {
            match merged.last_mut() {
                Some(last) if first <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((first, end)),
            }
        }
        Some(Self(merged))
    }

    /// The intervals, lowest first.
    #[must_use]
    pub fn intervals(&self) -> &[(u64, u64)] {
        &self.0
    }
}

/// How a CPU may touch a buffer, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// At no extra cost.
    Coherent,
    /// With cache maintenance around each access.
    Sync,
    /// Not at all.
    None,
}

/// A set of [`Access`] modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessSet {
    /// [`Access::Coherent`] is in.
    pub coherent: bool,
    /// [`Access::Sync`] is in.
    pub sync: bool,
    /// [`Access::None`] is in.
    pub none: bool,
}

impl AccessSet {
    /// All three.
    pub const ALL: Self = Self { coherent: true, sync: true, none: true };
    /// What a CPU user takes when it says nothing.
    pub const CPU: Self = Self { coherent: true, sync: true, none: false };
}

/// What a participant says about protected memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Only protected memory will do.
    Required,
    /// Either will do.
    Accepted,
    /// Only memory that is not protected will do.
    Refused,
}

/// A fourcc such as `NV12`, or any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pick {
    /// `*`
    Any,
    /// This one, as written.
    One(Name),
}

/// How the planes of an image lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Planes {
    /// All in one buffer.
    Joint,
    /// One buffer a plane.
    Separate,
}

/// One `[[participant.format]]`: a choice of pixel format with what it needs. Absent is `None` or
/// empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatEntry {
    /// The DRM fourcc.
    pub fourcc: Pick,
    /// `linear`, names or `0x…`, best first; `[linear]` when absent.
    pub modifiers: Vec<Pick>,
    /// Pixels; each component at least 1.
    pub min_extent: Option<[u32; 2]>,
    /// Pixels; each component at least 1.
    pub max_extent: Option<[u32; 2]>,
    /// Sizes in pixels that a buffer must hold, each by itself.
    pub must_fit: Vec<[u32; 2]>,
    /// Powers of two, pixels.
    pub extent_alignment: Option<[u32; 2]>,
    /// Bytes.
    pub min_stride: Option<u32>,
    /// Bytes.
    pub max_stride: Option<u32>,
    /// Bytes, any integer from 1.
    pub stride_alignment: Option<u32>,
    /// The stride is also a multiple of the bytes per pixel.
    pub whole_pixel_rows: bool,
    /// Powers of two, pixels: whole blocks are fetched.
    pub block: Option<[u32; 2]>,
    /// Bytes: where a plane may start.
    pub offset_alignment: Option<u32>,
    /// Whether the planes share a buffer.
    pub planes: Option<Planes>,
    /// Needs of single planes (`heaps`, `link`, `avoid`, `contiguous`, `address-bits`,
    /// `address-window`, `base-alignment`).
    pub plane: BTreeMap<u8, Vec<Constraint>>,
    /// Planes that must not share a heap.
    pub apart: Vec<Vec<u8>>,
}

impl Constraint {
    /// The key under which the vocabulary knows it (`attribute.NAME` for attributes).
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Attribute(name, _) => format!("attribute.{name}"),
            other => other.kind().to_owned(),
        }
    }

    /// `key = value`, as the vocabulary spells it; long lists are cut short.
    #[must_use]
    pub fn stated(&self) -> String {
        crate::spell::constraint(self)
    }

    /// The key without an attribute's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Link(_) => "link",
            Self::Heaps(_) => "heaps",
            Self::Avoid(_) => "avoid",
            Self::Prefer(_) => "prefer",
            Self::Contiguous(_) => "contiguous",
            Self::AddressBits(_) => "address-bits",
            Self::AddressWindow(_) => "address-window",
            Self::BaseAlignment(_) => "base-alignment",
            Self::Access(_) => "access",
            Self::DmaCoherent(_) => "dma-coherent",
            Self::Protected(_) => "protected",
            Self::Held(_) => "held",
            Self::Dedicated(_) => "dedicated",
            Self::Shared(_) => "shared",
            Self::MinCount(_) => "min-count",
            Self::MaxCount(_) => "max-count",
            Self::MinSize(_) => "min-size",
            Self::MaxSize(_) => "max-size",
            Self::Padding(_) => "padding",
            Self::Attribute(..) => "attribute",
            Self::Format(_) => "format",
            Self::Unknown(_) => "unknown",
        }
    }
}
