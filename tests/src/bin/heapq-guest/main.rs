//! The client that runs inside the guests of `tests/vm`: it asks heapqd on the system bus for
//! buffers and gives them to the devices of a real kernel.
//!
//! A command prints what it saw and ends with the exit codes of `heapq`; `command` lists them.

#![forbid(unsafe_code)]

mod again;
mod ask;
mod command;
mod cost;
mod device;
mod film;
mod frame;
mod frames;
mod hotplug;
mod matrix;
mod offer;
mod opened;
mod own;
mod part;
mod problem;
mod screen;
mod together;

use problem::Problem;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            problem.exit().into()
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Problem> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::system("tokio's runtime"))?
        .block_on(command::run(&words))
}
