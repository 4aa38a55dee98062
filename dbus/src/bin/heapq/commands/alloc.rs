//! `heapq alloc`: buffers, given to a command.

use super::explain::in_words;
use super::plan::{figures, joined};
use crate::ask::Ask;
use crate::cli::Global;
use crate::doubt;
use crate::output::{Report, note, print};
use crate::problem::Problem;
use crate::session::Session;
use crate::table::counted;
use heapq_allocator::{AskError, Grant, Outcome, sys};
use heapq_constraints::{Answer, Name};
use heapq_dbus::exit::Exit;
use serde::Serialize;
use std::ffi::OsString;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

/// What an allocation came to.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Allocated {
    /// `ok`, `conflict`, `no-memory` or `over-quota`.
    verdict: &'static str,
    /// `daemon` or `in-process`.
    via: &'static str,
    /// By this number its holder knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<u64>,
    /// The heap of each buffer of a frame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heaps: Vec<Name>,
    /// Index of the plan's candidate that was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<usize>,
    /// How many file descriptors there are.
    buffers: usize,
    /// They are plain memfds and no dma-bufs; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    stand_in: Option<bool>,
    /// Heaps that were tried before and failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fallback_from: Vec<Failed>,
    /// For `over-quota`: what there is too much of.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<Quota>,
    /// The answer that was carried out, or could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
}

/// A heap that gave no memory.
#[derive(Clone, Debug, Serialize)]
struct Failed {
    heap: Name,
    failure: String,
}

/// A quota that does not suffice.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Quota {
    /// Whose bound it is.
    account: Name,
    what: &'static str,
    bound: u64,
    in_use: u64,
    asked: u64,
    /// Who set the bound.
    origin: Name,
}

impl Report for Allocated {
    fn human(&self, _legend: bool) -> String {
        let mut lines: Vec<String> = Vec::new();
        for Failed { heap, failure } in &self.fallback_from {
            lines.push(format!("{heap} failed: {failure}\n"));
        }
        if let Some(Quota { account, what, bound, in_use, asked, origin }) = &self.quota {
            lines.push(format!(
                "over quota: {asked} {what} asked for, {in_use} of {bound} in use for {account} ({origin})\n"
            ));
            lines.push(
                "`heapq usage` shows who holds what; a [[limit]] in a policy sets another bound\n"
                    .to_owned(),
            );
        }
        if self.stand_in == Some(true) {
            lines.push("stand-in: these buffers are memfds and no dma-bufs\n".to_owned());
        }
        if let Some(answer) = &self.answer {
            lines.push(match (&answer.plan, self.candidate) {
                (Some(plan), Some(index)) => figures(plan, plan.candidates.get(index)),
                (Some(_), None) => String::new(),
                (None, _) => in_words(answer),
            });
        }
        if self.verdict == "no-memory" {
            lines.push("no memory: every heap that would serve failed\n".to_owned());
        }
        lines.concat()
    }
}

/// Runs the command.
pub(crate) fn run(
    ask: &Ask,
    exec: &[OsString],
    stand_in: bool,
    global: &Global,
) -> Result<ExitCode, Problem> {
    if global.described().is_some() && !stand_in {
        return Err(Problem::NoMachine);
    }
    let asked = ask.asked()?;
    let session = if stand_in { Session::here(global, true)? } else { Session::open(global)? };
    doubt::about(&asked, &session)?.iter().for_each(note);
    // Always: it costs one call, and then no bus's bounds hold for the buffers, however many.
    let session = session.private();
    let outcome = on_a_running_machine(session.allocate(&asked), stand_in, global)?;
    if matches!(outcome, Outcome::Conflict(_)) {
        session.advise();
    }
    let exit = Exit::from(&outcome);
    let report = report(&outcome, session.via());
    let (Outcome::Granted(grant), [program, arguments @ ..]) = (outcome, exec) else {
        print(&report, global).map_err(Problem::system("writing"))?;
        return Ok(exit.into());
    };
    let kind = if grant.stand_in { " (memfds, no dma-bufs)" } else { "" };
    note(format_args!(
        "{} from {}{kind}",
        counted(report.buffers, "buffer"),
        joined(&report.heaps, " + ")
    ));
    let mut command = Command::new(program);
    command.args(arguments).envs(environment(&report, &grant)?);
    let run = |source| Problem::Run { command: program.to_string_lossy().into_owned(), source };
    let status = sys::spawn::with_fds(command, &grant.buffers).map_err(run)?;
    // The lease lasts until here: the command has ended.
    drop((grant, session));
    Ok(passed_on(status))
}

/// Says so, where memory failed because the machine is a capture.
fn on_a_running_machine(
    outcome: Result<Outcome, Problem>,
    stand_in: bool,
    global: &Global,
) -> Result<Outcome, Problem> {
    let failed = matches!(
        &outcome,
        Ok(Outcome::NoMemory { .. })
            | Err(Problem::Ask(AskError::HeapGone { .. } | AskError::Io { .. }))
    );
    match &global.root {
        Some(root) if failed && !stand_in && !has_heaps(root) => {
            Err(Problem::Capture { root: root.display().to_string() })
        }
        _ => outcome,
    }
}

/// Whether there are devices to allocate from: a capture has files in their place, or nothing.
fn has_heaps(root: &Path) -> bool {
    let Ok(nodes) = std::fs::read_dir(root.join("dev/dma_heap")) else { return false };
    nodes.flatten().any(|node| node.file_type().is_ok_and(|kind| kind.is_char_device()))
}

fn report(outcome: &Outcome, via: &'static str) -> Allocated {
    let failed = |tried: &[(Name, String)]| {
        let tried = tried.iter();
        tried
            .map(|(heap, failure)| Failed { heap: heap.clone(), failure: failure.clone() })
            .collect()
    };
    match outcome {
        Outcome::Granted(grant) => Allocated {
            verdict: "ok",
            via,
            lease: Some(grant.lease),
            heaps: heaps(grant),
            candidate: Some(grant.candidate),
            buffers: grant.buffers.len(),
            stand_in: Some(grant.stand_in),
            fallback_from: failed(&grant.fallback_from),
            quota: None,
            answer: Some(Answer::clone(&grant.answer)),
        },
        Outcome::Conflict(answer) => Allocated {
            verdict: "conflict",
            via,
            answer: Some(answer.clone()),
            ..Allocated::default()
        },
        Outcome::NoMemory { answer, tried } => Allocated {
            verdict: "no-memory",
            via,
            fallback_from: failed(tried),
            answer: Some(answer.clone()),
            ..Allocated::default()
        },
        Outcome::OverQuota { account, what, bound, in_use, asked, origin } => Allocated {
            verdict: "over-quota",
            via,
            quota: Some(Quota {
                account: account.clone(),
                what,
                bound: *bound,
                in_use: *in_use,
                asked: *asked,
                origin: origin.clone(),
            }),
            ..Allocated::default()
        },
    }
}

fn heaps(grant: &Grant) -> Vec<Name> {
    let plan = grant.answer.plan.as_ref();
    let candidate = plan.and_then(|plan| plan.candidates.get(grant.candidate));
    candidate.map(|candidate| candidate.heaps.clone()).unwrap_or_default()
}

/// The report as JSON, if need be without the heaps that were ruled out; `None` where even that is
/// too long.
fn told(report: &Allocated) -> Result<Option<String>, Problem> {
    // The kernel takes 32 pages for one variable, its name included: fs/exec.c, MAX_ARG_STRLEN.
    const BYTES_MAX: usize = 127 * 1024;
    let write = |report: &Allocated| {
        let json = serde_json::to_string(report).map_err(std::io::Error::other);
        json.map_err(Problem::system("writing the answer"))
    };
    let whole = write(report)?;
    if whole.len() <= BYTES_MAX {
        return Ok(Some(whole));
    }
    let mut shorter = report.clone();
    if let Some(answer) = &mut shorter.answer {
        answer.eliminated.clear();
    }
    Ok(Some(write(&shorter)?).filter(|json| json.len() <= BYTES_MAX))
}

/// What the command is told: how many descriptors there are, and what they hold. `HEAPQ_ANSWER` is
/// the JSON of this command's report.
fn environment(report: &Allocated, grant: &Grant) -> Result<Vec<(&'static str, String)>, Problem> {
    let mut pairs = vec![
        ("HEAPQ_FDS", grant.buffers.len().to_string()),
        ("HEAPQ_HEAP", joined(&report.heaps, "+")),
        ("HEAPQ_STAND_IN", u8::from(grant.stand_in).to_string()),
    ];
    pairs.extend(told(report)?.map(|json| ("HEAPQ_ANSWER", json)));
    if let Some(plan) = &grant.answer.plan {
        pairs.push(("HEAPQ_COUNT", plan.count.to_string()));
        pairs.push(("HEAPQ_SIZE", plan.size.to_string()));
        pairs.push(("HEAPQ_ALLOCATION_SIZE", plan.allocation_size.to_string()));
        pairs.extend(plan.fourcc.as_ref().map(|name| ("HEAPQ_FOURCC", name.to_string())));
        pairs.extend(plan.modifier.as_ref().map(|name| ("HEAPQ_MODIFIER", name.to_string())));
        pairs.extend(plan.planes.first().map(|plane| ("HEAPQ_STRIDE", plane.stride.to_string())));
    }
    Ok(pairs)
}

/// The command's own exit status; as a shell says it for one that a signal ended.
fn passed_on(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::{Allocated, Answer, told};

    #[test]
    fn a_command_is_told_no_more_than_its_environment_holds() {
        let report = |ruled_out: usize| {
            let row = serde_json::json!({ "heap": "pool", "reasons": [] });
            let rows = vec![row; ruled_out];
            let json = serde_json::json!({ "verdict": "conflict", "eliminated": rows });
            let answer: Answer = serde_json::from_value(json).unwrap();
            Allocated { answer: Some(answer), ..Allocated::default() }
        };
        let (short, long) = (told(&report(1)).unwrap(), told(&report(10_000)).unwrap());
        assert!(short.is_some_and(|json| json.contains("pool")));
        assert!(long.is_some_and(|json| json.len() < 1000));
    }
}
