//! Who imports buffers on this machine: queues of V4L2 nodes, and DRM nodes.

use crate::problem::Problem;
use heapq_allocator::sys::drm;
use heapq_allocator::sys::v4l2::{Device, Queue};
use std::fs;
use std::path::Path;

/// Pixels in a row, and rows.
pub(crate) type Size = (u32, u32);

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Importer {
    /// No other importer of the machine has it: driver, name, direction.
    pub(crate) name: String,
    /// Its device node.
    pub(crate) node: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A queue; its node may have another, which feeds it or which it feeds.
    Video(Queue, Work),
    /// A node that can show pictures.
    Screen,
    /// One that cannot.
    Render,
}

/// What a V4L2 node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Encode,
    Decode,
    Process,
    /// It has one queue, whose other end is the world.
    Film,
}

impl Importer {
    /// What a client would say that it does.
    pub(crate) fn usage(&self) -> &'static str {
        match self.kind {
            Kind::Video(_, Work::Encode) => "encode",
            Kind::Video(_, Work::Decode) => "decode",
            Kind::Video(_, Work::Process) => "process",
            Kind::Video(queue, Work::Film) if queue.is_capture() => "capture",
            Kind::Video(..) | Kind::Screen => "scanout",
            Kind::Render => "render",
        }
    }
}

/// All of them, V4L2 first, in the order of the nodes' numbers.
pub(crate) fn all() -> Result<Vec<Importer>, Problem> {
    let mut all = Vec::new();
    for name in class("video4linux", "video")? {
        all.extend(queues(&name)?);
    }
    for name in class("drm", "card")?.into_iter().chain(class("drm", "renderD")?) {
        all.push(display(&name)?);
    }
    let mut names: Vec<&str> = all.iter().map(|importer| &*importer.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Problem::Wrong(format!("two importers are called {}", pair[0]))),
        None => Ok(all),
    }
}

/// `PREFIXn` of a class, by number.
fn class(class: &str, prefix: &str) -> Result<Vec<String>, Problem> {
    let dir = format!("/sys/class/{class}");
    let Ok(entries) = fs::read_dir(&dir) else { return Ok(Vec::new()) };
    let mut found: Vec<(u32, String)> = Vec::new();
    for entry in entries {
        let name = entry.map_err(Problem::system(&dir))?.file_name();
        let name = name.to_string_lossy();
        // Not `card0-Virtual-1`.
        if let Some(number) = name.strip_prefix(prefix).and_then(|rest| rest.parse().ok()) {
            found.push((number, name.into_owned()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

fn queues(name: &str) -> Result<Vec<Importer>, Problem> {
    let node = format!("/dev/{name}");
    let what = fs::read_to_string(format!("/sys/class/video4linux/{name}/name"));
    let what = what.map_err(Problem::system(name))?.trim().to_owned();
    let device = Device::open(Path::new(&node)).map_err(Problem::system(&node))?;
    let capability = device.capability().map_err(Problem::system(&node))?;
    let queues = capability.queues();
    let work = work(&what, queues.len());
    let importer = |queue: Queue| Importer {
        name: format!("{} {what}{}", capability.driver, direction(queue, queues.len())),
        node: node.clone(),
        kind: Kind::Video(queue, work),
    };
    Ok(queues.iter().copied().map(importer).collect())
}

fn direction(queue: Queue, queues: usize) -> &'static str {
    match queue {
        _ if queues == 1 => "",
        _ if queue.is_capture() => " capture",
        _ => " output",
    }
}

fn work(name: &str, queues: usize) -> Work {
    match name {
        _ if queues == 1 => Work::Film,
        name if name.contains("enc") => Work::Encode,
        name if name.contains("dec") => Work::Decode,
        _ => Work::Process,
    }
}

fn display(name: &str) -> Result<Importer, Problem> {
    let node = format!("/dev/dri/{name}");
    let card = drm::Device::open(Path::new(&node)).map_err(Problem::system(&node))?;
    let driver = card.driver().map_err(Problem::system(&node))?;
    let kind = if card.largest().is_some() { Kind::Screen } else { Kind::Render };
    Ok(Importer { name: format!("{driver} {name}"), node, kind })
}
