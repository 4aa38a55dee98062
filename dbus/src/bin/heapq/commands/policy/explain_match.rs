//! `heapq policy explain-match`: how the rules stand to a device.

use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::broker;
use crate::table::{DIM, GOOD, Table, printable};
use heapq_allocator::{AskError, ConsideredNode};
use heapq_constraints::question::Usages;
use heapq_constraints::vocabulary::Invalid;
use heapq_constraints::{Name, Origin};
use heapq_dbus::exit::Exit;
use heapq_policies::{Considered, RuleState};
use serde::Serialize;
use std::cell::Cell;
use std::fmt::Write as _;

/// The rules as they look from each node that is meant.
#[derive(Debug, Serialize)]
struct Explained {
    nodes: Vec<Node>,
}

#[derive(Debug, Serialize)]
struct Node {
    /// Absent for a device that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Name>,
    rules: Vec<Considered>,
}

impl From<ConsideredNode> for Node {
    fn from(considered: ConsideredNode) -> Self {
        Self { node: considered.node, rules: considered.rules }
    }
}

impl Report for Explained {
    fn human(&self, legend: bool) -> String {
        let mut text = String::new();
        for Node { node, rules } in &self.nodes {
            // Writing to a string cannot fail.
            if let Some(node) = node {
                let _ = writeln!(text, "{GOOD}{}{GOOD:#}", printable(node));
            }
            if rules.is_empty() {
                let _ = writeln!(text, "{DIM}no rule has anything in common with it{DIM:#}");
                continue;
            }
            let mut table = Table::new(&["STATE", "RULE", "WHY"]);
            for rule in rules {
                let (state, why) = in_words(&rule.state);
                table.row([state.to_owned(), rule.origin.to_string(), why]);
            }
            text += &table.render(legend);
        }
        text
    }
}

fn in_words(state: &RuleState) -> (&'static str, String) {
    match state {
        RuleState::Applies => ("applies", String::new()),
        RuleState::NotInThisUse { when } => {
            ("not in this use", format!("when {}", when.join(" or ")))
        }
        RuleState::Excluded { unless } => ("excluded", format!("unless {unless}")),
        RuleState::DoesNotMatch { condition, wanted, has } => {
            let has = has
                .as_deref()
                .map_or("which is not known here".to_owned(), |has| format!("here it is {has}"));
            ("does not match", format!("{condition} = {wanted}; {has}"))
        }
    }
}

/// Runs the command.
pub(super) fn run(
    device: &str,
    usage: &Usages,
    rules: &[String],
    global: &Global,
) -> Result<Exit, Problem> {
    let broker = broker(global, false)?;
    let found: Vec<Cell<bool>> = rules.iter().map(|_| Cell::new(false)).collect();
    let named = |origin: &Origin| {
        let meant = rules.iter().zip(&found).filter(|(rule, _)| is_meant(origin, rule));
        meant.inspect(|(_, found)| found.set(true)).count() > 0
    };
    let nodes = broker.topology().consider(device, &broker.policies(), *usage, &named);
    let nodes = nodes.map_err(AskError::from)?.into_iter().map(Node::from).collect();
    let absent = rules.iter().zip(&found).filter(|(_, found)| !found.get());
    let absent: Vec<Invalid> = absent.map(|(rule, _)| no_rule(rule)).collect();
    if !absent.is_empty() {
        return Err(Problem::Malformed(absent.into()));
    }
    print(&Explained { nodes }, global).map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}

fn no_rule(named: &str) -> Invalid {
    Invalid {
        key: "rule".to_owned(),
        value: format!("{named:?}"),
        rule: "no [[device]] rule of needs begins there; `heapq policy cat` prints all files"
            .to_owned(),
        at: None,
    }
}

/// Whether `rule` is the name or path of the origin's file, or that with its line.
fn is_meant(origin: &Origin, rule: &str) -> bool {
    let Origin::Policy { file, line } = origin else { return false };
    let is_file = |name: &str| {
        let before = file.strip_suffix(name);
        !name.is_empty() && before.is_some_and(|dir| dir.is_empty() || dir.ends_with(['/', ':']))
    };
    let with_line = rule.rsplit_once(':').filter(|(_, at)| *at == line.to_string());
    is_file(rule) || with_line.is_some_and(|(name, _)| is_file(name))
}
