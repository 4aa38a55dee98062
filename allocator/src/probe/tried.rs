//! What was tried, and how it went.

use heapq_constraints::Name;
use heapq_constraints::question::Usage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A way in which a device takes buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// V4L2: the queue that the device writes.
    Capture,
    /// V4L2: the queue that the device reads.
    Output,
    /// DRM: PRIME.
    Import,
    /// DRM: PRIME, then a framebuffer.
    Framebuffer,
}

impl Way {
    /// Its word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Output => "output",
            Self::Import => "import",
            Self::Framebuffer => "framebuffer",
        }
    }

    /// Whether accepting a buffer proves that the device can use it. videobuf2 maps a buffer when it
    /// is queued; DRM drivers may put that off until they use it.
    #[must_use]
    pub fn maps_at_once(self) -> bool {
        matches!(self, Self::Capture | Self::Output)
    }

    /// What a client would say that the device does; `both`: it also has the other queue.
    #[must_use]
    pub fn usage(self, both: bool) -> Usage {
        match self {
            Self::Capture | Self::Output if both => Usage::Process,
            Self::Capture => Usage::Capture,
            Self::Output | Self::Framebuffer => Usage::Scanout,
            Self::Import => Usage::Render,
        }
    }
}

/// What a device said to one buffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It took it. `bounced`: the kernel copied it for the device; `None` where nobody can say.
    Accepted {
        /// swiotlb's counter rose.
        bounced: Option<bool>,
    },
    /// It refused the buffer: which call said so, and how.
    Refused(String),
    /// It was not asked about the buffer: something else was in the way.
    Unasked(String),
}

/// Buffers of one size from one heap, one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// Which way.
    pub way: Way,
    /// The heap that they came from.
    pub heap: Name,
    /// Of one buffer; of several planes, the first one's.
    pub bytes: u64,
    /// How many it took.
    pub accepted: u32,
    /// As many of these were copied for it by the kernel.
    pub bounced: u32,
    /// Of as many of these nobody can say whether they were.
    pub unsure: u32,
    /// What it said to the others, with how often.
    pub refused: BTreeMap<String, u32>,
    /// What was in the way of asking it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unasked: Option<String>,
}

impl Tried {
    /// Nothing, so far.
    #[must_use]
    pub fn new(way: Way, heap: Name, bytes: u64) -> Self {
        let (accepted, bounced, unsure) = (0, 0, 0);
        let (refused, unasked) = (BTreeMap::new(), None);
        Self { way, heap, bytes, accepted, bounced, unsure, refused, unasked }
    }

    /// Counts one answer.
    pub fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Accepted { bounced } => {
                self.accepted = self.accepted.saturating_add(1);
                self.bounced = self.bounced.saturating_add(u32::from(bounced == Some(true)));
                self.unsure = self.unsure.saturating_add(u32::from(bounced.is_none()));
            }
            Answer::Refused(how) => {
                let times = self.refused.entry(how).or_default();
                *times = times.saturating_add(1);
            }
            Answer::Unasked(why) => self.unasked = Some(why),
        }
    }

    /// How many it refused.
    #[must_use]
    pub fn refusals(&self) -> u32 {
        self.refused.values().fold(0, |sum, times| sum.saturating_add(*times))
    }

    /// It took every one, at least one.
    #[must_use]
    pub fn took_all(&self) -> bool {
        self.accepted > 0 && self.refused.is_empty()
    }

    /// It refused every one, at least one.
    #[must_use]
    pub fn took_none(&self) -> bool {
        self.accepted == 0 && !self.refused.is_empty()
    }
}

/// What the rules in force say of a heap and size for the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rules {
    /// It serves.
    Serves,
    /// It does not: the keys that rule it out.
    RuledOut(Vec<String>),
    /// No rule describes the device.
    Silent,
}
