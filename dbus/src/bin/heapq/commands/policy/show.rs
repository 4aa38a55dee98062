//! `heapq policy show`: what rules and kernel say of a device, use by use.

use crate::cli::Global;
use crate::output::{Report, print};
use crate::problem::Problem;
use crate::session::broker;
use crate::table::{DIM, GOOD, printable};
use heapq_allocator::{AskError, KnownNode, Topology};
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::{Fact, Name, Origin};
use heapq_dbus::exit::Exit;
use heapq_policies::PolicySet;
use serde::Serialize;
use std::fmt::Write as _;

/// What is known of each node that is meant.
#[derive(Debug, Serialize)]
struct Shown {
    /// As it was named.
    device: String,
    nodes: Vec<Node>,
}

/// Nodes of which the same is known.
#[derive(Debug, Serialize)]
struct Node {
    /// Empty for a device that has none.
    nodes: Vec<Name>,
    /// First what holds whatever the device does, then the uses in which something else does.
    uses: Vec<Use>,
}

/// What is known in some uses.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Use {
    /// Empty: in any use that does not follow.
    usage: Vec<&'static str>,
    #[serde(flatten)]
    said: Said,
}

/// What is known in one use.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Said {
    /// A rule describes the device, though perhaps not in this use.
    known: bool,
    /// The rules that apply.
    rules: Vec<Origin>,
    needs: Vec<Stated>,
    /// Needs that an `override` took away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overridden: Vec<Overridden>,
    /// Overrides that found nothing to take away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    idle_overrides: Vec<Origin>,
    /// Uses that rules add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    adds: Vec<Stated>,
    /// How a client asks the device's own driver for memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    exports: Option<Stated>,
}

/// Something with whoever says it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Stated {
    /// In the vocabulary's spelling.
    stated: String,
    origin: Origin,
}

/// A need that does not count.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Overridden {
    #[serde(flatten)]
    need: Stated,
    /// The rule that took it away.
    by: Origin,
}

impl From<&Fact> for Stated {
    fn from(fact: &Fact) -> Self {
        Self { stated: fact.constraint.stated(), origin: fact.origin.clone() }
    }
}

impl From<&KnownNode> for Said {
    fn from(KnownNode { shown, knowledge, .. }: &KnownNode) -> Self {
        let voider = |fact: &Fact| knowledge.overrides.iter().find(|one| one.voids(fact));
        let kept = shown.iter().filter(|fact| voider(fact).is_none());
        let voided = shown.iter().filter_map(|fact| Some((fact, &voider(fact)?.origin)));
        let dropped = knowledge.overrides.iter();
        let dropped = dropped.flat_map(|one| one.dropped.iter().map(|fact| (fact, &one.origin)));
        let overridden = voided
            .chain(dropped)
            .map(|(fact, by)| Overridden { need: fact.into(), by: by.clone() });
        let idle = knowledge
            .overrides
            .iter()
            .filter(|one| one.dropped.is_empty() && !shown.iter().any(|fact| one.voids(fact)));
        let adds = knowledge.usage_origins.iter();
        let adds = adds.map(|(usage, origin)| Stated {
            stated: usage.word().to_owned(),
            origin: origin.clone(),
        });
        let exports = knowledge.exports.as_ref();
        Self {
            known: knowledge.known,
            rules: knowledge.rules.clone(),
            needs: kept.chain(&knowledge.facts).map(Stated::from).collect(),
            overridden: overridden.collect(),
            idle_overrides: idle.map(|one| one.origin.clone()).collect(),
            adds: adds.collect(),
            exports: exports
                .map(|one| Stated { stated: one.how.to_string(), origin: one.origin.clone() }),
        }
    }
}

impl Report for Shown {
    fn human(&self, _legend: bool) -> String {
        let mut text = String::new();
        for Node { nodes, uses } in &self.nodes {
            for Use { usage, said } in uses {
                let whole = if nodes.is_empty() { self.device.clone() } else { nodes.join(" ") };
                let colon = if usage.is_empty() { "" } else { ": " };
                let title = printable(&[&whole, colon, &usage.join(", ")].concat());
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{GOOD}{title}{GOOD:#}");
                said.write(&mut text);
            }
        }
        text
    }
}

impl Said {
    fn write(&self, text: &mut String) {
        let mut line = |key: &str, what: &str, origin: &str| {
            let (what, origin) = (printable(what), printable(origin));
            let _ = writeln!(text, "  {key:<10} {what}  {DIM}{origin}{DIM:#}");
        };
        if !self.known {
            line("unknown", "no rule describes it", "");
        }
        for Stated { stated, origin } in &self.needs {
            line("needs", stated, &origin.to_string());
        }
        for Overridden { need, by } in &self.overridden {
            let origin = format!("{}, overridden by {by}", need.origin);
            line("overridden", &need.stated, &origin);
        }
        for origin in &self.idle_overrides {
            line("warning", "this override finds nothing to drop here", &origin.to_string());
        }
        for Stated { stated, origin } in &self.adds {
            line("uses", stated, &origin.to_string());
        }
        if let Some(Stated { stated, origin }) = &self.exports {
            line("exports", stated, &origin.to_string());
        }
        let silent = self.needs.is_empty() && self.overridden.is_empty() && self.adds.is_empty();
        for rule in self.rules.iter().filter(|_| silent) {
            line("rule", "no needs", &rule.to_string());
        }
    }
}

/// Runs the command.
pub(super) fn run(device: &str, global: &Global) -> Result<Exit, Problem> {
    let broker = broker(global, false)?;
    let nodes = nodes(device, &broker.topology(), &broker.policies())?;
    print(&Shown { device: device.to_owned(), nodes }, global)
        .map_err(Problem::system("writing"))?;
    Ok(Exit::Ok)
}

fn nodes(device: &str, topology: &Topology, policies: &PolicySet) -> Result<Vec<Node>, Problem> {
    let known = |usage: Usages| topology.known(device, policies, usage).map_err(AskError::from);
    let any = |node: &KnownNode| Use { usage: Vec::new(), said: node.into() };
    let in_any_use = known(Usages::default())?;
    let mut uses: Vec<Vec<Use>> = in_any_use.iter().map(|node| vec![any(node)]).collect();
    for usage in Usage::ALL {
        for (uses, node) in uses.iter_mut().zip(&known([usage].into_iter().collect())?) {
            add(uses, usage.word(), node.into());
        }
    }
    let mut found: Vec<Node> = Vec::new();
    for (known, uses) in in_any_use.into_iter().zip(uses) {
        match found.iter_mut().find(|other| other.uses == uses) {
            Some(same) => same.nodes.extend(known.node),
            None => found.push(Node { nodes: known.node.into_iter().collect(), uses }),
        }
    }
    Ok(found)
}

/// Adds a use, unless it is as any other.
fn add(uses: &mut Vec<Use>, word: &'static str, said: Said) {
    match uses.iter_mut().find(|other| other.said == said) {
        Some(same) if same.usage.is_empty() => {}
        Some(same) => same.usage.push(word),
        None => uses.push(Use { usage: vec![word], said }),
    }
}
