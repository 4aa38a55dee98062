//! What comes back: data first, the same for JSON, D-Bus and the words of [`crate::explain`].

use crate::fact::{Access, Planes};
use crate::{Name, Origin};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// Whether there is a plan.
    pub verdict: Verdict,
    /// Exactly when the verdict is `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Each heap that does not serve, with everything that rules it out; by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eliminated: Vec<Elimination>,
    /// All minimal conflicts (or the first of them, see `conflicts_complete`); empty when `ok`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Whether `conflicts` holds all there are.
    #[serde(default)]
    pub conflicts_complete: bool,
    /// Sets of elements whose removal leads to a plan; each was solved again before it was listed.
    /// Shortest first, and not all of them where there are very many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
    /// Whether `fixes` holds all there are.
    #[serde(default)]
    pub fixes_complete: bool,
    /// Heaps that everybody who is required could share, were it not for their own bounds on sizes;
    /// for a conflict only, by heap and key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_small: Vec<TooSmall>,
    /// Participants that no heap serves even alone, so that no copy between heaps helps; for a conflict only, by
    /// name, optional ones aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unserved: Vec<Name>,
    /// Devices in the question whose own drivers can allocate what would serve everybody; for a
    /// conflict only, by participant. heapq never allocates from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exporters: Vec<Exporter>,
    /// How copies would serve, where they would; for a conflict only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_plan: Option<CopyPlan>,
}

/// What the solver found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// At least one heap satisfies everybody.
    Ok,
    /// Nothing can satisfy all.
    Conflict,
}

/// What to allocate, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Every placement that satisfies everybody, best first; never empty.
    pub candidates: Vec<Candidate>,
    /// Whether these are all. Where several planes have very many placements, some of each heap
    /// that can hold the first plane are listed.
    pub candidates_complete: bool,
    /// Frames to allocate, at least 1. With separate planes each frame is several buffers.
    pub count: u32,
    /// Usable bytes of one frame.
    pub size: u64,
    /// Bytes of one frame as allocated: with padding, blocks and page rounding.
    pub allocation_size: u64,
    /// The pixel format; `None` for a plain byte buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fourcc: Option<Name>,
    /// Its modifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifier: Option<Name>,
    /// Whether a frame is one buffer or one a plane.
    pub layout: Planes,
    /// The buffers of one frame; `Candidate::heaps` runs beside it.
    pub buffers: Vec<BufferPlan>,
    /// The planes of one frame; empty for a plain byte buffer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planes: Vec<PlanePlan>,
    /// A device is in of which nothing is known.
    pub assumed: bool,
    /// Whose devices these are, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed_of: Vec<Name>,
    /// The sizes are those of the linear layout, though the modifier is another.
    pub size_assumed: bool,
    /// Optional participants that could not be served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Name>,
    /// By participant: the index of its chosen alternative.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen_alternatives: BTreeMap<Name, u32>,
    /// By attribute: the values that everybody accepts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Name, Vec<Name>>,
    /// Where cache maintenance is due with the first candidate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sync_points: Vec<SyncPoint>,
}

impl Plan {
    /// The heaps that can hold the first buffer of a frame, best first.
    #[must_use]
    pub fn heaps(&self) -> Vec<Name> {
        let mut heaps: Vec<Name> = Vec::new();
        for heap in self.candidates.iter().filter_map(|candidate| candidate.heaps.first()) {
            // Candidates are in the order of their first heap.
            if heaps.last() != Some(heap) {
                heaps.push(heap.clone());
            }
        }
        heaps
    }
}

/// One way to place a frame: a heap for each of its buffers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Candidate {
    /// The heap of each buffer, in the order of [`Plan::buffers`].
    pub heaps: Vec<Name>,
    /// The best mode of CPU access that everybody can do with there.
    pub access: Access,
    /// The first buffer's heap gives contiguous memory.
    pub contiguous: bool,
    /// The first buffer's heap is protected.
    pub protected: bool,
    /// Where cache maintenance is due when this candidate is the one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sync_points: Vec<SyncPoint>,
}

/// One buffer of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BufferPlan {
    /// Usable bytes.
    pub size: u64,
    /// Bytes to allocate: a multiple of the page size.
    pub allocation_size: u64,
}

/// One plane of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanePlan {
    /// Which of [`Plan::buffers`] it lies in.
    pub buffer_index: u32,
    /// Bytes from the start of that buffer.
    pub offset: u64,
    /// Bytes from row to row.
    pub stride: u32,
    /// Bytes that it takes.
    pub size: u64,
}

/// Cache maintenance that somebody has to see to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SyncPoint {
    /// Whose access to bracket.
    pub participant: Name,
    /// It reads the buffer: bring the memory up to date before.
    pub read: bool,
    /// It writes the buffer: push its writes out after.
    pub write: bool,
    /// Why: `cpu`, or `device` for one that does not snoop.
    pub because: Name,
}

/// A heap that does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Elimination {
    /// Its name (or a name in a list that no heap bears).
    pub heap: Name,
    /// Everything that rules it out by itself; never empty.
    pub reasons: Vec<Reason>,
}

/// One cause for which a heap does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
    /// The constraint's key, or `absent`, `not-permitted`, `reserved`.
    pub key: Cow<'static, str>,
    /// Those whose need it is; empty where the heap itself is the cause.
    #[serde(default, skip_serializing_if = "<[Need]>::is_empty")]
    pub needs: Arc<[Need]>,
    /// What the heap has instead, in the vocabulary's spelling, e.g. `contiguous = false`.
    pub heap_has: Name,
    /// Who says so of the heap.
    pub heap_origin: Origin,
    /// What was asked of the heap's own bounds, e.g. `allocation-size = 69632`; empty elsewhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asked: String,
}

/// A participant's need as it stands in an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Need {
    /// Who needs it.
    pub participant: Name,
    /// What, in the vocabulary's spelling, e.g. `address-bits = 32`.
    pub stated: Name,
    /// Who says so.
    pub origin: Origin,
}

/// A set of elements that nothing can satisfy together, and of which none can be spared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// In the order of the question; empty only where no heap would serve anybody, as on a machine
    /// that offers none.
    pub elements: Vec<Element>,
}

/// One part of a conflict or of a fix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Element {
    /// `P.key`, `P.format`, `P.alternatives`, `heap.NAME`, `request.key` …
    pub name: String,
    /// P, where it is a participant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<Name>,
    /// What was stated, in the vocabulary's spelling; empty where the name says it all.
    pub stated: String,
    /// Who says so; one for each fact behind the element.
    pub origins: Vec<Origin>,
}

/// A minimal set of elements that ends all conflicts when it is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fix {
    /// Drop these, all of them ("only together" when there are several).
    pub elements: Vec<Element>,
    /// The heap that the answer would then choose; `None` where `unsaid` still has to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<Name>,
    /// The key that nobody would state any more, though any answer needs it: `min-size`, where
    /// nobody would say how big.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaid: Option<Name>,
}

/// A heap that lacks nothing but room: the question was solved again, for those who are required,
/// as if it had no bounds of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TooSmall {
    /// Its name.
    pub heap: Name,
    /// Which bound: `capacity` or `max-size`.
    pub key: Cow<'static, str>,
    /// The bound, in bytes.
    pub bound: u64,
    /// Who says so of the heap.
    pub origin: Origin,
    /// Frames that would be there; 1 for `max-size`.
    pub count: u32,
    /// Bytes of one frame that would be there, as allocated; of the largest buffer for `max-size`.
    /// `count` times as many are above the bound.
    pub bytes: u64,
}

/// A device whose own driver can allocate what serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exporter {
    /// Whose driver.
    pub participant: Name,
    /// Its name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Name>,
    /// How a client asks it: `GBM`, `dumb buffers`, `EXPBUF`.
    pub how: Name,
    /// Who says that it can.
    pub origin: Origin,
    /// What it would have to allocate, solved again with its memory as the only heap, under the
    /// name `driver:NAME`. `None` in a copy plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// The fewest groups of participants, in pipeline order, that each have a heap or an exporter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyPlan {
    /// At least two; optional participants are in none.
    pub groups: Vec<CopyGroup>,
    /// One between each two groups.
    pub copies: Vec<Copy>,
}

/// Participants that can share a buffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyGroup {
    /// In pipeline order.
    pub participants: Vec<Name>,
    /// The heap that serves them best (of plane 0); `None` where only an exporter does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<Name>,
    /// The one among them whose own driver can allocate what serves them, where no heap does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exporter: Option<Exporter>,
    /// The pixel format that they would share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fourcc: Option<Name>,
    /// Its modifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifier: Option<Name>,
}

impl CopyGroup {
    /// Whether frames of this group are of another format or modifier than those of `next`. A group
    /// of plain bytes takes them as they are.
    pub(crate) fn converts(&self, next: &Self) -> bool {
        let formats = |group: &Self| group.fourcc.clone().zip(group.modifier.clone());
        formats(self).zip(formats(next)).is_some_and(|(one, other)| one != other)
    }
}

/// A copy of every frame; never out of protected memory into what is not protected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copy {
    /// The last participant before it.
    pub after: Name,
    /// The first one behind it.
    pub before: Name,
    /// The groups on both sides have their own pixel formats or modifiers: a conversion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub converts: bool,
    /// Bytes of one frame; `None` where neither side says how big it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}
