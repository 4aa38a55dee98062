//! Which heap each buffer of a frame goes to, when planes are apart or share a pool's capacity.

use super::shape::Shape;
use crate::HeapSet;

/// How many placements an answer lists. Two planes on all heaps of a machine stay below.
pub(crate) const MOST: usize = 1024;

/// Whether the buffers have a place at all.
pub(crate) fn possible(set: &HeapSet, shape: &Shape) -> bool {
    match shape.heaps.as_slice() {
        [only] => !only.is_empty(),
        _ => {
            let orders = orders(shape, &(0..set.heaps().len()).collect::<Vec<_>>());
            first(set, shape, &orders, &mut Vec::new())
        }
    }
}

/// All placements, best first, as heap indices by buffer; `order` lists the heaps best first. Each
/// heap that can hold buffer 0 comes with as many placements as there is room for, at least one.
/// The flag: these are all.
pub(crate) fn placements(set: &HeapSet, shape: &Shape, order: &[usize]) -> (Vec<Vec<usize>>, bool) {
    if let [heaps] = shape.heaps.as_slice() {
        let fits = |heap: &&usize| heaps.contains(**heap) && admissible(set, shape, &[**heap]);
        return (order.iter().filter(fits).map(|heap| vec![*heap]).collect(), true);
    }
    let orders = orders(shape, order);
    let Some((leading, rest)) = orders.split_first() else { return (Vec::new(), true) };
    let share = (MOST / leading.len().max(1)).max(1);
    let (mut found, mut complete) = (Vec::new(), true);
    for heap in leading {
        let mut placed = vec![*heap];
        let mut taken = 0;
        let mut more = admissible(set, shape, &placed) && descend(set, shape, rest, &mut placed);
        while more && taken < share {
            found.push(placed.clone());
            taken += 1;
            more = advance(set, shape, rest, &mut placed);
        }
        complete &= !more;
    }
    (found, complete)
}

/// For each buffer its heaps, best first.
fn orders(shape: &Shape, order: &[usize]) -> Vec<Vec<usize>> {
    let of = |heaps: &crate::bits::HeapBits| {
        order.iter().copied().filter(|heap| heaps.contains(*heap)).collect()
    };
    shape.heaps.iter().map(of).collect()
}

fn first(set: &HeapSet, shape: &Shape, orders: &[Vec<usize>], placed: &mut Vec<usize>) -> bool {
    placed.clear();
    descend(set, shape, orders, placed)
}

/// Completes `placed` with the best heap for each of `orders` (those of the last buffers).
fn descend(set: &HeapSet, shape: &Shape, orders: &[Vec<usize>], placed: &mut Vec<usize>) -> bool {
    let fixed = shape.heaps.len() - orders.len();
    seek(set, shape, orders, placed, fixed, 0)
}

/// The next placement after `placed`, of which all but the last buffers stay as they are.
fn advance(set: &HeapSet, shape: &Shape, orders: &[Vec<usize>], placed: &mut Vec<usize>) -> bool {
    let fixed = shape.heaps.len() - orders.len();
    match step_back(orders, placed, fixed) {
        Some(from) => seek(set, shape, orders, placed, fixed, from),
        None => false,
    }
}

/// Takes the last buffer's heap back; where in its list to go on.
fn step_back(orders: &[Vec<usize>], placed: &mut Vec<usize>, fixed: usize) -> Option<usize> {
    if placed.len() <= fixed {
        return None;
    }
    let heap = placed.pop()?;
    let at = orders.get(placed.len() - fixed)?.iter().position(|other| *other == heap)?;
    Some(at + 1)
}

/// Depth first from position `from` of the next buffer's list.
fn seek(
    set: &HeapSet,
    shape: &Shape,
    orders: &[Vec<usize>],
    placed: &mut Vec<usize>,
    fixed: usize,
    mut from: usize,
) -> bool {
    while placed.len() < shape.heaps.len() {
        let list = &orders[placed.len() - fixed];
        let fits = list.iter().skip(from).copied().find(|heap| {
            placed.push(*heap);
            let good = admissible(set, shape, placed);
            placed.pop();
            good
        });
        match fits {
            Some(heap) => {
                placed.push(heap);
                from = 0;
            }
            None => match step_back(orders, placed, fixed) {
                Some(next) => from = next,
                None => return false,
            },
        }
    }
    true
}

/// Whether the last buffer of `placed` may be where it is: apart from the planes it must not meet,
/// and with them in what its heap holds.
fn admissible(set: &HeapSet, shape: &Shape, placed: &[usize]) -> bool {
    let Some((heap, before)) = placed.split_last() else { return true };
    let sharing = || before.iter().enumerate().filter(|(_, other)| *other == heap);
    if sharing().any(|(plane, _)| shape.placing.apart(plane, before.len())) {
        return false;
    }
    let Some(capacity) = set.heaps()[*heap].capacity else { return true };
    let planes = sharing().map(|(plane, _)| plane).chain([before.len()]);
    let frame = planes.map(|plane| u128::from(shape.buffers[plane].allocation_size)).sum::<u128>();
    frame * u128::from(shape.count) <= u128::from(capacity)
}
