//! Counts and sizes: the least that everybody can do with, and whether that is too much.

use super::arithmetic::round_up;
use super::element::Kept;
use super::format::{Pair, common};
use super::image::Image;
use super::layout::{Laid, lay, planes};
use super::needs::Needs;
use heapq_constraints::{Constraint, Name};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be placed.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) count: u128,
    /// Usable and allocated bytes of each buffer of a frame.
    pub(super) buffers: Vec<(u128, u128)>,
    pub(super) stride: Option<u128>,
    /// Somebody says how big.
    pub(super) sized: bool,
    /// Somebody states `min-size`.
    pub(super) stated_size: bool,
    pub(super) image: Option<Image>,
}

/// The figures under `kept`, for `pair` (`None`: a plain byte buffer); `None` when some bound is
/// broken or something that is no matter of heaps cannot be met.
pub(super) fn figures(needs: &Needs, pair: Option<&Pair>, kept: Kept) -> Option<Figures> {
    if assumed_but_strict(needs, kept) || !attributes(needs, kept) {
        return None;
    }
    let count = count(needs, kept)?;
    let image = pair.map(|pair| Image::new(needs, pair, kept));
    let mut laid = None;
    let mut number = 1;
    if let (Some(pair), Some(image)) = (pair, &image) {
        if !common(needs, pair, kept) || joined_though_apart(image, pair) {
            return None;
        }
        laid = lay(image, pair)?;
        number = if image.separate { planes(pair) } else { 1 };
    }
    sizes(needs, kept, count, laid, number).map(|figures| Figures { image, ..figures })
}

/// Planes in one buffer share a heap.
fn joined_though_apart(image: &Image, pair: &Pair) -> bool {
    let all = planes(pair);
    !image.separate && (0..all).any(|a| (0..all).any(|b| image.must_part(a, b)))
}

fn sizes(
    needs: &Needs,
    kept: Kept,
    count: u128,
    laid: Option<Laid>,
    number: usize,
) -> Option<Figures> {
    let bound = u128::from(u64::MAX);
    let sum_of = |pick: fn(&Constraint) -> Option<u64>| {
        needs.kept(kept).filter_map(pick).map(u128::from).collect::<Vec<u128>>()
    };
    let min = sum_of(|it| if let Constraint::MinSize(size) = it { Some(*size) } else { None });
    let max = sum_of(|it| if let Constraint::MaxSize(size) = it { Some(*size) } else { None });
    let pad = sum_of(|it| if let Constraint::Padding(size) = it { Some(*size) } else { None });
    let limit = |limit: Option<(usize, u64)>| {
        limit.filter(|(element, _)| kept.has(*element)).map_or(bound, |(_, bytes)| bytes.into())
    };
    let min_size = min.into_iter().max().unwrap_or(0);
    let sized = laid.is_some() || min_size > 0;
    let stride = laid.as_ref().and_then(|laid| laid.stride);
    let bytes = laid.map_or_else(|| vec![(0, 0); number], |laid| laid.buffers);
    let mut buffers = Vec::new();
    for (usable, whole) in bytes {
        let size = usable.max(min_size);
        let padding = pad.iter().max().copied().unwrap_or(0);
        let allocation = round_up(whole.max(size) + padding, needs.page);
        let fits = max.iter().all(|max| size <= *max);
        if !fits || allocation > limit(needs.limit_buffer) {
            return None;
        }
        buffers.push((size, allocation));
    }
    let total = count * buffers.iter().map(|(_, allocation)| allocation).sum::<u128>();
    let stated_size = min_size > 0;
    (total <= limit(needs.limit_total)).then_some(Figures {
        count,
        buffers,
        stride,
        sized,
        stated_size,
        image: None,
    })
}

/// Frames.
fn count(needs: &Needs, kept: Kept) -> Option<u128> {
    let mut sum = 0;
    let mut shared = 0;
    let mut least = 1;
    let mut most = u128::from(u32::MAX);
    for need in needs.kept(kept) {
        match need {
            Constraint::Held(count) | Constraint::Dedicated(count) => sum += u128::from(*count),
            Constraint::Shared(count) => shared = shared.max(u128::from(*count)),
            Constraint::MinCount(count) => least = least.max(u128::from(*count)),
            Constraint::MaxCount(count) => most = most.min(u128::from(*count)),
            _ => {}
        }
    }
    // A stated seed stands in for the sum, also once it was dropped.
    sum = match needs.seed_count {
        None => sum + shared,
        Some((element, seed)) if kept.has(element) => seed.into(),
        Some(_) => 0,
    };
    let count = sum.max(least);
    (count <= most).then_some(count)
}

fn assumed_but_strict(needs: &Needs, kept: Kept) -> bool {
    needs.strict.is_some_and(|element| kept.has(element)) && unknown(needs, kept)
}

/// Whether somebody is in of whom nothing is known.
pub(super) fn unknown(needs: &Needs, kept: Kept) -> bool {
    needs.kept(kept).any(|need| *need == Constraint::Unknown(true))
}

/// Whether each attribute has a value that all who state it can do with.
fn attributes(needs: &Needs, kept: Kept) -> bool {
    let mut left: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for need in needs.kept(kept) {
        if let Constraint::Attribute(name, values) = need {
            if values.iter().any(|value| &**value == "*") {
                continue;
            }
            let values: BTreeSet<&Name> = values.iter().collect();
            let common = left.entry(name).or_insert_with(|| values.clone());
            common.retain(|value| values.contains(value));
        }
    }
    left.values().all(|values| !values.is_empty())
}
