//! The agreement matrix of one machine: what heapq answers for each importer, heap and size, and what
//! the kernel does with such a buffer.

mod importer;
mod memory;
mod prove;
mod session;

pub(crate) use prove::prove;

use crate::ask;
use crate::problem::Problem;
use heapq_allocator::sys::Refused;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::{Answer, Heap};
use heapq_dbus::listing;
use heapq_dbus::wire::Asked;
use heapq_tests::matrix::{Cell, Judgement, Kernel, Verdict};
use importer::{Importer, Size};
use memory::Source;
use rustix::io::Errno;
use session::Session;
use std::io;

/// What importers are told to make pictures of: 24 KiB to 4 MB, where pixels take two bytes.
const PICTURES: [Size; 4] = [(128, 96), (640, 360), (1280, 720), (1920, 1080)];
/// Buffers of a cell. They exist at once, so they are different memory.
const FRAMES: u32 = 2;

/// Prints all cells, a line each. A false accept is wrong.
pub(crate) async fn all(machine: &str) -> Result<String, Problem> {
    let client = ask::service().await?;
    let heaps = listing::heaps(&client).await?;
    let mut wrong = Wrong::of(Judgement::FalseAccept);
    for importer in importer::all()? {
        if let Some(why) = unusable(&importer)? {
            println!("left out of {machine}: {}: {why}", importer.name);
            continue;
        }
        for (picture, bytes) in sizes(&importer)? {
            let answer = client.plan(&question(&importer, bytes)).await?;
            // A heap without buffers of this size has none for anybody.
            let gives = |heap: &&Heap| heap.max_size.is_none_or(|most| bytes <= most);
            for heap in heaps.iter().filter(gives) {
                let (kernel, bounced) = imported(&importer, picture, heap)?;
                wrong.print(&Cell {
                    machine: machine.to_owned(),
                    importer: importer.name.clone(),
                    heap: heap.name.to_string(),
                    scattered: !heap.contiguous,
                    picture,
                    bytes,
                    verdict: verdict(&answer, heap)?,
                    kernel,
                    bounced,
                    proof: None,
                })?;
            }
        }
    }
    wrong.end()
}

/// Those pictures of which the importer makes different sizes, with the bytes of their largest buffer.
fn sizes(importer: &Importer) -> Result<Vec<(Size, u64)>, Problem> {
    let mut sizes: Vec<(Size, u64)> = Vec::new();
    for picture in PICTURES {
        let bytes = Session::open(importer, picture)?.map(|session| session.bytes());
        let new = bytes.filter(|bytes| sizes.iter().all(|(_, other)| other != bytes));
        sizes.extend(new.map(|bytes| (picture, bytes)));
    }
    Ok(sizes)
}

/// Cells that must not be.
struct Wrong {
    judgement: Judgement,
    cells: Vec<String>,
    all: usize,
}

impl Wrong {
    fn of(judgement: Judgement) -> Self {
        Self { judgement, cells: Vec::new(), all: 0 }
    }

    fn print(&mut self, cell: &Cell) -> Result<(), Problem> {
        println!("{}", cell.line().map_err(|error| Problem::Wrong(error.to_string()))?);
        self.all += 1;
        if cell.judge() == self.judgement {
            self.cells.push(cell.to_string());
        }
        Ok(())
    }

    fn end(self) -> Result<String, Problem> {
        if self.cells.is_empty() {
            return Ok(format!("{} cells", self.all));
        }
        Err(Problem::Wrong(self.cells.join("\n")))
    }
}

/// Why an importer cannot be asked at all: it takes buffers along with requests only, or it cannot be
/// told what for.
fn unusable(importer: &Importer) -> Result<Option<String>, Problem> {
    let session = PICTURES.iter().find_map(|size| Session::open(importer, *size).transpose());
    let Some(session) = session.transpose()? else {
        return Ok(Some("it has none of the sizes".to_owned()));
    };
    let frame = Source::scratch()?.frame(&session.sizes())?;
    let refused = session.take(&frame).err().and_then(|refused| refused.source.raw_os_error());
    let requests = refused.filter(|error| *error == Errno::BADR.raw_os_error());
    Ok(requests.map(|_| "it takes buffers with requests only".to_owned()))
}

fn question(importer: &Importer, bytes: u64) -> Asked {
    let mut asks = ask::participant("importer", importer.usage());
    asks.push("device", Value::Text(importer.node.clone()));
    asks.push("min-size", Value::Integer(bytes.into()));
    Asked { participants: vec![asks], request: Table::default() }
}

/// What the kernel does with buffers of the heap, and how much of the bounce buffer they take.
fn imported(importer: &Importer, picture: Size, heap: &Heap) -> Result<(Kernel, u64), Problem> {
    let Some(session) = Session::open(importer, picture)? else {
        return Err(Problem::Wrong(format!("{} does not do {picture:?} any more", importer.name)));
    };
    let source = Source::open(heap)?;
    let frames = (0..FRAMES).map(|_| source.frame(&session.sizes()));
    let frames = frames.collect::<Result<Vec<_>, _>>()?;
    let mut most = 0;
    for frame in &frames {
        match session.take(frame) {
            Ok(bounced) => most = most.max(bounced),
            // That says nothing of the memory.
            Err(Refused { source, .. }) if source.kind() == io::ErrorKind::ResourceBusy => {
                return Err(Problem::system(&importer.node)(source));
            }
            Err(Refused { call, source }) => {
                let (call, error) = (call.to_owned(), source.to_string());
                return Ok((Kernel::Refuses { call, error }, most));
            }
        }
    }
    Ok((Kernel::Accepts, most))
}

/// What an answer says of one heap: it is among the candidates, or ruled out.
fn verdict(answer: &Answer, heap: &Heap) -> Result<Verdict, Problem> {
    if let Some(plan) = &answer.plan
        && plan.heaps().iter().any(|name| heap.bears(name))
    {
        return Ok(if plan.assumed { Verdict::Assumed } else { Verdict::Accept });
    }
    let of = answer.eliminated.iter().find(|eliminated| heap.bears(&eliminated.heap));
    match of {
        Some(of) => Ok(Verdict::Refuse(of.reasons.iter().map(|r| r.key.to_string()).collect())),
        None => Err(Problem::Wrong(format!("nothing is said of {}: {answer:?}", heap.name))),
    }
}
