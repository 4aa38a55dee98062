//! One question as a client puts it.

use super::write;
use crate::error::Error;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use heapq_constraints::{Origin, Question};
use std::collections::HashMap;
use zbus::Variant;

/// A question in the words of the vocabulary, not yet checked. The command line, the client and
/// the service all hold it in this form: what is refused here is refused there, in the same words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The tables of `[[participant]]`, in pipeline order.
    pub participants: Vec<Table>,
    /// The keys of `[request]`.
    pub request: Table,
}

/// Option of `Allocate` that is not the vocabulary's: whether an `ok` answer is explained.
const EXPLAIN: &str = "explain";

impl Asked {
    /// Takes apart what came with a call: the options are those of `[request]`, and `explain`.
    ///
    /// # Errors
    /// `InvalidConstraint` when `explain` is no boolean.
    pub fn from_call(participants: Vec<Table>, mut options: Table) -> Result<(Self, bool), Error> {
        let at = options.entries.iter().position(|entry| entry.key == EXPLAIN);
        let explain = match at.map(|index| options.entries.remove(index).node.value) {
            None => false,
            Some(Value::Bool(explain)) => explain,
            Some(other) => {
                return Err(Error::InvalidConstraint(format!(
                    "request.{EXPLAIN} = {}: expected a boolean",
                    other.kind()
                )));
            }
        };
        Ok((Self { participants, request: options }, explain))
    }

    /// Reads the question.
    ///
    /// # Errors
    /// Every complaint about it, participant by participant, then those about the request.
    pub fn question(&self) -> Result<Question, Vec<Invalid>> {
        let participants = Vec::with_capacity(self.participants.len());
        let mut question = Question { participants, ..Question::default() };
        let mut complaints = Vec::new();
        for table in &self.participants {
            match vocabulary::participant(table, &|_| Origin::Client) {
                Ok(participant) => question.participants.push(participant),
                Err(more) => complaints.extend(more),
            }
        }
        match vocabulary::request(&self.request) {
            Ok(request) => question.request = request,
            Err(more) => complaints.extend(more),
        }
        if complaints.is_empty() { Ok(question) } else { Err(complaints) }
    }

    /// The participants as arguments of a call.
    ///
    /// # Errors
    /// `InvalidConstraint` for a value that D-Bus cannot carry: an integer beyond 64 bits or a kind
    /// that no key takes.
    pub(crate) fn participants(&self) -> Result<Vec<HashMap<&str, Variant<'_>>>, Error> {
        self.participants.iter().map(write::dictionary).collect()
    }

    /// The options as an argument of a call.
    ///
    /// # Errors
    /// As for the participants.
    pub(crate) fn options(&self, explain: bool) -> Result<HashMap<&str, Variant<'_>>, Error> {
        let mut options = write::dictionary(&self.request)?;
        if explain {
            options.insert(EXPLAIN, Variant::Bool(true));
        }
        Ok(options)
    }
}
