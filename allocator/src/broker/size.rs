//! How much a plan takes, within what one request may have.

use super::AskError;
use heapq_constraints::answer::Plan;
use heapq_constraints::vocabulary::Invalid;

/// Most buffers of one request.
pub const BUFFERS_MAX: u64 = 1024;

/// How much a plan takes in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) buffers: u64,
    pub(super) bytes: u64,
}

impl Size {
    pub(super) fn within(self, bound: Self) -> bool {
        self.buffers <= bound.buffers && self.bytes <= bound.bytes
    }

    pub(super) fn of(plan: &Plan) -> Result<Self, AskError> {
        if plan.size_assumed {
            let modifier = plan.modifier.as_deref().unwrap_or("?");
            return Err(AskError::from(Invalid {
                key: "min-size".to_owned(),
                value: "(absent)".to_owned(),
                rule: format!("nobody knows what the layout {modifier} takes: state min-size"),
                at: None,
            }));
        }
        let too_many = |what, found, bound| AskError::TooMany { what, found, bound };
        let frame = u64::try_from(plan.buffers.len()).unwrap_or(u64::MAX);
        let buffers = frame.saturating_mul(u64::from(plan.count));
        if buffers > BUFFERS_MAX {
            return Err(too_many("buffers of one request", buffers, BUFFERS_MAX));
        }
        let sizes = plan.buffers.iter().map(|buffer| buffer.allocation_size);
        let frame = sizes.fold(0_u64, u64::saturating_add);
        let bytes = frame.checked_mul(u64::from(plan.count));
        let bytes =
            bytes.ok_or_else(|| too_many("bytes of one request", u64::MAX, u64::MAX - 1))?;
        Ok(Self { buffers, bytes })
    }
}
