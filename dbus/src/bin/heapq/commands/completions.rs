//! `heapq completions`: what a shell needs to complete this command.

use crate::cli::{Cli, Global};
use crate::output::write;
use crate::problem::Problem;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use heapq_dbus::exit::Exit;

pub(crate) fn run(shell: Shell, global: &Global) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "heapq", &mut script);
    write(&String::from_utf8_lossy(&script), global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}
