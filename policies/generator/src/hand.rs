//! What policies made by hand say: the drivers and compatibles that `30-*.toml` name.

use heapq_constraints::value::{Node, Table, Value};
use heapq_policies::Glob;
use heapq_policies::document::{SyntaxError, parse};

/// Names that rules made by hand match.
#[derive(Debug, Default)]
pub(crate) struct ByHand {
    /// The driver, and the bus where the rule says one.
    drivers: Vec<(Glob, Option<Glob>)>,
    compatibles: Vec<Glob>,
}

impl ByHand {
    /// Reads one policy file. The first thing that is wrong with it is the error.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), SyntaxError> {
        let document = parse(text)
            .or_else(|errors| errors.into_iter().next().map_or(Ok(Table::default()), Err))?;
        for rule in document.get("device").into_iter().flat_map(all) {
            let Value::Table(rule) = &rule.value else { continue };
            if !tells_needs(rule) {
                continue;
            }
            for situation in rule.get("match").into_iter().flat_map(all) {
                let Value::Table(situation) = &situation.value else { continue };
                let bus = globs(situation, "bus").into_iter().next();
                let drivers = globs(situation, "driver").into_iter();
                self.drivers.extend(drivers.map(|name| (name, bus.clone())));
                self.compatibles.extend(globs(situation, "compatible"));
            }
        }
        Ok(())
    }

    /// Whether a rule names this driver; on any bus, if `bus` is empty.
    pub(crate) fn has_driver(&self, name: &str, bus: &str) -> bool {
        self.drivers.iter().any(|(driver, on)| {
            let on_bus = || bus.is_empty() || on.as_ref().is_none_or(|on| on.matches(bus));
            driver.matches(name) && on_bus()
        })
    }

    /// Whether a rule names this compatible.
    pub(crate) fn has_compatible(&self, name: &str) -> bool {
        self.compatibles.iter().any(|pattern| pattern.matches(name))
    }
}

/// Whether a rule speaks of what the device takes, if only to say that it takes everything.
fn tells_needs(rule: &Table) -> bool {
    let keys = || rule.entries.iter().map(|entry| entry.key.as_str());
    let told = || keys().filter(|key| !matches!(*key, "match" | "unless" | "when"));
    told().next().is_none() || told().any(|key| !matches!(key, "exports" | "dma-master"))
}

/// A list's elements, or the one value.
fn all(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(list) => list,
        _ => std::slice::from_ref(node),
    }
}

fn globs(table: &Table, key: &str) -> Vec<Glob> {
    let values = table.get(key).into_iter().flat_map(all).map(|node| &node.value);
    values
        .filter_map(
            |value| if let Value::Text(text) = value { Some(Glob::new(text)) } else { None },
        )
        .collect()
}
