//! The sources as a graph: which function or variable mentions which, across files and modules.
//!
//! A driver reaches a queue when its `struct platform_driver` mentions a probe function, this one
//! another, and so on to the function that fills in the queue. That follows libraries and tables of
//! operations without knowing any of them.

use crate::c::item::{Item, items};
use crate::c::text::{Include, prepare};
use crate::c::token::{Token, tokens};
use crate::kbuild;
use crate::tree::{NoKernel, Tree};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Where drivers are.
pub(crate) const TOP: &str = "drivers";

/// A name, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Symbol(usize);

/// All sources below `drivers/`.
#[derive(Debug)]
pub(crate) struct Program {
    symbols: HashMap<String, Symbol>,
    pub(crate) units: Vec<Unit>,
    pub(crate) modules: Vec<Module>,
    /// What modules export to each other.
    exported: HashMap<Symbol, At>,
}

/// A `.c` file.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) path: String,
    pub(crate) defines: HashMap<String, String>,
    pub(crate) includes: Vec<Include>,
    pub(crate) nodes: Vec<Node>,
    by_name: HashMap<Symbol, usize>,
    exports: Vec<Symbol>,
}

/// A function or an initialised variable.
#[derive(Debug)]
pub(crate) struct Node {
    symbol: Symbol,
    /// The `struct` that a variable is of.
    pub(crate) structure: Option<String>,
    local: bool,
    /// Every name in its body that is no member, sorted.
    mentions: Vec<Symbol>,
    /// The body, if there may be facts in it.
    pub(crate) body: Option<String>,
}

/// What is linked together.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) units: Vec<usize>,
    globals: HashMap<Symbol, At>,
}

/// A node as one module has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) module: usize,
    pub(crate) unit: usize,
    pub(crate) node: usize,
}

impl Program {
    pub(crate) fn read(tree: &Tree) -> Result<Self, NoKernel> {
        let files = tree.files(TOP)?;
        let makefile = |path: &&String| path.ends_with("/Makefile") || path.ends_with("/Kbuild");
        let makefiles: Vec<&String> = files.iter().filter(makefile).collect();
        let linked = kbuild::modules(tree, &makefiles);
        let sources: BTreeSet<&String> = linked.iter().flat_map(|module| &module.sources).collect();
        let mut program = Self {
            symbols: HashMap::new(),
            units: Vec::new(),
            modules: Vec::new(),
            exported: HashMap::new(),
        };
        let mut by_path = HashMap::new();
        for path in files.iter().filter(|path| sources.contains(path)) {
            if let Some(source) = tree.read(path) {
                by_path.insert(path, program.units.len());
                let unit = program.unit(path, &source);
                program.units.push(unit);
            }
        }
        for module in &linked {
            let units = module.sources.iter().filter_map(|path| by_path.get(path).copied());
            program.link(&module.name, units.collect());
        }
        Ok(program)
    }

    fn unit(&mut self, path: &str, source: &str) -> Unit {
        let prepared = prepare(source);
        let tokens = tokens(&prepared.text);
        let (items, exports) = items(&tokens);
        let nodes: Vec<Node> = items.into_iter().map(|item| self.node(&item)).collect();
        Unit {
            path: path.to_owned(),
            by_name: nodes.iter().enumerate().map(|(at, node)| (node.symbol, at)).collect(),
            nodes,
            exports: exports.into_iter().map(|name| self.symbol(name)).collect(),
            includes: prepared.includes,
            defines: prepared.defines,
        }
    }

    fn node(&mut self, item: &Item<'_, '_>) -> Node {
        let mut mentions = BTreeSet::new();
        let mut before = None;
        for token in item.body {
            let member = before.is_some_and(|mark: Token<'_>| mark.is(".") || mark.is("->"));
            if let (Token::Word(word), false) = (token, member) {
                mentions.insert(self.symbol(word));
            }
            before = Some(*token);
        }
        let facts = crate::facts::may_be_in(item);
        Node {
            symbol: self.symbol(item.name),
            structure: item.structure.map(str::to_owned),
            local: item.local,
            mentions: mentions.into_iter().collect(),
            body: facts.then(|| item.body.iter().map(ToString::to_string).collect()),
        }
    }

    fn symbol(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(name) {
            return *symbol;
        }
        let symbol = Symbol(self.symbols.len());
        self.symbols.insert(name.to_owned(), symbol);
        symbol
    }

    fn link(&mut self, name: &str, units: Vec<usize>) {
        let module = self.modules.len();
        let mut globals = HashMap::new();
        for &unit in &units {
            for (node, found) in self.units[unit].nodes.iter().enumerate() {
                if !found.local {
                    globals.insert(found.symbol, At { module, unit, node });
                }
            }
            for symbol in &self.units[unit].exports {
                if let Some(&node) = self.units[unit].by_name.get(symbol) {
                    self.exported.insert(*symbol, At { module, unit, node });
                }
            }
        }
        self.modules.push(Module { name: name.to_owned(), units, globals });
    }

    pub(crate) fn node_at(&self, at: At) -> &Node {
        &self.units[at.unit].nodes[at.node]
    }

    /// The variable or function that `name` means to a node.
    pub(crate) fn find(&self, at: At, name: &str) -> Option<At> {
        self.resolve(at, *self.symbols.get(name)?)
    }

    /// All nodes of a module.
    pub(crate) fn nodes_of(&self, module: usize) -> impl Iterator<Item = At> {
        let units = self.modules[module].units.iter();
        units.flat_map(move |&unit| {
            (0..self.units[unit].nodes.len()).map(move |node| At { module, unit, node })
        })
    }

    /// The nodes that `from` leads to, itself among them, in a fixed order.
    pub(crate) fn reach(&self, from: At) -> Vec<At> {
        let mut seen = HashSet::from([from]);
        let mut list = vec![from];
        let mut next = 0;
        while let Some(&at) = list.get(next) {
            next += 1;
            for symbol in &self.node_at(at).mentions {
                if let Some(target) = self.resolve(at, *symbol)
                    && seen.insert(target)
                {
                    list.push(target);
                }
            }
        }
        list
    }

    /// What a name means to a node: something of its own file, of its module, or of another one that
    /// exports it.
    fn resolve(&self, at: At, symbol: Symbol) -> Option<At> {
        let own = self.units[at.unit].by_name.get(&symbol).map(|&node| At { node, ..at });
        own.or_else(|| self.modules[at.module].globals.get(&symbol).copied())
            .or_else(|| self.exported.get(&symbol).copied())
    }

    /// The modules whose exports a module uses.
    pub(crate) fn uses(&self, module: usize) -> BTreeSet<usize> {
        let mentioned = self.nodes_of(module).flat_map(|at| &self.node_at(at).mentions);
        let exported = mentioned.filter_map(|symbol| self.exported.get(symbol));
        exported.map(|at| at.module).filter(|other| *other != module).collect()
    }

    /// Whether one of these nodes mentions one of these words.
    pub(crate) fn mention(&self, nodes: &[At], words: &[&str]) -> bool {
        let symbols: Vec<&Symbol> =
            words.iter().filter_map(|word| self.symbols.get(*word)).collect();
        nodes.iter().any(|at| {
            let mentions = &self.node_at(*at).mentions;
            symbols.iter().any(|symbol| mentions.binary_search(symbol).is_ok())
        })
    }
}
