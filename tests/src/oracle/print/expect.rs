//! What is asked as a whole, and the oracle's answer as expectations.

use super::{Lines, list, texts};
use crate::oracle::eliminated::Table;
use crate::oracle::search::{Outcome, Plan};
use heapq_constraints::Request;

pub(super) fn request(request: &Request) -> Option<String> {
    let mut lines = Lines::default();
    lines.some("seed-count", request.seed_count);
    lines.some("strict", request.strict.then_some(true));
    lines.some("limit-buffer", request.limit_buffer);
    lines.some("limit-total", request.limit_total);
    (!lines.0.is_empty()).then(|| lines.block("[request]"))
}

pub(super) fn expect(outcome: &Outcome) -> String {
    let mut lines = Lines::default();
    match outcome {
        Outcome::Invalid(keys) => {
            lines.add("verdict", "\"invalid\"");
            lines.some("invalid-key", keys.first().map(|key| format!("{key:?}")));
        }
        Outcome::Conflict { eliminated, conflicts } => {
            lines.add("verdict", "\"conflict\"");
            table(&mut lines, eliminated);
            if let Some(all) = conflicts {
                lines.add("conflicts", list(all.conflicts.iter().map(texts)));
                lines.add("fixes-include", list(all.fixes.iter().map(texts)));
            }
        }
        Outcome::Ok(plan) => answer(&mut lines, plan),
    }
    lines.block("[expect]")
}

fn table(lines: &mut Lines, eliminated: &Table) {
    let mut table = Lines::default();
    for (heap, keys) in eliminated {
        table.add(heap, texts(keys));
    }
    lines.some("eliminated", (!eliminated.is_empty()).then(|| table.inline()));
}

fn answer(lines: &mut Lines, plan: &Plan) {
    lines.add("verdict", "\"ok\"");
    let mut heaps: Vec<&String> = plan.candidates.iter().map(|(heaps, _)| &heaps[0]).collect();
    heaps.dedup();
    lines.add("heaps", texts(heaps));
    if plan.buffers.len() > 1 {
        lines.add("plane-heaps", texts(&plan.candidates[0].0));
    }
    lines.add("count", plan.count);
    let sum = |pick: fn(&(u128, u128)) -> u128| plan.buffers.iter().map(pick).sum::<u128>();
    lines.add("size", sum(|(size, _)| *size));
    lines.add("allocation-size", sum(|(_, allocation)| *allocation));
    lines.some("stride", plan.stride);
    lines.some("fourcc", plan.fourcc.as_ref().map(|name| format!("{name:?}")));
    lines.some("modifier", plan.modifier.as_ref().map(|name| format!("{name:?}")));
    lines.add("access", format!("\"{:?}\"", plan.candidates[0].1).to_lowercase());
    lines.add("assumed", plan.assumed);
    lines.add("size-assumed", plan.size_assumed);
    lines.add("left-out", texts(&plan.left_out));
    let mut chosen = Lines::default();
    plan.chosen.iter().for_each(|(who, table)| chosen.add(who, table));
    lines.some("chosen-alternatives", (!plan.chosen.is_empty()).then(|| chosen.inline()));
    table(lines, &plan.eliminated);
}
