//! `heapq demo`: the main job in one go, on this machine's heaps or on a bundled board's.
//!
//! A service on a private connection is asked as a camera, an encoder and a display would ask it;
//! its buffers go to a second process, which reads through its own mappings what this one wrote
//! through others. Last, a question that has no answer.

mod display;
mod pattern;
mod pipeline;
mod stage;

pub(crate) use display::display;

use super::explain::in_words;
use super::plan::{figures, joined};
use crate::cli::{DAEMONS, Global};
use crate::output::{Report, print, write};
use crate::problem::Problem;
use crate::table::{BAD, GOOD, printable};
use display::{Film, Seen};
use heapq_allocator::{Grant, Outcome};
use heapq_constraints::{Answer, Name};
use heapq_dbus::exit::Exit;
use pipeline::{Cast, Role};
use serde::Serialize;
use stage::{Machine, Stage};

/// All of the demonstration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Demo {
    machine: Machine,
    cast: Vec<Role>,
    buffers: Buffers,
    seen: Seen,
    impossible: Impossible,
}

/// A question that cannot be met.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Impossible {
    /// The camera states that it needs contiguous memory; otherwise that is known of it.
    camera_insists: bool,
    answer: Answer,
}

/// What was allocated.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Buffers {
    lease: u64,
    heaps: Vec<Name>,
    file_descriptors: usize,
    stand_in: bool,
    answer: Answer,
}

impl Report for Demo {
    fn human(&self, _legend: bool) -> String {
        [
            self.machine.in_words(),
            pipeline::in_words(&self.cast),
            self.buffers.in_words(),
            self.seen.in_words(),
            self.impossible.in_words(),
        ]
        .concat()
    }
}

/// Runs the command. Each part is told as soon as it is known; as data, all at the end.
pub(crate) fn run(global: &Global) -> Result<Exit, Problem> {
    let described = [&["--dtb", "--snapshot"], &DAEMONS[..]].concat();
    global.refuse(&described, "demo", "it brings a service and a board of its own")?;
    let tell = |text: String| match global.json {
        Some(_) => Ok(()),
        None => write(&text, global).map_err(Problem::system("writing")),
    };
    let (stage, machine) = Stage::set(global)?;
    tell(machine.in_words())?;
    let cast = Cast::of(&stage.topology);
    tell(pipeline::in_words(&cast.roles))?;
    let grant = granted(stage.session.allocate(&cast.question())?)?;
    let buffers = Buffers::new(&grant);
    tell(buffers.in_words())?;
    let seen = Film::of(&grant)?.shoot_and_show(&grant.buffers)?;
    tell(seen.in_words())?;
    let impossible = Impossible::ask(&stage, &cast, &buffers)?;
    tell(impossible.in_words())?;
    let met = impossible.answer.plan.is_some();
    stage.close()?;
    let right = seen.frames_right == seen.frames;
    if global.json.is_some() {
        let demo = Demo { machine, cast: cast.roles, buffers, seen, impossible };
        print(&demo, global).map_err(Problem::system("writing"))?;
    }
    Ok(if right && !met { Exit::Ok } else { Exit::Failure })
}

fn granted(outcome: Outcome) -> Result<Grant, Problem> {
    match outcome {
        Outcome::Granted(grant) => Ok(grant),
        Outcome::Conflict(answer) => Err(Problem::Demo(in_words(&answer))),
        Outcome::NoMemory { tried, .. } => {
            let tried = tried.iter().map(|(heap, failure)| format!("{heap}: {failure}"));
            Err(Problem::Demo(format!("no memory: {}", tried.collect::<Vec<_>>().join("; "))))
        }
        Outcome::OverQuota { account, what, bound, in_use, asked, origin } => {
            Err(Problem::Demo(format!(
                "over quota: {asked} {what} asked for, {in_use} of {bound} in use for {account} ({origin})"
            )))
        }
    }
}

impl Buffers {
    fn new(grant: &Grant) -> Self {
        let plan = grant.answer.plan.as_ref();
        let candidate = plan.and_then(|plan| plan.candidates.get(grant.candidate));
        Self {
            lease: grant.lease,
            heaps: candidate.map(|candidate| candidate.heaps.clone()).unwrap_or_default(),
            file_descriptors: grant.buffers.len(),
            stand_in: grant.stand_in,
            answer: Answer::clone(&grant.answer),
        }
    }

    fn in_words(&self) -> String {
        let mut text = format!(
            "\nThe service, asked over a private D-Bus connection, gives {} file descriptors from \
             {GOOD}{}{GOOD:#}{}:\n",
            self.file_descriptors,
            printable(&joined(&self.heaps, " + ")),
            if self.stand_in { " (its stand-in)" } else { "" },
        );
        if let Some(plan) = &self.answer.plan {
            let chosen = plan.candidates.iter().find(|candidate| candidate.heaps == self.heaps);
            text.push_str(&indented(&figures(plan, chosen)));
        }
        text.push_str("Why:\n");
        text.push_str(&indented(&in_words(&self.answer)));
        text
    }
}

impl Impossible {
    fn ask(stage: &Stage, cast: &Cast, buffers: &Buffers) -> Result<Self, Problem> {
        let candidates = buffers.answer.plan.iter().flat_map(|plan| &plan.candidates);
        let camera_insists = candidates.into_iter().any(|candidate| !candidate.contiguous);
        let answer = stage.session.plan(&cast.impossible(camera_insists))?;
        Ok(Self { camera_insists, answer })
    }

    fn in_words(&self) -> String {
        let camera = if self.camera_insists {
            ", and a camera that insists on contiguous memory,"
        } else {
            ""
        };
        format!(
            "\nThe same with a recorder that takes its memory from `system` alone{camera} \
             {BAD}cannot be met{BAD:#}:\n{}",
            indented(&in_words(&self.answer))
        )
    }
}

/// The lines of `text`, two columns further in.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
