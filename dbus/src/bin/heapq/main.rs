//! `heapq`: which memory several devices can share, why, and the memory itself.
//!
//! Each command has a file in [`commands`]; it makes a report, which is data, and [`output`] prints
//! it. What a question is, [`ask`] reads; who answers it, [`session`] decides; how the process ends
//! when there is no answer, [`problem`] says.

#![forbid(unsafe_code)]

mod advice;
mod ask;
mod cli;
mod commands;
mod doubt;
mod output;
mod problem;
mod session;
mod socket;
mod table;

use clap::Parser;
use clap::error::ErrorKind;
use cli::{Cli, Command, Global, json_typed};
use heapq_dbus::exit::Exit;
use problem::Problem;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => mistyped(&error),
    };
    match run(cli.command.unwrap_or(Command::Status), &cli.global) {
        Ok(code) => code,
        Err(problem) => fail(problem, &cli.global),
    }
}

/// Tells what is wrong with the command line, with `--json` as data too; or prints help.
fn mistyped(error: &clap::Error) -> ! {
    if let Some(form) = json_typed(std::env::args_os()).filter(|_| error.use_stderr()) {
        let what = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "it is not complete".to_owned(),
            _ => without_help(&error.to_string()),
        };
        let _ = output::print_error(&format!("the command line: {what}"), Exit::Usage, form);
    }
    error.exit()
}

/// What clap says of an error before it says how the command is used.
fn without_help(text: &str) -> String {
    let is_help = |part: &&str| part.starts_with("Usage: ") || part.starts_with("For more ");
    let said = text.split("\n\n").take_while(|part| !is_help(part)).map(str::trim_end);
    let said = said.collect::<Vec<_>>().join("\n");
    said.strip_prefix("error: ").unwrap_or(&said).to_owned()
}

/// Tells what is wrong on standard error, and with `--json` as data too.
fn fail(problem: Problem, global: &Global) -> ExitCode {
    let error = problem.to_string();
    output::note(&error);
    problem.next_step().iter().for_each(output::note);
    let exit = problem.exit();
    // Standard output may be what failed; the exit status stands.
    let _ = global.json.map(|form| output::print_error(&error, exit, form));
    exit.into()
}

fn run(command: Command, global: &Global) -> Result<ExitCode, Problem> {
    global.named_dirs_are_there()?;
    let exit = match command {
        Command::Status => commands::status::run(global),
        Command::Heaps { heaps } => commands::heaps::run(&heaps, global),
        Command::Devices { devices } => commands::devices::run(&devices, global),
        Command::Plan(ask) => commands::plan::run(&ask, global),
        Command::Explain { ask, case, dtb_dir } => {
            commands::explain::run(&ask, case.as_deref(), &dtb_dir, global)
        }
        Command::Alloc { ask, exec, stand_in } => {
            return commands::alloc::run(&ask, &exec, stand_in, global);
        }
        Command::Test { paths, dtb_dir, quiet } => {
            commands::test::run(&paths, &dtb_dir, quiet, global)
        }
        Command::Snapshot => commands::snapshot::run(global),
        Command::Usage => commands::usage::run(global),
        Command::Bench { heaps, write, stand_in } => {
            commands::bench::run(&heaps, write.as_deref(), stand_in, global)
        }
        Command::Probe { device, write, limit } => {
            commands::probe::run(&device, write.as_deref(), Duration::from_secs(limit), global)
        }
        Command::Completions { shell } => commands::completions::run(shell, global),
        Command::Demo => commands::demo::run(global),
        Command::Policy(policy) => commands::policy::run(&policy, global),
        Command::DemoDisplay => commands::demo::display(),
        Command::ProbeSubject { node } => commands::probe::inside::run(&node),
    };
    exit.map(Exit::into)
}
