//! Whether candidates stand in the written order.

use super::cast::Cast;
use super::{Asked, Wrong};
use crate::heap::Heap;
use crate::question::Usage;
use crate::{Constraint, Name};
use std::cmp::Reverse;

pub(super) fn check(asked: &Asked, cast: &Cast, placed: &[Vec<usize>]) -> Result<(), Wrong> {
    let heaps = asked.set.heaps();
    let mut ranks = vec![None; heaps.len()];
    for heap in placed.iter().flatten() {
        ranks[*heap].get_or_insert_with(|| rank(&heaps[*heap], cast));
    }
    let key = |heap: &Vec<usize>| heap.iter().map(|heap| ranks[*heap].clone()).collect::<Vec<_>>();
    let named = |placed: &[usize]| {
        let names = placed.iter().map(|heap| heaps[*heap].name.to_string());
        names.collect::<Vec<_>>().join(", ")
    };
    for pair in placed.windows(2) {
        if key(&pair[0]) >= key(&pair[1]) {
            return Err(Wrong::Order { first: named(&pair[0]), then: named(&pair[1]) });
        }
    }
    Ok(())
}

/// Smaller is scarcer in no respect: what [`scarcity`] compares.
type Scarcity = (bool, bool, Reverse<u8>, Reverse<u128>, bool);

/// Smaller comes first.
type Rank = (Option<Reverse<Scarcity>>, Reverse<i64>, bool, Option<Scarcity>, Reverse<u64>, Name);

fn rank(heap: &Heap, cast: &Cast) -> Rank {
    let read = cast.members.iter().any(|member| member.usage().contains(Usage::CpuRead));
    let scarcity = scarcity(heap);
    let (first, later) =
        if cast.assumed() { (Some(Reverse(scarcity)), None) } else { (None, Some(scarcity)) };
    let uncached_read = read && !heap.cached;
    (
        first,
        Reverse(heap.weight),
        uncached_read,
        later,
        Reverse(wishes(heap, cast)),
        heap.name.clone(),
    )
}

fn scarcity(heap: &Heap) -> Scarcity {
    let bytes = heap.address_window.as_ref().map(|windows| {
        let each = windows.intervals().iter().map(|(first, end)| u128::from(end - first));
        each.sum::<u128>()
    });
    (
        heap.protected,
        heap.contiguous,
        Reverse(heap.address_bits),
        Reverse(bytes.unwrap_or(u128::MAX)),
        !heap.cached,
    )
}

/// The points of the clients' wishes.
fn wishes(heap: &Heap, cast: &Cast) -> u64 {
    let points = cast.facts().filter_map(|fact| match fact {
        Constraint::Prefer(names) => {
            let place = names.iter().position(|name| heap.bears(name))?;
            u64::try_from(names.len() - place).ok()
        }
        _ => None,
    });
    points.sum()
}
