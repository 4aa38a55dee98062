//! How a command ends: the exit codes of `heapq`, the same whether a daemon answered or the
//! process itself.

use crate::client::Failure;
use crate::error::Error;
use heapq_allocator::{AskError, Outcome};
use heapq_constraints::Answer;
use heapq_constraints::answer::Verdict;
use std::process::ExitCode;

/// Exit codes; their numbers are part of the command's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done.
    Ok = 0,
    /// Something failed that has no code of its own.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The answer is a conflict.
    Conflict = 3,
    /// No policy grants it to the caller.
    NotAuthorized = 4,
    /// Over quota, or no heap of the plan had the memory.
    NoMemory = 5,
    /// A daemon was demanded and does not answer.
    Unreachable = 6,
    /// A policy or the question is invalid.
    Invalid = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Answer> for Exit {
    fn from(answer: &Answer) -> Self {
        match answer.verdict {
            Verdict::Ok => Self::Ok,
            Verdict::Conflict => Self::Conflict,
        }
    }
}

impl From<&Outcome> for Exit {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Granted(_) => Self::Ok,
            Outcome::Conflict(_) => Self::Conflict,
            Outcome::NoMemory { .. } | Outcome::OverQuota { .. } => Self::NoMemory,
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::NotAuthorized(_) => Self::NotAuthorized,
            Error::InvalidConstraint(_) | Error::TooMany(_) | Error::UnknownDevice(_) => {
                Self::Invalid
            }
            Error::ZBus(_)
            | Error::HeapGone(_)
            | Error::UnknownLease(_)
            | Error::UnknownToken(_)
            | Error::UnknownParticipant(_)
            | Error::NotNow(_)
            | Error::Failed(_) => Self::Failure,
        }
    }
}

impl From<AskError> for Exit {
    fn from(error: AskError) -> Self {
        Self::from(&Error::from(error))
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Unreachable { .. } => Self::Unreachable,
            Failure::Refused(error) => Self::from(error),
            Failure::Garbled { .. } => Self::Failure,
        }
    }
}
