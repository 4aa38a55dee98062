//! V4L2 drivers, by their videobuf2 queues.

use super::{Cpu, Import, Mapping, Meaning, Reason, Row, Sources, Survey};
use crate::c::token::tokens;
use crate::driver::Driver;
use crate::facts::{Memory, Queue, queues};
use crate::program::At;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const EXPBUF: [&str; 3] = ["vb2_ioctl_expbuf", "v4l2_m2m_ioctl_expbuf", "vb2_expbuf"];

/// The queues of a file's nodes, by unit and node.
type Queues = HashMap<(usize, usize), Vec<Queue>>;

pub(crate) fn media(sources: &Sources<'_>) -> Survey {
    let queues = all_queues(sources);
    let program = sources.program;
    let holding = sources.modules_with(|at| queues.contains_key(&(at.unit, at.node)));
    let concerned = sources.concerned(holding.clone());
    let mut survey = Survey::default();
    let mut reached: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut found: BTreeMap<&Driver, Vec<At>> = BTreeMap::new();
    for driver in concerned.iter().flat_map(|module| sources.drivers.of_module(*module)) {
        let nodes = program.reach(driver.at);
        let own = nodes.iter().map(|at| (at.unit, at.node)).filter(|at| queues.contains_key(at));
        let own: Vec<(usize, usize)> = own.collect();
        if !own.is_empty() {
            reached.extend(own);
            found.insert(driver, nodes);
        }
    }
    for module in holding {
        let left: Vec<At> = program
            .nodes_of(module)
            .filter(|at| queues.contains_key(&(at.unit, at.node)))
            .filter(|at| !reached.contains(&(at.unit, at.node)))
            .collect();
        if let Some(first) = left.first() {
            let plugged = plug_in(sources, module, &queues, &mut found);
            if let Err(reason) = plugged {
                let source = sources.path(*first);
                survey.unclassified.push(sources.unreached(module, source, reason));
            }
        }
    }
    for (driver, nodes) in found {
        let source = source(sources, &nodes, &queues);
        let row = match meaning(sources, driver, &nodes, &of(&nodes, &queues)) {
            Ok((meaning, assumed)) => Ok(Row { meaning, driver: driver.clone(), source, assumed }),
            Err(reason) => Err(Reason { source, reason }),
        };
        survey.add(row, driver);
    }
    survey
}

/// Those of V4L2: a DVB demultiplexer's are no business of a buffer's.
fn all_queues(sources: &Sources<'_>) -> Queues {
    let mut all = Queues::new();
    for (unit, source) in sources.program.units.iter().enumerate() {
        for (node, found) in source.nodes.iter().enumerate() {
            let Some(body) = found.body.as_deref().filter(|body| body.contains("_memops")) else {
                continue;
            };
            let mut list = queues(&tokens(body));
            list.retain(|queue| {
                !queue.buffer_type.as_deref().is_some_and(|t| t.starts_with("DVB"))
            });
            if !list.is_empty() {
                all.insert((unit, node), list);
            }
        }
    }
    all
}

/// A module whose queues no driver leads to. Without a driver of a bus it adds nodes to the devices of the drivers whose exports it uses
/// (em28xx-v4l to em28xx).
fn plug_in<'d>(
    sources: &Sources<'d>,
    module: usize,
    queues: &Queues,
    found: &mut BTreeMap<&'d Driver, Vec<At>>,
) -> Result<(), String> {
    let nodes: Vec<At> = sources.program.nodes_of(module).collect();
    let own: Vec<&Driver> = sources.drivers.of_module(module).collect();
    let targets = match own.len() {
        0 => neighbours(sources, module),
        // Its probe function is named in a call (`module_platform_driver_probe`).
        1 => own,
        _ => return Err("none of its drivers leads to its queues".to_owned()),
    };
    if targets.is_empty() {
        return Err("no driver of a bus leads to its queues".to_owned());
    }
    for target in targets {
        let own = kinds(&of(&nodes, queues));
        let known = found.entry(target).or_insert_with(|| sources.program.reach(target.at));
        let others = kinds(&of(known, queues));
        if !others.is_empty() && others != own {
            return Err(format!("on devices of {}, whose other queues differ", target.name));
        }
        known.extend(&nodes);
    }
    Ok(())
}

/// The drivers of the same directory whose modules' exports a module uses.
fn neighbours<'d>(sources: &Sources<'d>, module: usize) -> Vec<&'d Driver> {
    let dir = |module: usize| {
        let unit = sources.program.modules[module].units.first().copied();
        unit.and_then(|unit| sources.program.units[unit].path.rsplit_once('/')).map(|(dir, _)| dir)
    };
    let used = sources.program.uses(module).into_iter();
    let beside = used.filter(|other| dir(*other) == dir(module));
    beside.flat_map(|other| sources.drivers.of_module(other)).collect()
}

/// The queues of these nodes.
fn of<'q>(nodes: &[At], queues: &'q Queues) -> Vec<&'q Queue> {
    nodes.iter().filter_map(|at| queues.get(&(at.unit, at.node))).flatten().collect()
}

/// What they work on and whether they import. Nobody shares the lines of text between the pictures:
/// these queues do not count where there are others.
fn kinds(all: &[&Queue]) -> BTreeSet<(BTreeSet<Memory>, Option<bool>)> {
    let text_only = all.iter().all(|queue| queue.is_vbi());
    let counting = all.iter().filter(|queue| text_only || !queue.is_vbi());
    counting.map(|queue| (queue.memory.clone(), queue.imports)).collect()
}

fn source(sources: &Sources<'_>, nodes: &[At], queues: &Queues) -> String {
    let with = nodes.iter().filter(|at| queues.contains_key(&(at.unit, at.node)));
    with.map(|at| sources.path(*at)).min().unwrap_or_default()
}

/// What the queues of a driver make of it, with what had to be assumed; or why that cannot be said.
fn meaning(
    sources: &Sources<'_>,
    driver: &Driver,
    nodes: &[At],
    all: &[&Queue],
) -> Result<(Meaning, Option<String>), String> {
    let kinds = kinds(all);
    if kinds.iter().any(|(memory, _)| memory.len() != 1) {
        return Err("which memory a queue works on is decided when it runs".to_owned());
    }
    let memory: BTreeSet<Memory> = kinds.iter().flat_map(|(memory, _)| memory).copied().collect();
    let (Some(&memory), 1) = (memory.first(), memory.len()) else {
        return Err(format!("its queues work on different memory: {memory:?}"));
    };
    let imports: BTreeSet<Option<bool>> = kinds.iter().map(|(_, imports)| *imports).collect();
    let (Some(&Some(imports)), 1) = (imports.first(), imports.len()) else {
        return Err("whether all of its queues import cannot be read".to_owned());
    };
    let import = match memory {
        _ if !imports => Import::Refused,
        Memory::Contig => Import::Contiguous(Mapping::Unmapped),
        Memory::Scattered => Import::Scattered,
        Memory::Vmalloc => Import::Cpu(direction(sources, nodes, all)?),
    };
    let contiguous = memory == Memory::Contig;
    // What sg and vmalloc queues export is what any heap has: it helps where nothing is imported.
    let exports = (contiguous || !imports) && sources.program.mention(nodes, &EXPBUF);
    let (address_bits, assumed) = match import {
        Import::Contiguous(_) | Import::Scattered => sources.address_bits(driver, nodes),
        Import::Cpu(_) | Import::Refused => (None, None),
    };
    let exports = exports.then(|| sources.exports(driver, nodes, "EXPBUF", contiguous));
    Ok((Meaning { import, address_bits, exports }, assumed))
}

/// Which way frames go: by the types of the queues, or of all buffers that the driver speaks of.
fn direction(sources: &Sources<'_>, nodes: &[At], all: &[&Queue]) -> Result<Cpu, String> {
    let (mut captures, mut outputs) = (false, false);
    if all.iter().all(|queue| queue.buffer_type.is_some()) {
        for buffer_type in all.iter().filter_map(|queue| queue.buffer_type.as_deref()) {
            captures |= buffer_type.contains("_CAPTURE");
            outputs |= buffer_type.contains("_OUTPUT");
        }
    } else {
        captures = sources.program.mention(nodes, &CAPTURES);
        outputs = sources.program.mention(nodes, &OUTPUTS);
    }
    match (captures, outputs) {
        (true, true) if sources.program.mention(nodes, &["v4l2_m2m_ctx_init"]) => Ok(Cpu::Both),
        (true, true) => Ok(Cpu::ByUse),
        (true, false) => Ok(Cpu::Writes),
        (false, true) => Ok(Cpu::Reads),
        (false, false) => Err("which way its frames go cannot be read".to_owned()),
    }
}

const CAPTURES: [&str; 5] = [
    "V4L2_BUF_TYPE_META_CAPTURE",
    "V4L2_BUF_TYPE_SDR_CAPTURE",
    "V4L2_BUF_TYPE_VBI_CAPTURE",
    "V4L2_BUF_TYPE_VIDEO_CAPTURE",
    "V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE",
];
const OUTPUTS: [&str; 5] = [
    "V4L2_BUF_TYPE_META_OUTPUT",
    "V4L2_BUF_TYPE_SDR_OUTPUT",
    "V4L2_BUF_TYPE_VBI_OUTPUT",
    "V4L2_BUF_TYPE_VIDEO_OUTPUT",
    "V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE",
];
