//! Answers as dictionaries, and back.
//!
//! The flat keys are what a client in any language needs to use the buffers; `explanation` is the
//! whole [`Answer`] for those who want to know why.

use super::tree::{self, AsVariant};
use heapq_allocator::{Grant, Outcome};
use heapq_constraints::answer::{PlanePlan, SyncPoint, Verdict};
use heapq_constraints::{Answer, Name};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use zbus::wire::serialized::Context;
use zbus::wire::{LE, Signature, Type, serialized_size};
use zbus::{OwnedVariant, Variant};

/// `a{sv}` on its way out.
pub type Dictionary = HashMap<&'static str, Variant<'static>>;

/// The answer to `Plan` or `Allocate` on its way out.
#[derive(Debug, Default)]
pub struct Reply {
    /// What others say too; no key of it is in `flat`.
    said: Arc<Dictionary>,
    flat: Dictionary,
    explanation: Option<Json>,
    bytes: usize,
}

impl Reply {
    /// Its length in bytes, where it has an explanation: without one it is short.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Without its explanation.
    pub(super) fn into_flat(self) -> Dictionary {
        self.flat
    }

    /// Puts the receipt in.
    pub fn add_receipt(&mut self, receipt: OwnedFd) {
        self.flat.insert(RECEIPT, Variant::Fd(receipt.into()));
    }
}

impl Type for Reply {
    const SIGNATURE: &'static Signature = Dictionary::SIGNATURE;
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.said.iter().chain(&self.flat) {
            map.serialize_entry(key, value)?;
        }
        if let Some(explanation) = &self.explanation {
            map.serialize_entry(EXPLANATION, &AsVariant(explanation))?;
        }
        map.end()
    }
}

/// `a{sv}` as it came in.
pub type Received = HashMap<String, OwnedVariant>;

/// A reply that is not what its interface says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service's answer: {key}: {problem}")]
pub struct Garbled {
    /// The key at fault.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Garbled {
    pub(crate) fn of(key: &str, problem: impl ToString) -> Self {
        Self { key: key.to_owned(), problem: problem.to_string() }
    }
}

/// The reply to `Plan`: always explained.
#[must_use]
pub fn planned(answer: &Answer) -> Reply {
    explained(flat(answer, 0), answer, 0)
}

/// The reply to `Allocate` without the buffers, which travel beside it: as [`allocated`], with what
/// was said of the same plan before.
#[must_use]
pub fn provided(outcome: &Outcome, said: &Arc<Dictionary>, explained: bool) -> Reply {
    match outcome {
        Outcome::Granted(grant) if grant.candidate == 0 && !explained => {
            Reply { said: said.clone(), flat: given(grant), ..Reply::default() }
        }
        _ => allocated(outcome, explained),
    }
}

/// The reply to `Allocate`, or to what is like it. What did not give buffers is always explained;
/// what did, when the client asks for it.
#[must_use]
pub fn allocated(outcome: &Outcome, explained: bool) -> Reply {
    match outcome {
        Outcome::Granted(grant) => granted(grant, explained),
        Outcome::Conflict(answer) => planned(answer),
        Outcome::NoMemory { answer, tried } => {
            let mut reply = planned(answer);
            reply.flat.insert(VERDICT, Variant::from(NO_MEMORY));
            reply.flat.insert(FALLBACK_FROM, Variant::from(tried.clone().into_texts()));
            reply
        }
        Outcome::OverQuota { account, what, bound, in_use, asked, origin } => Reply {
            flat: Dictionary::from([
                (VERDICT, Variant::from(OVER_QUOTA)),
                (ACCOUNT, Variant::from(account.to_string())),
                (ORIGIN, Variant::from(origin.to_string())),
                (WHAT, Variant::from(*what)),
                (BOUND, Variant::from(*bound)),
                (IN_USE, Variant::from(*in_use)),
                (ASKED, Variant::from(*asked)),
            ]),
            ..Reply::default()
        },
    }
}

/// The reply to `Adopt` where its buffers are a lease now.
#[must_use]
pub fn leased(lease: u64) -> Reply {
    let flat = [(VERDICT, Variant::from("ok")), (LEASE, Variant::from(lease))];
    Reply { flat: Dictionary::from(flat), ..Reply::default() }
}

/// The answer that explains an outcome; a quota speaks for itself.
pub(super) fn explained_by(outcome: &Outcome) -> Option<&Answer> {
    match outcome {
        Outcome::Granted(grant) => Some(&grant.answer),
        Outcome::Conflict(answer) | Outcome::NoMemory { answer, .. } => Some(answer),
        Outcome::OverQuota { .. } => None,
    }
}

const VERDICT: &str = "verdict";
const NO_MEMORY: &str = "no-memory";
const OVER_QUOTA: &str = "over-quota";
const EXPLANATION: &str = "explanation";
const CUT: &str = "explanation-cut";
const FALLBACK_FROM: &str = "fallback-from";
const LEASE: &str = "lease";
const CANDIDATE: &str = "candidate";
const STAND_IN: &str = "stand-in";
const TOTAL: &str = "total";
const ACCOUNT: &str = "account";
const ORIGIN: &str = "origin";
const RECEIPT: &str = "receipt";
const WHAT: &str = "what";
const BOUND: &str = "bound";
const IN_USE: &str = "in-use";
const ASKED: &str = "asked";
/// What a quota can be on; a newer service may know more.
const QUOTAS: [&str; 3] = ["leases", "buffers", "bytes"];

/// `a(ss)`: who was tried, and what became of it.
trait Tried {
    fn into_texts(self) -> Vec<(String, String)>;
}

impl Tried for Vec<(Name, String)> {
    fn into_texts(self) -> Vec<(String, String)> {
        self.into_iter().map(|(heap, cause)| (heap.to_string(), cause)).collect()
    }
}

fn granted(grant: &Grant, explain: bool) -> Reply {
    let mut dictionary = flat(&grant.answer, grant.candidate);
    dictionary.extend(given(grant));
    if explain {
        explained(dictionary, &grant.answer, grant.candidate)
    } else {
        Reply { flat: dictionary, ..Reply::default() }
    }
}

/// What one grant says beside its plan.
fn given(grant: &Grant) -> Dictionary {
    let mut dictionary = Dictionary::from([
        (LEASE, Variant::from(grant.lease)),
        (CANDIDATE, Variant::from(count(grant.candidate))),
    ]);
    if grant.stand_in {
        dictionary.insert(STAND_IN, Variant::from(true));
    }
    if !grant.fallback_from.is_empty() {
        let tried = grant.fallback_from.clone().into_texts();
        dictionary.insert(FALLBACK_FROM, Variant::from(tried));
    }
    dictionary
}

/// The figures of the candidate that was (or would be) used.
pub(crate) fn flat(answer: &Answer, candidate: usize) -> Dictionary {
    let verdict = match answer.verdict {
        Verdict::Ok => "ok",
        Verdict::Conflict => "conflict",
    };
    let mut dictionary = Dictionary::from([(VERDICT, Variant::from(verdict))]);
    let Some(plan) = &answer.plan else { return dictionary };
    dictionary.insert("count", Variant::from(plan.count));
    dictionary.insert("size", Variant::from(plan.size));
    dictionary.insert("allocation-size", Variant::from(plan.allocation_size));
    dictionary.insert("assumed", Variant::from(plan.assumed));
    dictionary.insert("size-assumed", Variant::from(plan.size_assumed));
    dictionary.insert("planes", Variant::from(plan.planes.iter().map(plane).collect::<Vec<_>>()));
    let sync_points: Vec<_> = plan.sync_points.iter().map(sync_point).collect();
    dictionary.insert("sync-points", Variant::from(sync_points));
    let buffers = u32::try_from(plan.buffers.len()).unwrap_or(u32::MAX);
    dictionary.insert(TOTAL, Variant::from(plan.count.saturating_mul(buffers)));
    for (key, name) in [("fourcc", &plan.fourcc), ("modifier", &plan.modifier)] {
        if let Some(name) = name {
            dictionary.insert(key, Variant::from(name.to_string()));
        }
    }
    if !plan.left_out.is_empty() {
        dictionary.insert("left-out", Variant::from(texts(&plan.left_out)));
    }
    let mut heaps: Vec<String> = Vec::new();
    for heap in plan.candidates.iter().filter_map(|candidate| candidate.heaps.first()) {
        if !heaps.iter().any(|known| **known == **heap) {
            heaps.push(heap.to_string());
        }
    }
    dictionary.insert("heaps", Variant::from(heaps));
    if let Some(candidate) = plan.candidates.get(candidate) {
        if let Some(heap) = candidate.heaps.first() {
            dictionary.insert("heap", Variant::from(heap.to_string()));
        }
        if candidate.heaps.len() > 1 {
            dictionary.insert("plane-heaps", Variant::from(texts(&candidate.heaps)));
        }
        dictionary.insert("access", word(&candidate.access));
        dictionary.insert("contiguous", Variant::from(candidate.contiguous));
        dictionary.insert("protected", Variant::from(candidate.protected));
    }
    dictionary
}

fn plane(plane: &PlanePlan) -> Dictionary {
    Dictionary::from([
        ("buffer-index", Variant::from(plane.buffer_index)),
        ("offset", Variant::from(plane.offset)),
        ("stride", Variant::from(plane.stride)),
        ("size", Variant::from(plane.size)),
    ])
}

fn sync_point(point: &SyncPoint) -> Dictionary {
    Dictionary::from([
        ("participant", Variant::from(point.participant.to_string())),
        ("read", Variant::from(point.read)),
        ("write", Variant::from(point.write)),
        ("because", Variant::from(point.because.to_string())),
    ])
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A word of the vocabulary, as serde spells it.
fn word(word: &impl Serialize) -> Variant<'static> {
    let word = serde_json::to_value(word).unwrap_or_default();
    Variant::from(word.as_str().unwrap_or_default().to_owned())
}

pub(super) fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn explained(mut flat: Dictionary, answer: &Answer, candidate: usize) -> Reply {
    let cut = short::cut(answer, candidate);
    if cut.is_some() {
        flat.insert(CUT, Variant::from(true));
    }
    let explanation = serde_json::to_value(cut.as_ref().unwrap_or(answer)).ok();
    let mut reply = Reply { flat, explanation, ..Reply::default() };
    reply.bytes = serialized_size(Context::new(LE, 0), &reply).map_or(0, |size| size.size());
    reply
}

/// The typed answer of an explained reply.
///
/// # Errors
/// [`Garbled`] when it is not explained or the explanation is not an answer's.
pub fn read_answer(received: &Received) -> Result<Answer, Garbled> {
    read(received, EXPLANATION)
}

/// The typed outcome of an explained reply to `Allocate`, with the buffers that came so far.
///
/// # Errors
/// [`Garbled`] where a key is absent or of another kind than the interface says.
pub fn read_outcome(received: &Received, buffers: Vec<OwnedFd>) -> Result<Outcome, Garbled> {
    let verdict: String = read(received, VERDICT)?;
    Ok(match verdict.as_str() {
        "ok" => Outcome::Granted(Grant {
            lease: read(received, LEASE)?,
            answer: read_answer(received)?.into(),
            candidate: read(received, CANDIDATE)?,
            buffers,
            total_buffers: read(received, TOTAL)?,
            fallback_from: read_or_default(received, FALLBACK_FROM)?,
            stand_in: read_or_default(received, STAND_IN)?,
        }),
        "conflict" => Outcome::Conflict(read_answer(received)?),
        NO_MEMORY => Outcome::NoMemory {
            answer: read_answer(received)?,
            tried: read_or_default(received, FALLBACK_FROM)?,
        },
        OVER_QUOTA => Outcome::OverQuota {
            account: read_or_default(received, ACCOUNT)?,
            origin: read_or_default(received, ORIGIN)?,
            what: quota(&read::<String>(received, WHAT)?),
            bound: read(received, BOUND)?,
            in_use: read(received, IN_USE)?,
            asked: read(received, ASKED)?,
        },
        other => return Err(Garbled::of(VERDICT, format!("{other} is no verdict"))),
    })
}

/// What came of an `Adopt`: the number of the lease, or a bound that it would exceed.
///
/// # Errors
/// As [`read_outcome`].
pub fn read_lease(received: &Received) -> Result<Result<u64, Box<Outcome>>, Garbled> {
    match read::<String>(received, VERDICT)?.as_str() {
        "ok" => Ok(Ok(read(received, LEASE)?)),
        _ => read_outcome(received, Vec::new()).map(|over| Err(Box::new(over))),
    }
}

fn quota(what: &str) -> &'static str {
    QUOTAS.into_iter().find(|known| *known == what).unwrap_or("resources")
}

fn read<T: DeserializeOwned>(received: &Received, key: &str) -> Result<T, Garbled> {
    let variant = received.get(key).ok_or_else(|| Garbled::of(key, "is absent"))?;
    let json = tree::to_json(variant);
    serde_json::from_value(json).map_err(|error| Garbled::of(key, error))
}

fn read_or_default<T: DeserializeOwned + Default>(
    received: &Received,
    key: &str,
) -> Result<T, Garbled> {
    if received.contains_key(key) { read(received, key) } else { Ok(T::default()) }
}

/// A reply as JSON, for printing.
#[must_use]
pub fn json(received: &Received) -> Json {
    let object: Map<String, Json> =
        received.iter().map(|(key, variant)| (key.clone(), tree::to_json(variant))).collect();
    Json::Object(object)
}

mod short;
#[cfg(test)]
mod tests;
