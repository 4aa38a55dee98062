//! `heapq probe`: what a device takes, learnt by giving it buffers.
//!
//! This process takes the buffers and judges; another one ([`inside`]) has the device.

pub(crate) mod inside;
mod report;
mod run;
mod supply;
mod watched;
pub(super) mod write;

use crate::advice;
use crate::cli::{Global, MACHINES};
use crate::output::print;
use crate::problem::Problem;
use crate::session::broker;
use heapq_allocator::probe::rule::Device;
use heapq_allocator::probe::{conclude, rule, today};
use heapq_allocator::{AskError, Broker, Caller, Topology};
use heapq_constraints::question::Usages;
use heapq_constraints::{Heap, Name};
use heapq_dbus::exit::Exit;
use report::Report;
use std::path::Path;
use std::time::Duration;
use supply::Supply;

/// Runs the command.
pub(crate) fn run(
    device: &str,
    write: Option<&Path>,
    limit: Duration,
    global: &Global,
) -> Result<Exit, Problem> {
    global.refuse(&MACHINES, "probe", "it gives buffers to a device of this machine")?;
    let broker = broker(global, false)?;
    let heaps = broker.heaps(&Caller::myself());
    let supply = Supply::of(&heaps, global)?;
    let known = describe(device, &broker)?;
    if !heaps.heaps().iter().any(|heap| supply.may(heap)) {
        return Err(Problem::NoHeap { advice: advice::about(&broker) });
    }
    let has = |heap: &&Heap| supply.has(heap, known.driver.as_deref());
    let usable: Vec<&Heap> = heaps.heaps().iter().filter(has).collect();
    if usable.is_empty() {
        let advice = vec!["those that there are, are protected or kept for others".to_owned()];
        return Err(Problem::NoHeap { advice });
    }
    let found = run::run(&known.node, &usable, &supply, limit)?;
    let concluded = if found.unanswered.is_some() {
        Vec::new()
    } else {
        conclude(&found.tried, &broker.topology().heaps)
    };
    let rows = report::rows(&found, &concluded, &known, &broker)?;
    let text = rule::policy(&known, &found.tried, &concluded, &today());
    let written = write.map(|to| write::write(&text, to, &rule::file_name(&known), global));
    let written = written.transpose()?;
    let failed = found.unanswered.is_some() || found.not_restored.is_some();
    let report = Report::new(known, rows, concluded, found, written);
    if write != Some(Path::new("-")) {
        print(&report, global).map_err(Problem::system("writing"))?;
    }
    Ok(if failed { Exit::Failure } else { Exit::Ok })
}

/// The one node that is meant, as rules know it.
fn describe(name: &str, broker: &Broker) -> Result<Device, Problem> {
    let (topology, policies) = (broker.topology(), broker.policies());
    let device = topology.device(name).map_err(AskError::from)?;
    let meant = topology.known(name, &policies, Usages::default()).map_err(AskError::from)?;
    let nodes: Vec<Name> = meant.into_iter().filter_map(|node| node.node).collect();
    let [node] = nodes.as_slice() else {
        return Err(Problem::ManyNodes { device: name.to_owned(), nodes: nodes.join(", ") });
    };
    let index = device.nodes.iter().position(|known| known == node);
    let node_name = index.and_then(|index| device.names.get(index)).filter(|name| !name.is_empty());
    let takes = |node: &&Name| !node.starts_with("/dev/media");
    Ok(Device {
        node: node.clone(),
        name: node_name.cloned(),
        one_of_several: device.nodes.iter().filter(takes).count() > 1
            || shared(&topology, &device.path),
        driver: device.driver.clone(),
        compatible: device.compatible.first().cloned(),
        path: device.path.clone(),
        has_iommu: device.iommu.translates(),
        release: topology.release.clone(),
    })
}

/// Whether another device is at the same path, as the instances of a virtual driver are.
fn shared(topology: &Topology, path: &Name) -> bool {
    topology.devices.iter().filter(|device| device.path == *path).count() > 1
}
