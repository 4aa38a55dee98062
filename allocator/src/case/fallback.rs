//! The walk over a plan's candidates, over heaps that fail as the case says.

use super::compare::Walked;
use heapq_constraints::answer::Plan;

/// Tries the candidates in their order; a heap of which `fails` says so gives no memory.
pub(super) fn walk(plan: &Plan, fails: &dyn Fn(&str) -> bool) -> Walked {
    let mut walked = Walked::default();
    for (index, candidate) in plan.candidates.iter().enumerate() {
        let Some(heap) = candidate.heaps.iter().find(|heap| fails(heap)) else {
            walked.chosen = Some(index);
            break;
        };
        if !walked.failed.contains(heap) {
            walked.failed.push(heap.clone());
        }
    }
    walked
}
