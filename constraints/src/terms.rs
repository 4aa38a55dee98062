//! On what terms several processes negotiate one set of buffers.

use crate::{Name, Participant, Request};
use std::time::Duration;

/// What the creator of a collection decides for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What the creator is called among the participants.
    pub name: Name,
    /// Whom the allocation waits for.
    pub awaited: Awaited,
    /// Whether a stricter newcomer may move everybody to new buffers.
    pub migrate: bool,
    /// Whether the loss of one participant ends it for all.
    pub shared_fate: bool,
    /// How long all may take to be ready, and a late participant by itself.
    pub ready_within: Duration,
    /// How long buffers are served that others have superseded.
    pub move_within: Duration,
    /// How often its token may be used.
    pub joins: u32,
    /// How long its token may be used.
    pub token_lifetime: Duration,
    /// What is asked of the answer as a whole.
    pub request: Request,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            name: "creator".into(),
            awaited: Awaited::Creator,
            migrate: false,
            shared_fate: true,
            ready_within: Duration::from_secs(5),
            move_within: Duration::from_secs(5),
            joins: 63,
            token_lifetime: Duration::from_secs(600),
            request: Request::default(),
        }
    }
}

/// Whom an allocation waits for, beside all who joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The creator's word closes the round.
    Creator,
    /// So many participants, the creator included.
    Count(u32),
    /// Participants of these names; they stand in the question in this order.
    Names(Vec<Name>),
}

/// A participant as it joins a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name and needs.
    pub participant: Participant,
    /// Whether it states anything at all. Who does not is no part of the question.
    pub states: bool,
    /// Its loss does not end the collection.
    pub dispensable: bool,
}
