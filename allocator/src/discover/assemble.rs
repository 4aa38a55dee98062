//! From an observation and the policies to a topology: pure.

use super::facts::kernel_facts;
use super::{Observation, SeenDevice, candidates};
use crate::topology::{Device, Iommu, Topology};
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{HeapSet, Name};
use heapq_policies::{Kernel, PolicySet};
use std::collections::BTreeMap;

/// What rules compare with where the source does not say which kernel runs: a current one.
pub(super) const CURRENT: Kernel = Kernel { major: u16::MAX, minor: 0 };

/// The topology that follows from an observation and what the policies know.
///
/// # Errors
/// Two heaps that bear one name.
pub fn assemble(
    seen: &Observation,
    policies: &PolicySet,
    generation: u64,
) -> Result<Topology, Invalid> {
    let release = seen.kernel.clone().unwrap_or_default();
    let kernel = kernel(&release);
    let mut warnings = seen.warnings.clone();
    let heaps = candidates::from(seen, policies, kernel, &mut warnings);
    let by_path: BTreeMap<&Name, &SeenDevice> =
        seen.devices.iter().map(|device| (&device.path, device)).collect();
    let devices = seen.devices.iter().map(|device| {
        let master = device.master.as_ref().and_then(|path| by_path.get(path).copied());
        assemble_device(device, master.unwrap_or(device))
    });
    let mut topology = Topology {
        generation,
        kernel,
        release,
        board: seen.board.clone(),
        dmi: seen.dmi.clone(),
        heaps: HeapSet::new(heaps, &policies.edges())?,
        devices: devices.collect(),
        modules: seen.modules.clone(),
        warnings,
    };
    let listed = |device: &Device| {
        !device.nodes.is_empty() || (device.described() && topology.knows(device, policies))
    };
    let listed: Vec<bool> = topology.devices.iter().map(listed).collect();
    for (device, listed) in topology.devices.iter_mut().zip(listed) {
        device.listed = listed;
    }
    Ok(topology)
}

/// The version in a release; a current one where it has none.
pub(super) fn kernel(release: &str) -> Kernel {
    release.parse().unwrap_or(CURRENT)
}

fn assemble_device(device: &SeenDevice, master: &SeenDevice) -> Device {
    let iommu = Iommu::from_group_type(master.iommu_group.as_ref());
    let facts = kernel_facts(device, master, &iommu);
    Device { seen: device.clone(), iommu, facts, listed: false }
}
