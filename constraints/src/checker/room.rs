//! Heaps that are said to lack nothing but room.

use super::image::figures;
use super::links::Links;
use super::placing::{Bound, Placing};
use super::{Asked, Wrong, nameless, same};
use crate::Origin;
use crate::answer::TooSmall;

/// How many placements are looked through for what a heap would hold.
const PLACEMENTS: usize = 512;

/// Each heap with bounds is looked at by itself: once as if it had none.
pub(super) fn check(asked: &Asked, listed: &[TooSmall]) -> Result<(), Wrong> {
    let heaps = asked.set.heaps();
    if let Some(one) = listed.iter().find(|one| !heaps.iter().any(|heap| heap.name == one.heap)) {
        return Err(nameless("a heap that is too small", &one.heap));
    }
    let sorted = listed.is_sorted_by(|a, b| (&a.heap, &a.key) < (&b.heap, &b.key));
    same("whether heaps that are too small are in order", &sorted, &true)?;
    for (index, heap) in heaps.iter().enumerate() {
        let found: Vec<&TooSmall> = listed.iter().filter(|one| one.heap == heap.name).collect();
        if heap.max_size.is_none() && heap.capacity.is_none() {
            same(&format!("bounds of `{}`, which has none", heap.name), &found.len(), &0)?;
        } else if let Some(rule) = rule(asked, index)
            && !rule.iter().any(|rule| rule.iter().eq(found.iter().copied()))
        {
            same(&format!("whether `{}` is too small", heap.name), &Some(&found), &None)?;
        }
    }
    Ok(())
}

/// What may be said of the heap at `index`, one list for each way to place a frame; `None` past the
/// bounds of trials.
fn rule(asked: &Asked, index: usize) -> Option<Vec<Vec<TooSmall>>> {
    let set = asked.set.unbounded(index);
    let roomy = Asked { set: &set, links: Links::new(&set), question: asked.question };
    let mut trials = asked.trials();
    let cast = roomy.first_of_required(&mut trials);
    let cast = match (cast, trials) {
        (_, 0) => return None,
        (None, _) => return Some(vec![Vec::new()]),
        (Some(cast), _) => cast,
    };
    let figures = figures(&roomy, &cast)?;
    let heap = &asked.set.heaps()[index];
    let placed = Placing::new(&roomy, &cast, &figures).all(Vec::new(), Bound::All, PLACEMENTS);
    let here = |placed: &Vec<usize>| {
        let buffers = placed.iter().zip(&figures.buffers).filter(|(at, _)| **at == index);
        let bytes: Vec<u64> = buffers.map(|(_, buffer)| buffer.allocation_size).collect();
        let frame = ("capacity", heap.capacity, figures.count, bytes.iter().sum());
        let largest = ("max-size", heap.max_size, 1, bytes.iter().copied().max().unwrap_or(0));
        let over = |(key, bound, count, bytes): (&'static str, Option<u64>, u32, u64)| {
            let bound =
                bound.filter(|most| u128::from(count) * u128::from(bytes) > u128::from(*most))?;
            let origin = heap.origins.get(key).cloned().unwrap_or(Origin::Default);
            Some(TooSmall { heap: heap.name.clone(), key: key.into(), bound, origin, count, bytes })
        };
        [frame, largest].into_iter().filter_map(over).collect()
    };
    (placed.len() < PLACEMENTS).then(|| placed.iter().map(here).collect())
}
