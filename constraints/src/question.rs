//! Who will touch the buffers, and what is asked.

use crate::{Constraint, Fact, Heap, Name, Origin, spell};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One request: participants in pipeline order, and what it says as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Names are unique. Order means only who gives way first among optional participants and
    /// alternatives, and where copies go.
    pub participants: Vec<Participant>,
    /// What is asked of the answer as a whole.
    pub request: Request,
}

/// One device or CPU user with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Unique within the question.
    pub name: Name,
    /// The node as the client named it (path, node, dev_t …); the solver does not read it.
    pub device: Option<Name>,
    /// What it does with a buffer.
    pub usage: Usages,
    /// Selects policy rules, and heaps that are reserved for it.
    pub driver: Option<Name>,
    /// Left out, and named, when it cannot be served.
    pub optional: bool,
    /// Its needs.
    pub facts: Vec<Fact>,
    /// Exactly one is chosen; earlier is better. Empty: there is nothing to choose.
    pub alternatives: Vec<Alternative>,
    /// What its own driver allocates: nothing that heapq would, but named where no heap serves.
    pub exports: Option<Arc<Exports>>,
}

/// Memory that a device's own driver allocates and exports as dma-bufs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exports {
    /// What a buffer of it is; its name says nothing.
    pub heap: Heap,
    /// How a client asks for it: `GBM`, `dumb buffers`, `EXPBUF`.
    pub how: Name,
    /// Who says so.
    pub origin: Origin,
}

impl Exports {
    /// As the vocabulary spells it: how it is asked for, and each property that is stated.
    #[must_use]
    pub fn stated(&self) -> String {
        let properties = self.heap.origins.keys().map(|key| spell::heap_has(&self.heap, key));
        let how = format!("how = \"{}\"", self.how);
        std::iter::once(how).chain(properties).collect::<Vec<_>>().join(", ")
    }
}

/// One table of a group of alternatives: the same keys as its participant, which then lacks them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternative {
    /// What the participant does with a buffer if this table is chosen, beside its own usage.
    pub usage: Usages,
    /// Its driver, if this table is chosen.
    pub driver: Option<Name>,
    /// Its needs, beside the participant's own.
    pub facts: Vec<Fact>,
}

impl Participant {
    /// A participant of which nothing is known but its name.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            device: None,
            usage: Usages::default(),
            driver: None,
            optional: false,
            facts: Vec::new(),
            alternatives: Vec::new(),
            exports: None,
        }
    }

    /// Adds a need.
    #[must_use]
    pub fn with(mut self, constraint: Constraint, origin: Origin) -> Self {
        self.facts.push(Fact { constraint, origin });
        self
    }
}

/// `[request]`: what is asked of the answer as a whole. All sizes in bytes, as allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Stands in for the sum of what participants hold.
    pub seed_count: Option<u32>,
    /// No `assumed` answers.
    pub strict: bool,
    /// Largest single buffer.
    pub limit_buffer: Option<u64>,
    /// All buffers together.
    pub limit_total: Option<u64>,
}

/// What a participant does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// A camera writes frames.
    Capture,
    /// A codec writes decoded frames.
    Decode,
    /// A codec reads frames.
    Encode,
    /// A device reads and writes.
    Process,
    /// A GPU draws into it.
    Render,
    /// A GPU samples it.
    Texture,
    /// A display reads it.
    Scanout,
    /// The CPU reads it.
    CpuRead,
    /// The CPU writes it.
    CpuWrite,
}

impl Usage {
    /// All words, in the order of the vocabulary.
    pub const ALL: [Self; 9] = [
        Self::Capture,
        Self::Decode,
        Self::Encode,
        Self::Process,
        Self::Render,
        Self::Texture,
        Self::Scanout,
        Self::CpuRead,
        Self::CpuWrite,
    ];

    /// The word of the vocabulary.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Decode => "decode",
            Self::Encode => "encode",
            Self::Process => "process",
            Self::Render => "render",
            Self::Texture => "texture",
            Self::Scanout => "scanout",
            Self::CpuRead => "cpu-read",
            Self::CpuWrite => "cpu-write",
        }
    }
}

/// A set of [`Usage`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usages(u16);

impl Usages {
    /// Adds one.
    pub fn insert(&mut self, usage: Usage) {
        self.0 |= 1 << (usage as u16);
    }

    /// Whether `usage` is in.
    #[must_use]
    pub fn contains(self, usage: Usage) -> bool {
        self.0 & (1 << (usage as u16)) != 0
    }

    /// Whether the CPU touches the buffer.
    #[must_use]
    pub fn cpu(self) -> bool {
        self.contains(Usage::CpuRead) || self.contains(Usage::CpuWrite)
    }

    /// Those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The usages that are in, in the order of the vocabulary.
    pub fn iter(self) -> impl Iterator<Item = Usage> {
        Usage::ALL.into_iter().filter(move |usage| self.contains(*usage))
    }
}

impl FromIterator<Usage> for Usages {
    fn from_iter<I: IntoIterator<Item = Usage>>(usages: I) -> Self {
        let mut set = Self::default();
        usages.into_iter().for_each(|usage| set.insert(usage));
        set
    }
}
