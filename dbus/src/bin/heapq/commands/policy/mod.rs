//! `heapq policy`: what is written in policy files, and what it means for a device.

mod cat;
mod check;
mod explain_match;
mod show;

use crate::cli::{DAEMONS, Global, Json, Policy};
use crate::output::write;
use crate::problem::Problem;
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::vocabulary::{Invalid, nearest};
use heapq_dbus::exit::Exit;

/// Runs one of them.
pub(crate) fn run(command: &Policy, global: &Global) -> Result<Exit, Problem> {
    global.refuse(&DAEMONS, "policy", "it reads the files itself")?;
    match command {
        Policy::Check { paths } => check::run(paths, global),
        Policy::Show { device } => show::run(device, global),
        Policy::Cat => cat::run(global),
        Policy::ExplainMatch { device, usage, rules } => {
            explain_match::run(device, &usages(usage)?, rules, global)
        }
        Policy::Schema => schema(global),
    }
}

/// The schema is a document of its own, and is printed as it is, `--json` or not.
fn schema(global: &Global) -> Result<Exit, Problem> {
    let schema = heapq_policies::schema();
    let text =
        if global.json == Some(Json::Short) { schema.to_string() } else { format!("{schema:#}") };
    write(&(text + "\n"), global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}

/// Usage words as typed.
fn usages(words: &[String]) -> Result<Usages, Problem> {
    let known = Usage::ALL.map(Usage::word);
    let usage = |word: &String| {
        let found = Usage::ALL.into_iter().find(|usage| usage.word() == word);
        found.ok_or_else(|| Invalid {
            key: "usage".to_owned(),
            value: format!("{word:?}"),
            rule: match nearest(word, &known) {
                Some(near) => format!("unknown; did you mean `{near}`?"),
                None => format!("one of {}", known.join(", ")),
            },
            at: None,
        })
    };
    let found: Result<Usages, Invalid> = words.iter().map(usage).collect();
    found.map_err(|invalid| Problem::Malformed(vec![invalid].into()))
}
