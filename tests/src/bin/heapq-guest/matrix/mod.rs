//! The agreement matrix of one machine: what heapq answers for each importer, heap and size, and what
//! the kernel does with such a buffer.

mod importer;
mod memory;
mod session;

use crate::ask;
use crate::problem::Problem;
use heapq_allocator::sys::Refused;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::{Answer, Heap};
use heapq_dbus::listing;
use heapq_dbus::wire::Asked;
use heapq_tests::matrix::{self, Cell, Judgement, Kernel, Proof, Verdict};
use importer::Importer;
use memory::{Source, Spoilt};
use rustix::io::Errno;
use session::Session;
use std::io::BufRead;

/// What importers are told to make pictures of: 24 KiB to 4 MB, where pixels take two bytes.
const PICTURES: [(u32, u32); 4] = [(128, 96), (640, 360), (1280, 720), (1920, 1080)];
/// Buffers of a cell. They exist at once, so they are different memory.
const FRAMES: u32 = 2;
/// How often a buffer that was accepted by luck may be accepted again.
const ATTEMPTS: u32 = 20;
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
        let mut sizes = Vec::new();
        for picture in PICTURES {
            let Some(session) = Session::open(&importer, picture)? else { continue };
            let bytes = session.bytes();
            // Some know fewer sizes than they are asked for.
            if sizes.contains(&bytes) {
                continue;
            }
            sizes.push(bytes);
            let answer = client.plan(&question(&importer, bytes)).await?;
            // A heap without buffers of this size has none for anybody.
            let gives = |heap: &&Heap| heap.max_size.is_none_or(|most| bytes <= most);
            for heap in heaps.iter().filter(gives) {
                let verdict = verdict(&answer, heap)?;
                let (kernel, bounced) = imported(&importer, picture, heap)?;
                wrong.print(&Cell {
                    machine: machine.to_owned(),
                    importer: importer.name.clone(),
                    heap: heap.name.to_string(),
                    scattered: !heap.contiguous,
                    picture,
                    bytes,
                    verdict,
                    kernel,
                    bounced,
                    proof: None,
                })?;
            }
        }
    }
    wrong.end()
}

/// Prints the cells on standard input, those that heapq refuses and the kernel took with their proofs.
/// One that has none is wrong. With `idle`, nothing is tried again and copies do not count.
pub(crate) fn prove(idle: bool) -> Result<String, Problem> {
    let importers = importer::all()?;
    let mut spoilt = None;
    let mut wrong = Wrong::of(Judgement::FalseReject);
    for mut cell in read()? {
        if cell.judge() == Judgement::FalseReject && !idle {
            if cell.bounced == 0 && spoilt.is_none() {
                spoilt = Some(Spoilt::all()?);
            }
            cell.proof = proof(&importers, &cell)?;
        }
        wrong.print(&cell)?;
    }
    wrong.end()
}

fn proof(importers: &[Importer], cell: &Cell) -> Result<Option<Proof>, Problem> {
    if cell.bounced > 0 {
        return Ok(Some(Proof::Bounce));
    }
    let Some(importer) = importers.iter().find(|importer| importer.name == cell.importer) else {
        return Err(Problem::Wrong(format!("no importer {}", cell.importer)));
    };
    let refused = refused(importer, cell)?;
    Ok(refused.map(|refused| Proof::Luck { refused }))
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

fn read() -> Result<Vec<Cell>, Problem> {
    let mut cells = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Problem::system("standard input"))?;
        let cell = matrix::read(&line).transpose();
        cells.extend(cell.map_err(|error| Problem::Wrong(format!("{line}: {error}")))?);
    }
    Ok(cells)
}

/// Why an importer cannot be asked at all: it takes buffers along with requests only, or it cannot be
/// told what for.
fn unusable(importer: &Importer) -> Result<Option<String>, Problem> {
    let Some(session) = PICTURES.iter().find_map(|p| Session::open(importer, *p).transpose())
    else {
        return Ok(Some("it has none of the sizes".to_owned()));
    };
    let session = session?;
    let frame = Source::scratch()?.frame(&session.sizes())?;
    let requests = session
        .take(&frame)
        .err()
        .filter(|refused| refused.source.raw_os_error() == Some(Errno::BADR.raw_os_error()));
    Ok(requests.map(|_| "it takes buffers with requests only".to_owned()))
}

fn question(importer: &Importer, bytes: u64) -> Asked {
    let mut asks = ask::participant("importer", importer.usage());
    asks.push("device", Value::Text(importer.node.clone()));
    asks.push("min-size", Value::Integer(bytes.into()));
    Asked { participants: vec![asks], request: Table::default() }
}

/// What the kernel does with buffers of the heap, and how much of the bounce buffer they take.
fn imported(
    importer: &Importer,
    picture: (u32, u32),
    heap: &Heap,
) -> Result<(Kernel, u64), Problem> {
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

/// At which of 20 attempts the importer refuses such a buffer.
fn refused(importer: &Importer, cell: &Cell) -> Result<Option<u32>, Problem> {
    let source = Source::open(&Heap::new(&*cell.heap))?;
    // Small ones are kept, so that each is other memory than those before.
    let mut kept = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let Some(session) = Session::open(importer, cell.picture)? else { return Ok(None) };
        let frame = source.frame(&session.sizes())?;
        if session.take(&frame).is_err() {
            return Ok(Some(attempt));
        }
        if cell.bytes < 1 << 20 {
            kept.push(frame);
        }
    }
    Ok(None)
}
