//! What was learnt, beside what the rules in force say.

use super::run::Found;
use crate::output;
use crate::problem::Problem;
use crate::table::{BAD, GOOD, Table, human_bytes, printable};
use heapq_allocator::probe::rule::Device;
use heapq_allocator::probe::{Agreement, Conclusion, Need, Rules, Tried, agreement};
use heapq_allocator::{AskError, Broker, complete};
use heapq_constraints::{Constraint, Name, Origin, Participant, Question, solve};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// All that the command has to say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    node: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<Name>,
    path: Name,
    kernel: Name,
    /// An IOMMU translates for it.
    has_iommu: bool,
    tried: Vec<Row>,
    concluded: Vec<Conclusion>,
    /// Heaps that gave no buffers, each with why.
    not_had: Vec<NotHad>,
    /// What the device was asked when it did not answer any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered: Option<String>,
    /// Whether the device is as it was found.
    restored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_restored: Option<String>,
    /// The policy file.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<PathBuf>,
}

/// A row of the table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Row {
    #[serde(flatten)]
    tried: Tried,
    rules: Rules,
    agreement: Agreement,
}

#[derive(Debug, Serialize)]
struct NotHad {
    heap: Name,
    why: String,
}

/// What was tried, each beside what the rules say of it.
pub(super) fn rows(
    found: &Found,
    concluded: &[Conclusion],
    device: &Device,
    broker: &Broker,
) -> Result<Vec<Row>, Problem> {
    let topology = broker.topology();
    let row = |tried: &Tried| {
        let rules = rules(tried, found.both, device, broker)?;
        let need = concluded.iter().find(|one| one.way == tried.way).map(|one| &one.need);
        let scattered = topology.heaps.find(&tried.heap).is_none_or(|heap| !heap.contiguous);
        let agreement = agreement(tried, scattered, need.unwrap_or(&Need::Unproven), &rules);
        Ok(Row { tried: tried.clone(), rules, agreement })
    };
    found.tried.iter().map(row).collect()
}

/// What the rules say of this heap and size, whoever may open it.
fn rules(tried: &Tried, both: bool, device: &Device, broker: &Broker) -> Result<Rules, Problem> {
    let (topology, policies) = (broker.topology(), broker.policies());
    let mut participant = Participant::new("device");
    participant.device = Some(device.node.clone());
    participant.usage.insert(tried.way.usage(both));
    let participant = participant.with(Constraint::MinSize(tried.bytes), Origin::Default);
    let question = Question { participants: vec![participant], ..Question::default() };
    let question = complete(question, &topology, &policies).map_err(AskError::from)?;
    let unknown = Constraint::Unknown(true);
    let mut facts = question.participants.iter().flat_map(|one| &one.facts);
    if facts.any(|fact| fact.constraint == unknown) {
        return Ok(Rules::Silent);
    }
    let answer = solve(&topology.heaps, &question).map_err(AskError::from)?;
    let serves = answer.plan.iter().flat_map(|plan| &plan.candidates);
    if serves.flat_map(|candidate| &candidate.heaps).any(|heap| *heap == tried.heap) {
        return Ok(Rules::Serves);
    }
    let row = answer.eliminated.iter().find(|row| row.heap == tried.heap);
    let reasons = row.iter().flat_map(|row| &row.reasons).map(|reason| reason.key.to_string());
    Ok(Rules::RuledOut(reasons.collect()))
}

impl Report {
    pub(super) fn new(
        device: Device,
        tried: Vec<Row>,
        concluded: Vec<Conclusion>,
        found: Found,
        written: Option<PathBuf>,
    ) -> Self {
        let mut not_had: Vec<NotHad> = Vec::new();
        for (heap, why) in found.not_had {
            if !not_had.iter().any(|one| one.heap == heap && one.why == why) {
                not_had.push(NotHad { heap, why });
            }
        }
        Self {
            node: device.node,
            name: device.name,
            driver: device.driver,
            path: device.path,
            kernel: device.release,
            has_iommu: device.has_iommu,
            tried,
            concluded,
            not_had,
            unanswered: found.unanswered,
            restored: found.not_restored.is_none(),
            not_restored: found.not_restored,
            written,
        }
    }
}

impl output::Report for Report {
    fn human(&self, legend: bool) -> String {
        let mut table = Table::new(&["WAY", "HEAP", "SIZE", "KERNEL SAID", "RULES SAY", "AGREE"]);
        for row in &self.tried {
            table.row([
                row.tried.way.word().to_owned(),
                row.tried.heap.to_string(),
                human_bytes(row.tried.bytes),
                kernel_said(&row.tried),
                rules_say(&row.rules),
                agree(row.agreement).to_owned(),
            ]);
        }
        let mut text = table.render(legend);
        let mut line = |words: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{words}");
        };
        for NotHad { heap, why } in &self.not_had {
            line(printable(&format!("{heap} gave no buffer: {why}")));
        }
        for Conclusion { way, need, because } in &self.concluded {
            let (said, proven) = (in_words(need), *need != Need::Unproven);
            let style = if proven { GOOD } else { BAD };
            let because = printable(because);
            line(format!("{}: {style}{}{style:#}: {because}", way.word(), printable(&said)));
        }
        if let Some(what) = &self.unanswered {
            line(format!("{BAD}the device does not answer{BAD:#}: {}", printable(what)));
            line("nothing is concluded from what it said before".to_owned());
        }
        match &self.not_restored {
            None => line("the device is as it was".to_owned()),
            Some(why) => {
                line(format!("{BAD}the device is not as it was{BAD:#}: {}", printable(why)))
            }
        }
        if let Some(file) = &self.written {
            line(printable(&format!("written: {}", file.display())));
        }
        text
    }
}

fn kernel_said(row: &Tried) -> String {
    if let Some(why) = &row.unasked {
        return format!("not asked ({why})");
    }
    let all = row.accepted.saturating_add(row.refusals());
    let how: Vec<&str> = row.refused.keys().map(String::as_str).collect();
    let copied = if row.bounced > 0 { format!(", {} copied", row.bounced) } else { String::new() };
    match (row.accepted, row.refusals()) {
        (_, 0) => format!("took {all} of {all}{copied}"),
        (0, _) => format!("refused {all} of {all} ({})", how.join(", ")),
        (some, _) => format!("took {some} of {all}{copied} ({})", how.join(", ")),
    }
}

fn rules_say(rules: &Rules) -> String {
    match rules {
        Rules::Serves => "serves".to_owned(),
        Rules::RuledOut(keys) => format!("no: {}", keys.join(", ")),
        Rules::Silent => "nothing".to_owned(),
    }
}

fn agree(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Agree => "yes",
        Agreement::Accident => "yes; an accident, not proven",
        Agreement::RulesStricter => "no; the rules are stricter",
        Agreement::RulesWrong => "NO; the rules give what it refuses",
        Agreement::Open => "",
    }
}

fn in_words(need: &Need) -> String {
    match need {
        Need::Contiguous => "contiguous memory is needed".to_owned(),
        Need::Scattered => "contiguous memory is not needed".to_owned(),
        Need::Nothing => "nobody's memory is taken".to_owned(),
        Need::Avoid(heaps) => format!("no memory from {}", heaps.join(", ")),
        Need::Unproven => "not proven".to_owned(),
    }
}
