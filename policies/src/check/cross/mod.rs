//! Rules beside each other, perhaps of several files: what repeats, contradicts or misses another.

mod contradictions;
mod edges;
mod overrides;

use super::source::Source;
use super::wording;
use crate::PolicySet;
use crate::diagnostic::{Code, Diagnostic, Related};
use crate::limits::{Limit, Limits};
use crate::load::PolicyFile;
use crate::rule::LimitRule;
use heapq_constraints::{Name, Origin};
use std::collections::HashMap;
use std::sync::Arc;

/// Patterns that are compared with each other in search of rules that have to do with another. More
/// than any real set needs; beyond it nothing is said of the rest.
const MAX_COMPARED: usize = 1 << 22;

/// What is told of the rules of all files together.
pub(crate) fn check(set: &PolicySet, files: &[PolicyFile]) -> Vec<Diagnostic> {
    let sources = files.iter().filter_map(|file| file.source.as_ref());
    let by_path = sources.map(|source| (Name::clone(source.file()), Arc::clone(source))).collect();
    let mut review = Review { sources: by_path, said: Vec::new() };
    review.heaps(&set.heaps);
    review.grants(&set.grants);
    review.limits(&set.limits);
    review.masters(&set.masters);
    review.edges(set);
    review.overrides(&set.devices);
    review.duplicates(set);
    review.said
}

struct Review {
    sources: HashMap<Name, Arc<Source>>,
    said: Vec<Diagnostic>,
}

impl Review {
    fn tell(&mut self, code: Code, origin: &Origin, message: String, help: Option<&str>) {
        let Origin::Policy { file, line } = origin else { return };
        self.said.push(Diagnostic {
            line: *line,
            help: help.map(str::to_owned),
            excerpt: self.sources.get(file).and_then(|source| source.excerpt(*line)),
            ..Diagnostic::whole(code, file, message)
        });
    }

    /// Another place that the last complaint is about.
    fn also(&mut self, origin: &Origin, label: &str) {
        let Origin::Policy { file, line } = origin else { return };
        let excerpt = self.sources.get(file).and_then(|source| source.excerpt(*line));
        let related =
            Related { file: Name::clone(file), line: *line, label: label.to_owned(), excerpt };
        if let Some(last) = self.said.last_mut() {
            last.related.push(related);
        }
    }

    /// The same rule twice, in whatever files.
    fn duplicates(&mut self, set: &PolicySet) {
        let heaps = set.heaps.iter().map(|rule| ("heap", wording::heap(rule), &rule.origin));
        let edges =
            set.edges.iter().map(|edge| ("compatibility", wording::edge(edge), &edge.origin));
        let devices =
            set.devices.iter().map(|rule| ("device", wording::device(rule), &rule.origin));
        let masters =
            set.masters.iter().map(|rule| ("device", wording::master(rule), &rule.origin));
        let grants = set.grants.iter().map(|rule| ("grant", wording::grant(rule), &rule.origin));
        let limits = set.limits.iter();
        let limits =
            limits.filter_map(|rule| Some(("limit", wording::limit(rule), limit_origin(rule)?)));
        let mut seen: HashMap<(&str, String), &Origin> = HashMap::new();
        let all = heaps.chain(edges).chain(devices).chain(masters).chain(grants).chain(limits);
        for (table, text, origin) in all {
            let Some(first) = seen.insert((table, text), origin) else { continue };
            let message = format!("this `[[{table}]]` says what another one says");
            self.tell(Code::DuplicateRule, origin, message, Some("leave one of them out"));
            self.also(first, "the other one");
        }
    }
}

/// The bounds that a rule states, by key.
pub(super) fn bounds(rule: &LimitRule) -> impl Iterator<Item = (&'static str, &Limit)> {
    let Limits { leases, buffers, bytes } = &rule.limits;
    let stated = [("leases", leases), ("buffers", buffers), ("bytes", bytes)];
    stated.into_iter().filter_map(|(key, limit)| Some((key, limit.as_ref()?)))
}

fn limit_origin(rule: &LimitRule) -> Option<&Origin> {
    bounds(rule).next().map(|(_, limit)| &limit.origin)
}
