//! What participants of a collection say and are told.

use super::answer::{self, Dictionary, Garbled, Received, Reply};
use crate::error::Error;
use heapq_allocator::collection::{Buffers, Failure, Scope, View, Why};
use heapq_constraints::answer::PlanePlan;
use heapq_constraints::terms::{Member, Terms};
use heapq_constraints::value::{Table, Value};
use heapq_constraints::{Answer, Name, Origin, explain, vocabulary};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zbus::Variant;

/// Bytes of the longest text of a failure; the rest is told by `Explain`.
const TEXT: usize = 4096;

/// Conflicts that a failure names.
const CONFLICTS: usize = 16;

/// The options of `CreateCollection`.
///
/// # Errors
/// Every complaint about them.
pub fn terms(options: &Table) -> Result<Terms, Error> {
    vocabulary::terms(options).map_err(|complaints| Error::invalid(&complaints))
}

/// A participant as it joins, or (under the name that it has) as it says anew what it needs.
///
/// # Errors
/// Every complaint about it.
pub fn member(mut table: Table, name: Option<&str>) -> Result<Member, Error> {
    if let Some(name) = name.filter(|_| table.get("name").is_none()) {
        table.push("name", Value::Text(name.to_owned()));
    }
    let read = vocabulary::member(&table, &|_| Origin::Client);
    read.map_err(|complaints| Error::invalid(&complaints))
}

/// The property `State`.
#[must_use]
pub fn state(view: &View, stand_in: bool) -> Dictionary {
    let mut state = view.buffers.as_ref().map(buffers).unwrap_or_default();
    let names: Vec<String> = view.waits_for.iter().map(ToString::to_string).collect();
    state.extend([
        ("name", Variant::from(view.name.to_string())),
        ("phase", Variant::from(view.phase.word())),
        ("waits-for", Variant::from(names)),
        ("missing", Variant::from(view.missing)),
    ]);
    if stand_in {
        state.insert("stand-in", Variant::from(true));
    }
    if let Some((_, failure)) = &view.failure {
        state.insert("failure", Variant::from(failed(failure)));
    }
    state
}

fn buffers(buffers: &Buffers) -> Dictionary {
    let allocation = &buffers.allocation;
    let mut flat = answer::flat(&allocation.answer, allocation.candidate);
    let planes = u32::try_from(allocation.plan.buffers.len()).unwrap_or(u32::MAX);
    flat.extend([
        ("generation", Variant::from(buffers.generation)),
        ("lease", Variant::from(buffers.lease)),
        ("candidate", Variant::from(answer::count(allocation.candidate))),
        ("count", Variant::from(buffers.frames)),
        ("total", Variant::from(buffers.frames.saturating_mul(planes))),
    ]);
    if let Some(alternative) = buffers.alternative {
        flat.insert("alternative", Variant::from(alternative));
    }
    flat
}

/// The signal `Failed`: short, since nobody asked for it.
#[must_use]
pub fn failed(failure: &Failure) -> Dictionary {
    let of = match failure.of {
        Scope::Collection => "collection",
        Scope::Participant => "participant",
        Scope::Grow => "grow",
        Scope::Shrink => "shrink",
    };
    let mut failed = why(&failure.why);
    failed.insert("of", Variant::from(of));
    failed
}

fn why(why: &Why) -> Dictionary {
    let (verdict, text, participants) = match why {
        Why::Answer(outcome) => {
            let answer = answer::explained_by(outcome);
            let mut told = answer::allocated(outcome, false).into_flat();
            told.insert("text", Variant::from(answer.map(words).unwrap_or_default()));
            told.extend(answer.and_then(conflicts));
            return told;
        }
        Why::Error(error) => ("error", error.to_string(), Vec::new()),
        Why::Lost(name) => {
            ("lost", format!("the connection of {name} is gone"), vec![name.to_string()])
        }
        Why::NotReady(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            ("not-ready", format!("not ready in time: {}", names.join(", ")), names)
        }
        Why::LeftOut => {
            ("left-out", "it cannot be served together with the others".to_owned(), Vec::new())
        }
        Why::NothingToSpare => ("needed", "all frames are needed".to_owned(), Vec::new()),
    };
    let mut told =
        Dictionary::from([("verdict", Variant::from(verdict)), ("text", Variant::from(text))]);
    if !participants.is_empty() {
        told.insert("participants", Variant::from(participants));
    }
    told
}

/// The names of what conflicts.
fn conflicts(answer: &Answer) -> Option<(&'static str, Variant<'static>)> {
    let names = answer.conflicts.iter().take(CONFLICTS).map(|conflict| {
        conflict.elements.iter().map(|element| element.name.clone()).collect::<Vec<String>>()
    });
    let names: Vec<Vec<String>> = names.collect();
    (!names.is_empty()).then(|| ("conflicts", Variant::from(names)))
}

fn words(answer: &Answer) -> String {
    let mut text = explain::words(answer).join("\n");
    let cut = (0..=TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or_default());
    text
}

/// The answer to `Explain`: the whole of what was solved last for a participant.
///
/// # Errors
/// `NotNow` when nothing was.
pub fn explanation(view: &View) -> Result<Reply, Error> {
    if let Some((_, failure)) = &view.failure
        && let Why::Answer(outcome) = &*failure.why
    {
        return Ok(answer::allocated(outcome, true));
    }
    let Some(there) = &view.buffers else {
        let why = format!("there is nothing to explain: this participant is {}", view.phase);
        return Err(Error::NotNow(why));
    };
    let allocation = &there.allocation;
    Ok(answer::explained(buffers(there), &allocation.answer, allocation.candidate))
}

/// `State` as a client reads it. What tells of buffers is absent as long as there are none.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    /// What the participant is called.
    pub name: Name,
    /// `gathering`, `allocating`, `allocated` or `failed`.
    pub phase: String,
    /// Who joined and is not ready, or is awaited by name.
    #[serde(default)]
    pub waits_for: Vec<Name>,
    /// How many have to join yet.
    #[serde(default)]
    pub missing: u32,
    /// The number of the newest set of buffers.
    pub generation: Option<u64>,
    /// Its lease.
    pub lease: Option<u64>,
    /// Its frames.
    pub count: Option<u32>,
    /// Its buffers: frames with as many as each has.
    pub total: Option<u32>,
    /// The heap of a frame's first buffer.
    pub heap: Option<Name>,
    /// Usable bytes of a frame.
    pub size: Option<u64>,
    /// The pixel format.
    pub fourcc: Option<Name>,
    /// Its modifier.
    pub modifier: Option<Name>,
    /// Where the planes lie.
    #[serde(default)]
    pub planes: Vec<PlanePlan>,
    /// Which of its alternatives was chosen.
    pub alternative: Option<u32>,
    /// What failed last.
    pub failure: Option<Failed>,
}

/// What failed, as a client reads it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Failed {
    /// `collection`, `participant`, `grow` or `shrink`.
    pub of: String,
    /// `conflict`, `no-memory`, `over-quota`, `error`, `lost`, `not-ready`, `left-out` or `needed`.
    pub verdict: String,
    /// In words.
    #[serde(default)]
    pub text: String,
    /// Who was lost or waited for.
    #[serde(default)]
    pub participants: Vec<Name>,
    /// The names of what conflicts.
    #[serde(default)]
    pub conflicts: Vec<Vec<String>>,
}

impl State {
    /// What came in.
    ///
    /// # Errors
    /// [`Garbled`] where a key is absent or of another kind than the interface says.
    pub fn read(received: &Received) -> Result<Self, Garbled> {
        whole(received, "State")
    }
}

impl Failed {
    /// What came in.
    ///
    /// # Errors
    /// As of [`State::read`].
    pub fn read(received: &Received) -> Result<Self, Garbled> {
        whole(received, "Failed")
    }
}

fn whole<T: DeserializeOwned>(received: &Received, what: &str) -> Result<T, Garbled> {
    serde_json::from_value(answer::json(received)).map_err(|error| Garbled::of(what, error))
}
