//! What heapq knows of one board: each node that takes buffers, and each pair of source and display.

use crate::Problem;
use crate::roles::{Role, Roles};
use heapq_allocator::discover::{assemble, devicetree};
use heapq_allocator::{Device, Iommu, Topology, complete};
use heapq_constraints::question::Usage;
use heapq_constraints::{Constraint, Name, Origin, Participant, Question, solve};
use heapq_policies::PolicySet;
use std::path::Path;
use std::time::{Duration, Instant};

/// A frame of 1920 × 1080 in NV12.
const FRAME: u64 = 3_110_400;

/// One board.
pub(crate) struct Surveyed {
    pub(crate) name: String,
    /// To read, assemble and look up everything that takes buffers.
    pub(crate) time: Duration,
    pub(crate) nodes: Vec<Node>,
    /// The heap, or `conflict`, of each pair of a source and a display in use.
    pub(crate) pairs: Vec<Name>,
}

/// One node that takes buffers.
pub(crate) struct Node {
    pub(crate) role: Role,
    pub(crate) compatible: Name,
    /// Some rule describes it.
    pub(crate) named: bool,
    /// Nothing that the devicetree does not show can change the verdict.
    pub(crate) unconditional: bool,
    /// What it needs, in words.
    pub(crate) verdict: String,
    pub(crate) iommu: &'static str,
}

pub(crate) fn survey(
    file: &Path,
    policies: &PolicySet,
    roles: &Roles,
) -> Result<Surveyed, Problem> {
    let blob =
        std::fs::read(file).map_err(|source| Problem::File { path: file.to_owned(), source })?;
    let fail = |text: String| Problem::Board { path: file.to_owned(), text };
    let topology = topology(&blob, policies).map_err(fail)?;
    let found = takers(&topology, roles);
    let all_needs = |topology: &Topology| {
        let needs = |(device, role, _): &Taker<'_>| needs_of(device, *role, topology, policies);
        takers(topology, roles).iter().map(needs).collect::<Result<Vec<String>, String>>()
    };
    let needs = all_needs(&topology).map_err(fail)?;
    let once = || {
        let started = Instant::now();
        self::topology(&blob, policies).and_then(|topology| all_needs(&topology)).map_err(fail)?;
        Ok(started.elapsed())
    };
    // The quickest of three: what the machine does besides is not ours.
    let time = once()?.min(once()?).min(once()?);
    let enabled = self::topology(&all_in_use(&blob), policies).map_err(fail)?;
    let mut nodes = Vec::new();
    for ((device, role, compatible), verdict) in found.iter().zip(needs) {
        let unseen = match enabled.device(&device.path) {
            Ok(device) => needs_of(device, *role, &enabled, policies).map_err(fail)? != verdict,
            Err(_) => true,
        };
        let named = !verdict.contains("unknown");
        nodes.push(Node {
            role: *role,
            compatible: Name::clone(compatible),
            named,
            unconditional: named && !unseen && !(hangs_on_iommu(device, &verdict)),
            verdict,
            iommu: iommu(device),
        });
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Surveyed { name, time, nodes, pairs: pairs(&found, &topology, policies).map_err(fail)? })
}

fn topology(blob: &[u8], policies: &PolicySet) -> Result<Topology, String> {
    let seen = devicetree::read(blob, policies).map_err(|error| error.to_string())?;
    assemble(&seen, policies, 1).map_err(|error| error.to_string())
}

/// The same tree with everything switched on, as overlays might: an IOMMU that is off until a camera
/// is on changes what the camera needs.
fn all_in_use(blob: &[u8]) -> Vec<u8> {
    let (off, on) = (b"disabled\0", b"okay\0\0\0\0\0");
    let mut blob = blob.to_vec();
    let mut at = 0;
    while let Some(rest) = blob.get_mut(at..at + off.len()) {
        if rest == off {
            rest.copy_from_slice(on);
        }
        at += 1;
    }
    blob
}

type Taker<'a> = (&'a Device, Role, &'a Name);

fn takers<'a>(topology: &'a Topology, roles: &Roles) -> Vec<Taker<'a>> {
    let devices = topology.devices.iter();
    let role = |device: &'a Device| {
        let (role, compatible) = roles.of(&device.compatible)?;
        Some((device, role, compatible))
    };
    devices.filter_map(role).collect()
}

fn participant(device: &Device, role: Role) -> Participant {
    let mut participant = Participant::new(&*device.path);
    participant.device = Some(device.path.clone());
    participant.usage.insert(match role {
        Role::Media => Usage::Decode,
        Role::Display => Usage::Scanout,
        Role::Engine => Usage::Process,
    });
    participant
}

/// What the device needs, but for places and caches, which are the board's.
fn needs_of(
    device: &Device,
    role: Role,
    topology: &Topology,
    policies: &PolicySet,
) -> Result<String, String> {
    let participants = vec![participant(device, role)];
    let question = Question { participants, ..Question::default() };
    let question = complete(question, topology, policies).map_err(|error| error.to_string())?;
    let facts = question.participants.into_iter().flat_map(|one| one.facts);
    let mut words: Vec<String> = facts.filter_map(|fact| word(&fact.constraint)).collect();
    words.sort();
    words.dedup();
    Ok(if words.is_empty() { "anything".to_owned() } else { words.join(" ") })
}

fn word(constraint: &Constraint) -> Option<String> {
    match constraint {
        Constraint::AddressWindow(_) | Constraint::DmaCoherent(_) => None,
        Constraint::AddressBits(bits) => Some(format!("address-bits={bits}")),
        Constraint::Link(heaps) if heaps.is_empty() => Some("no-heap".to_owned()),
        other => Some(other.key().to_string()),
    }
}

/// An IOMMU of a kind of which heapq does not know whether it translates.
fn hangs_on_iommu(device: &Device, verdict: &str) -> bool {
    iommu(device) == "unknown" && verdict.contains("contiguous")
}

fn iommu(device: &Device) -> &'static str {
    match &device.iommu {
        Iommu::None => "none",
        Iommu::Translating(_) => "translates",
        Iommu::Passthrough(kind) if &**kind == "identity" => "identity",
        Iommu::Passthrough(_) => "unknown",
    }
}

/// The best heap of each pair in use.
fn pairs(
    takers: &[Taker<'_>],
    topology: &Topology,
    policies: &PolicySet,
) -> Result<Vec<Name>, String> {
    let of = |wanted: Role| {
        takers.iter().filter(move |(device, role, _)| *role == wanted && !device.disabled)
    };
    let mut found = Vec::new();
    for (source, ..) in of(Role::Media) {
        for (display, ..) in of(Role::Display) {
            let source = participant(source, Role::Media);
            let source = source.with(Constraint::MinSize(FRAME), Origin::Client);
            let participants = vec![source, participant(display, Role::Display)];
            let question = Question { participants, ..Question::default() };
            let question =
                complete(question, topology, policies).map_err(|error| error.to_string())?;
            let answer = solve(&topology.heaps, &question).map_err(|error| error.to_string())?;
            let plan = answer.plan.and_then(|plan| plan.heaps().into_iter().next());
            found.push(plan.unwrap_or_else(|| "conflict".into()));
        }
    }
    Ok(found)
}
