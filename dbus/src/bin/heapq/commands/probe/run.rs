//! The probe itself: buffers out, answers in.

use super::inside::{Order, Reply};
use super::supply::{Buffer, Supply};
use super::watched::{Silence, Watched};
use crate::problem::Problem;
use crate::table::human_bytes;
use heapq_allocator::probe::subject::{Fault, Kept};
use heapq_allocator::probe::{Answer, Trial, Tried, trials, users_of};
use heapq_constraints::{Heap, Name};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tried: Vec<Tried>,
    /// Heaps that gave no buffers, each with why.
    pub(super) not_had: Vec<(Name, String)>,
    /// Both queues of a device were tried.
    pub(super) both: bool,
    /// What the device was asked when it did not answer any more.
    pub(super) unanswered: Option<String>,
    /// Why it is not as it was.
    pub(super) not_restored: Option<String>,
}

/// Tries what there is to try, and has the device put back.
pub(super) fn run(
    node: &str,
    heaps: &[&Heap],
    supply: &Supply,
    limit: Duration,
) -> Result<Found, Problem> {
    let path = Path::new(node);
    let started = Watched::start(path, limit).map_err(Problem::system("starting the probe"))?;
    let mut probe = Probe { device: started, kept: Kept::new(), found: Found::default() };
    match probe.all(heaps, supply) {
        Ok(()) => {}
        Err(Stop::Silent(what, silence)) => {
            probe.found.unanswered = Some(format!("{what}: {silence}"));
        }
        Err(Stop::Fault(fault)) => {
            probe.device.end(false);
            return Err(faulty(node, &fault));
        }
    }
    Ok(probe.end(path, limit))
}

struct Probe {
    device: Watched,
    kept: Kept,
    found: Found,
}

/// Why it goes on no further.
enum Stop {
    Fault(Fault),
    /// What was asked, and how there came no answer.
    Silent(String, Silence),
}

impl Probe {
    fn ask(&self, what: &str, order: &Order, buffers: &[&Buffer]) -> Result<Reply, Stop> {
        let said = self.device.ask(order, buffers);
        match said.map_err(|silence| Stop::Silent(what.to_owned(), silence))? {
            Reply::Fault(fault) => Err(Stop::Fault(fault)),
            reply => Ok(reply),
        }
    }

    fn all(&mut self, heaps: &[&Heap], supply: &Supply) -> Result<(), Stop> {
        let odd = || Stop::Fault(Fault::Failed("an answer to another question".to_owned()));
        let Reply::Kept(kept) = self.ask("opening it", &Order::Keep, &[])? else {
            return Err(odd());
        };
        self.kept = kept;
        let Reply::Offers(offers) = self.ask("its formats", &Order::Offers, &[])? else {
            return Err(odd());
        };
        self.found.both = offers.len() > 1;
        for trial in trials(&offers, heaps) {
            if let Some(heap) = heaps.get(trial.heap) {
                self.one(&trial, heap, supply)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, trial: &Trial, heap: &Heap, supply: &Supply) -> Result<(), Stop> {
        let first = trial.bytes.first().copied().unwrap_or_default();
        let mut row = Tried::new(trial.way, heap.name.clone(), first);
        let (frames, why) = supply.frames(heap, trial);
        self.found.not_had.extend(why.map(|why| (heap.name.clone(), why)));
        if frames.is_empty() {
            return Ok(());
        }
        let what = format!("{} of {} from {}", trial.way.word(), human_bytes(first), heap.name);
        for frame in &frames {
            let buffers: Vec<&Buffer> = frame.iter().collect();
            let said = self.ask(&what, &Order::Import(trial.way), &buffers);
            match said {
                Ok(Reply::Answer(answer)) => row.add(answer),
                Ok(_) => row.add(Answer::Unasked("an answer to another question".to_owned())),
                Err(stop) => {
                    self.found.tried.push(row);
                    return Err(stop);
                }
            }
        }
        self.found.tried.push(row);
        Ok(())
    }

    /// Has the device put back, by another process where this one does not answer.
    fn end(mut self, path: &Path, limit: Duration) -> Found {
        let order = Order::Restore(self.kept.clone());
        let silent = self.found.unanswered.is_some();
        let restored = if silent {
            let gone = self.device.end(true);
            let again = Watched::start(path, limit);
            let restored = again.map_err(|error| error.to_string()).and_then(|again| {
                let restored = restored(&again, &order);
                again.end(restored.is_err());
                restored
            });
            let left = "; the process that had it cannot be killed and is left";
            restored.map_err(|why| if gone { why } else { why + left })
        } else {
            let restored = restored(&self.device, &order);
            self.device.end(restored.is_err());
            restored
        };
        self.found.not_restored = restored.err();
        self.found
    }
}

fn restored(device: &Watched, order: &Order) -> Result<(), String> {
    match device.ask::<OwnedFd>(order, &[]) {
        Ok(Reply::Restored(None)) => Ok(()),
        Ok(Reply::Restored(Some(why))) => Err(why),
        Ok(Reply::Fault(fault)) => Err(fault.to_string()),
        Ok(_) => Err("an answer to another question".to_owned()),
        Err(silence) => Err(silence.to_string()),
    }
}

fn faulty(node: &str, fault: &Fault) -> Problem {
    let node = node.to_owned();
    match fault {
        Fault::Denied(why) => Problem::Closed { node, why: why.clone() },
        Fault::Busy(_) => {
            let users = users_of(Path::new("/proc"), Path::new(&node)).into_iter();
            let users: Vec<String> = users.map(|(pid, name)| format!("{name}({pid})")).collect();
            let users = match users.as_slice() {
                [] => "/proc does not tell by whom".to_owned(),
                some => format!("{} has it open", some.join(", ")),
            };
            Problem::Probe { why: format!("{fault}: {users}"), node }
        }
        _ => Problem::Probe { why: fault.to_string(), node },
    }
}
