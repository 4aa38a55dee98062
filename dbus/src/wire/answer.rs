//! Answers as dictionaries, and back.
//!
//! The flat keys are what a client in any language needs to use the buffers; `explanation` is the
//! whole [`Answer`] for those who want to know why.

use super::entries::{Entries, Said, Table};
use super::tree::{self, AsVariant};
use heapq_allocator::{Grant, Outcome};
use heapq_constraints::Answer;
use heapq_constraints::answer::{Candidate, Plan, PlanePlan, SyncPoint, Verdict};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use zbus::wire::serialized::Context;
use zbus::wire::{LE, Signature, Type, serialized_size};
use zbus::{OwnedVariant, Variant};

/// `a{sv}` on its way out.
pub type Dictionary = HashMap<&'static str, Variant<'static>>;

/// The answer to `Plan` or `Allocate` on its way out.
#[derive(Debug, Default)]
pub struct Reply {
    /// No key of it is in `flat`.
    entries: Entries,
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
        self.entries.serialize(&mut map)?;
        for (key, value) in &self.flat {
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

/// The reply to an `Allocate` in the byte order of this machine, without the buffers, which travel
/// beside it: as [`allocated`] without explanation, where `planned` are the [`entries`] of the answer,
/// if they were made already.
#[must_use]
pub fn granted_as(grant: &Grant, planned: Option<&Entries>) -> Reply {
    let entries = match planned.filter(|_| grant.candidate == 0) {
        Some(planned) => planned.and(&given(grant)),
        None => {
            let mut figures = figures(&grant.answer, grant.candidate);
            figures.extend(given(grant));
            Entries::of(&figures)
        }
    };
    Reply { entries, ..Reply::default() }
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
            reply.flat.insert(FALLBACK_FROM, Said::Pairs(tried).into());
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

fn granted(grant: &Grant, explain: bool) -> Reply {
    let mut dictionary = flat(&grant.answer, grant.candidate);
    dictionary.extend(self::dictionary(given(grant)));
    if explain {
        explained(dictionary, &grant.answer, grant.candidate)
    } else {
        Reply { flat: dictionary, ..Reply::default() }
    }
}

/// What one grant says beside its plan. The last is a number of 64 bits, see [`Entries`].
fn given(grant: &Grant) -> Table<'_> {
    let mut given: Table<'_> = flags([(STAND_IN, grant.stand_in)]).collect();
    if grant.candidate > 0 {
        given.push((CANDIDATE, Said::Count(count(grant.candidate))));
    }
    if !grant.fallback_from.is_empty() {
        given.push((FALLBACK_FROM, Said::Pairs(&grant.fallback_from)));
    }
    given.push((LEASE, Said::Bytes(grant.lease)));
    given
}

/// The figures of the candidate that was (or would be) used.
pub(super) fn flat(answer: &Answer, candidate: usize) -> Dictionary {
    dictionary(figures(answer, candidate))
}

/// The same of the first one, as every reply says them that gives what it plans.
#[must_use]
pub fn entries(answer: &Answer) -> Entries {
    Entries::of(&figures(answer, 0))
}

pub(super) fn dictionary(table: Table<'_>) -> Dictionary {
    table.into_iter().map(|(key, said)| (key, said.into())).collect()
}

/// What is not so, or of which there is none, is not said.
fn figures(answer: &Answer, candidate: usize) -> Table<'_> {
    /// Keys that an answer has at most, what is given with it included.
    const MOST: usize = 22;
    let verdict = match answer.verdict {
        Verdict::Ok => "ok",
        Verdict::Conflict => "conflict",
    };
    let mut figures = Vec::with_capacity(MOST);
    figures.push((VERDICT, verdict.into()));
    if let Some(plan) = &answer.plan {
        add_plan(&mut figures, plan);
        plan.candidates.get(candidate).into_iter().for_each(|one| add_candidate(&mut figures, one));
    }
    figures
}

fn add_plan<'a>(figures: &mut Table<'a>, plan: &'a Plan) {
    let buffers = u32::try_from(plan.buffers.len()).unwrap_or(u32::MAX);
    figures.extend([
        ("count", Said::Count(plan.count)),
        (TOTAL, Said::Count(plan.count.saturating_mul(buffers))),
        ("size", Said::Bytes(plan.size)),
        ("allocation-size", Said::Bytes(plan.allocation_size)),
        ("heaps", Said::Texts(plan.heaps())),
    ]);
    figures.extend(flags([("assumed", plan.assumed), ("size-assumed", plan.size_assumed)]));
    figures.extend(plan.fourcc.iter().map(|name| ("fourcc", Said::from(&**name))));
    figures.extend(plan.modifier.iter().map(|name| ("modifier", Said::from(&**name))));
    if !plan.planes.is_empty() {
        figures.push(("planes", Said::Tables(plan.planes.iter().map(plane).collect())));
    }
    if !plan.sync_points.is_empty() {
        let points = plan.sync_points.iter().map(sync_point).collect();
        figures.push(("sync-points", Said::Tables(points)));
    }
    if !plan.left_out.is_empty() {
        figures.push(("left-out", Said::Texts(plan.left_out.clone())));
    }
}

fn add_candidate<'a>(figures: &mut Table<'a>, candidate: &'a Candidate) {
    figures.push(("access", candidate.access.word().into()));
    figures
        .extend(flags([("contiguous", candidate.contiguous), ("protected", candidate.protected)]));
    figures.extend(candidate.heaps.first().map(|heap| ("heap", Said::from(&**heap))));
    if candidate.heaps.len() > 1 {
        figures.push(("plane-heaps", Said::Texts(candidate.heaps.clone())));
    }
}

fn flags<'a, const N: usize>(
    flags: [(&'static str, bool); N],
) -> impl Iterator<Item = (&'static str, Said<'a>)> {
    flags.into_iter().filter(|(_, set)| *set).map(|(key, set)| (key, Said::Flag(set)))
}

fn plane(plane: &PlanePlan) -> Table<'_> {
    vec![
        ("buffer-index", Said::Count(plane.buffer_index)),
        ("offset", Said::Bytes(plane.offset)),
        ("stride", Said::Count(plane.stride)),
        ("size", Said::Bytes(plane.size)),
    ]
}

fn sync_point(point: &SyncPoint) -> Table<'_> {
    vec![
        ("participant", Said::from(&*point.participant)),
        ("read", Said::Flag(point.read)),
        ("write", Said::Flag(point.write)),
        ("because", Said::from(&*point.because)),
    ]
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
            candidate: read_or_default(received, CANDIDATE)?,
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
