//! What the boards come to together.

use crate::board::{Node, Surveyed};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// Share of the nodes that some rule has to describe, in thousandths.
const NAMED: usize = 995;
/// Share of them whose verdict must hang on nothing unseen, in thousandths.
const UNCONDITIONAL: usize = 920;
/// What one board may take.
const TIME: Duration = Duration::from_millis(20);

/// A sum over boards.
#[derive(Default)]
pub(crate) struct Sum {
    nodes: usize,
    named: usize,
    unconditional: usize,
    /// Nodes by what they are and what they need.
    verdicts: BTreeMap<String, usize>,
    /// Nodes that nothing describes, by `compatible`.
    unnamed: BTreeMap<String, usize>,
    conditional: BTreeMap<String, usize>,
    times: Vec<(Duration, String)>,
    boards_with_pairs: usize,
    boards_answered: usize,
    pairs: BTreeMap<String, usize>,
}

impl Sum {
    pub(crate) fn add(&mut self, board: Surveyed) {
        for node in &board.nodes {
            self.add_node(node);
        }
        if !board.pairs.is_empty() {
            self.boards_with_pairs += 1;
            self.boards_answered +=
                usize::from(board.pairs.iter().all(|heap| &**heap != "conflict"));
        }
        let heaps: BTreeSet<&str> = board.pairs.iter().map(|heap| &**heap).collect();
        for heap in heaps {
            *self.pairs.entry(heap.to_owned()).or_default() += 1;
        }
        self.times.push((board.time, board.name));
    }

    fn add_node(&mut self, node: &Node) {
        let Node { role, compatible, iommu, verdict, .. } = node;
        self.nodes += 1;
        self.named += usize::from(node.named);
        self.unconditional += usize::from(node.unconditional);
        let hangs = if node.unconditional { "" } else { "conditional" };
        let line = format!("{}\t{compatible}\t{iommu}\t{verdict}\t{hangs}", role.word());
        *self.verdicts.entry(line).or_default() += 1;
        let list = match (node.named, node.unconditional) {
            (false, _) => &mut self.unnamed,
            (true, false) => &mut self.conditional,
            (true, true) => return,
        };
        *list.entry(compatible.to_string()).or_default() += 1;
    }

    /// One line for each kind of node, and the figures above them.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "boards\t{}\nnodes\t{}\nnamed\t{}\nunconditional\t{}\n",
            self.times.len(),
            self.nodes,
            self.named,
            self.unconditional
        );
        // Writing to a string cannot fail.
        for (heap, boards) in &self.pairs {
            let _ = writeln!(text, "boards-with-a-pair-on\t{heap}\t{boards}");
        }
        for (line, count) in &self.verdicts {
            let _ = writeln!(text, "{line}\t{count}");
        }
        text
    }

    pub(crate) fn report(&self) -> String {
        let mut times: Vec<&(Duration, String)> = self.times.iter().collect();
        times.sort();
        let (median, most) = (times.get(times.len() / 2), times.last());
        let mut text = String::new();
        let percent = |part: usize| tenths(part, self.nodes);
        let (named, fixed) = (self.named, self.unconditional);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} boards, {} nodes that take buffers", times.len(), self.nodes);
        let _ = writeln!(text, "  {named} ({}) named by a rule", percent(named));
        let _ = writeln!(text, "  {fixed} ({}) with an unconditional verdict", percent(fixed));
        let (with, answered) = (self.boards_with_pairs, self.boards_answered);
        let _ = writeln!(text, "{with} boards have a camera or codec and a display in use");
        let _ = writeln!(text, "  {answered} of them have a heap for every such pair");
        for (heap, boards) in &self.pairs {
            let _ = writeln!(text, "  {boards} have a pair whose best heap is: {heap}");
        }
        if let (Some((median, _)), Some((most, slowest))) = (median, most) {
            let _ = writeln!(text, "{median:?} a board (median), at most {most:?} ({slowest})");
        }
        list(&mut text, "that no rule names", &self.unnamed);
        list(&mut text, "whose verdict hangs on what is not seen", &self.conditional);
        text
    }

    /// What is not as it should be.
    pub(crate) fn unmet(&self) -> impl Iterator<Item = String> {
        let share = |part: usize, wanted: usize, what: &str| {
            (part * 1000 < self.nodes * wanted).then(|| {
                format!(
                    "{} of the nodes {what}, {} wanted",
                    tenths(part, self.nodes),
                    tenths(wanted, 1000)
                )
            })
        };
        let mut times = self.times.iter().map(|(time, _)| *time);
        let slow =
            times.any(|time| time > TIME).then(|| format!("a board takes more than {TIME:?}"));
        let named = share(self.named, NAMED, "are named");
        let fixed = share(self.unconditional, UNCONDITIONAL, "have an unconditional verdict");
        [named, fixed, slow].into_iter().flatten()
    }
}

/// A share in percent with one digit.
fn tenths(part: usize, whole: usize) -> String {
    let tenths = part * 1000 / whole.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn list(text: &mut String, what: &str, compatible: &BTreeMap<String, usize>) {
    if compatible.is_empty() {
        return;
    }
    let mut sorted: Vec<(&String, &usize)> = compatible.iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), name.as_str()));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "nodes {what}:");
    for (name, count) in sorted {
        let _ = writeln!(text, "{count:6}  {name}");
    }
}
