//! Refusals and failures as clients see them. The one place that gives D-Bus error names
//! (`org.heapq.Error.*`); how a command line ends because of them is [`crate::exit`]'s.
//!
//! What the solver or the accounts answer (`conflict`, `no-memory`, `over-quota`) is no error: it
//! comes back as an answer's `verdict`.

use heapq_allocator::broker::NegotiationError;
use heapq_allocator::collection::Refused as Impossible;
use heapq_allocator::{AskError, UnknownLease};
use heapq_constraints::Refused;
use heapq_constraints::vocabulary::Invalid;

/// What a call can fail with. The text names keys, values, figures and bounds.
#[derive(Clone, Debug, PartialEq, zbus::DBusError)]
#[zbus(prefix = "org.heapq.Error")]
pub enum Error {
    /// A failure of the connection, or an error that is not ours.
    #[zbus(error)]
    ZBus(zbus::Error),
    /// No policy grants this caller what it asks.
    NotAuthorized(String),
    /// A participant names a device that this machine does not show.
    UnknownDevice(String),
    /// The heaps of the plan vanished before they gave a buffer, and no candidate is left.
    HeapGone(String),
    /// The question contradicts itself or the vocabulary.
    InvalidConstraint(String),
    /// The question, or what its sender has under way, exceeds a bound.
    TooMany(String),
    /// The caller holds no such lease.
    UnknownLease(String),
    /// A token leads to no collection (any more).
    UnknownToken(String),
    /// The caller has no such participant.
    UnknownParticipant(String),
    /// It is not possible in the participant's phase.
    NotNow(String),
    /// The service could not do it; the text says what failed.
    Failed(String),
}

impl Error {
    /// That there are `found` of `what`, more than `bound`.
    pub(crate) fn too_many(what: &str, found: usize, bound: usize) -> Self {
        Self::TooMany(format!("{what}: {found} exceeds the bound of {bound}"))
    }

    /// All complaints about one question, a line each.
    pub(crate) fn invalid(complaints: &[Invalid]) -> Self {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        Self::InvalidConstraint(lines.join("\n"))
    }

    /// The text without the error's name.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::ZBus(error) => error.to_string(),
            Self::NotAuthorized(text)
            | Self::UnknownDevice(text)
            | Self::HeapGone(text)
            | Self::InvalidConstraint(text)
            | Self::TooMany(text)
            | Self::UnknownLease(text)
            | Self::UnknownToken(text)
            | Self::UnknownParticipant(text)
            | Self::NotNow(text)
            | Self::Failed(text) => text.clone(),
        }
    }
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Self {
        let text = error.to_string();
        match error {
            AskError::Refused(Refused::Invalid(_)) => Self::InvalidConstraint(text),
            AskError::Refused(Refused::TooMany { .. }) | AskError::TooMany { .. } => {
                Self::TooMany(text)
            }
            AskError::UnknownDevice { .. } => Self::UnknownDevice(text),
            AskError::NotAuthorized { .. } => Self::NotAuthorized(text),
            AskError::UnknownLease(_) => Self::UnknownLease(text),
            AskError::HeapGone { .. } => Self::HeapGone(text),
            AskError::Unfit(_) | AskError::NoBuffer(_) => Self::InvalidConstraint(text),
            AskError::Io { .. } => Self::Failed(text),
        }
    }
}

impl From<NegotiationError> for Error {
    fn from(error: NegotiationError) -> Self {
        let text = error.to_string();
        match error {
            NegotiationError::Ask(error) => error.into(),
            NegotiationError::UnknownToken => Self::UnknownToken(text),
            NegotiationError::UnknownParticipant
            | NegotiationError::Refused(Impossible::Unknown) => Self::UnknownParticipant(text),
            NegotiationError::Refused(Impossible::Phase { .. }) => Self::NotNow(text),
            NegotiationError::Refused(Impossible::TooMany { .. }) => Self::TooMany(text),
            NegotiationError::Refused(Impossible::Name(..) | Impossible::NoFrames) => {
                Self::InvalidConstraint(text)
            }
        }
    }
}

impl From<UnknownLease> for Error {
    fn from(error: UnknownLease) -> Self {
        Self::UnknownLease(error.to_string())
    }
}
