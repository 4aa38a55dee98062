//! What may be concluded from what a device took and refused.
//!
//! That a device takes a buffer proves little. A small one is contiguous by luck, a scattered one may
//! be so too, swiotlb copies what lies out of reach, and not every driver looks at a buffer before it
//! uses it. A refusal proves more, but only beside something of the same size that was taken.

use super::tried::{Rules, Tried, Way};
use super::{LARGE, REPEATS};
use heapq_constraints::fact::Windows;
use heapq_constraints::{Heap, HeapSet, Name};
use serde::Serialize;
use std::collections::BTreeSet;

/// What one way needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Contiguous memory: scattered memory was refused where contiguous memory was taken.
    Contiguous,
    /// Nothing of that kind: large scattered buffers were taken, each of them.
    Scattered,
    /// It takes nobody's memory.
    Nothing,
    /// These heaps were refused, and there was nothing to compare them with.
    Avoid(Vec<Name>),
    /// Nothing is proven.
    Unproven,
}

/// What was concluded of one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conclusion {
    /// Which.
    pub way: Way,
    /// What it needs.
    pub need: Need,
    /// From what, in words.
    pub because: String,
}

/// Concludes, one entry for each way. What the heaps are is taken from `heaps`.
#[must_use]
pub fn conclude(tried: &[Tried], heaps: &HeapSet) -> Vec<Conclusion> {
    let ways: BTreeSet<Way> = tried.iter().map(|row| row.way).collect();
    let of = |way| Seen::of(way, tried, heaps).conclude();
    ways.into_iter().map(of).collect()
}

/// Whether every buffer of `heap` lies where a device with 32 address bits reaches.
#[must_use]
pub fn reachable(heap: &Heap) -> bool {
    const END: u64 = 1 << 32;
    let within = |windows: &Windows| windows.intervals().iter().all(|(_, end)| *end <= END);
    heap.address_bits <= 32 || heap.address_window.as_ref().is_some_and(within)
}

/// One way's rows.
struct Seen<'t> {
    way: Way,
    scattered: Vec<&'t Tried>,
    contiguous: Vec<(&'t Tried, &'t Heap)>,
    heaps: &'t HeapSet,
}

impl<'t> Seen<'t> {
    fn of(way: Way, tried: &'t [Tried], heaps: &'t HeapSet) -> Self {
        let (mut scattered, mut contiguous) = (Vec::new(), Vec::new());
        for row in tried.iter().filter(|row| row.way == way) {
            match heaps.find(&row.heap).filter(|heap| heap.contiguous) {
                Some(heap) => contiguous.push((row, heap)),
                None => scattered.push(row),
            }
        }
        Self { way, scattered, contiguous, heaps }
    }

    fn conclude(&self) -> Conclusion {
        let found = self.needs_contiguous().or_else(|| self.takes_scattered());
        let found = found.or_else(|| self.takes_nothing()).or_else(|| self.refuses());
        let (need, because) = found.unwrap_or_else(|| (Need::Unproven, self.why_not()));
        Conclusion { way: self.way, need, because }
    }

    fn needs_contiguous(&self) -> Option<(Need, String)> {
        let taken = self.contiguous.iter().map(|(row, _)| *row);
        let taken = taken.filter(|row| row.took_all() && row.bounced == 0);
        let refused = self.scattered.iter().copied().filter(|row| self.refused_as_scattered(row));
        let refused: Vec<&Tried> = refused.collect();
        let pairs = taken.flat_map(|taken| refused.iter().map(move |row| (taken, *row)));
        let (taken, refused) = pairs
            .filter(|(taken, row)| taken.bytes == row.bytes)
            .max_by_key(|(_, row)| (row.bytes, row.refusals()))?;
        let because = format!(
            "of buffers of {} bytes it took {} of {} from {} and refused {} of {} from {}",
            taken.bytes,
            taken.accepted,
            taken.accepted,
            taken.heap,
            refused.refusals(),
            refused.refusals().saturating_add(refused.accepted),
            refused.heap,
        );
        Some((Need::Contiguous, because))
    }

    /// Refused for what it is and not for where it lies: the kernel says `EFAULT` of queues, or the
    /// heap lies within anybody's reach.
    fn refused_as_scattered(&self, row: &Tried) -> bool {
        let near = self.heaps.find(&row.heap).is_some_and(reachable);
        row.refused.keys().any(|how| near || how == "QBUF: EFAULT")
    }

    /// Large, each of several, none copied and none refused anywhere.
    fn takes_scattered(&self) -> Option<(Need, String)> {
        let proves = |row: &&&Tried| {
            row.bytes >= LARGE
                && row.took_all()
                && row.accepted >= REPEATS
                && row.bounced == 0
                && row.unsure == 0
        };
        let whole = self.scattered.iter().all(|row| row.refused.is_empty());
        let row =
            self.scattered.iter().find(proves).filter(|_| whole && self.way.maps_at_once())?;
        let because = format!(
            "it took {} of {} scattered buffers of {} bytes from {}, and none was copied for it",
            row.accepted, row.accepted, row.bytes, row.heap
        );
        Some((Need::Scattered, because))
    }

    /// Everything was refused, contiguous memory within anybody's reach too.
    fn takes_nothing(&self) -> Option<(Need, String)> {
        let mut all =
            self.scattered.iter().copied().chain(self.contiguous.iter().map(|(row, _)| *row));
        let (row, heap) =
            self.contiguous.iter().find(|(row, heap)| row.took_none() && reachable(heap))?;
        let because = format!(
            "it refused all that there is, {} too, which is contiguous and below 4 GiB ({})",
            heap.name,
            said(row)
        );
        all.all(Tried::took_none).then_some((Need::Nothing, because))
    }

    /// Large scattered buffers were refused, and there is no contiguous heap beside them.
    fn refuses(&self) -> Option<(Need, String)> {
        let refused = self.scattered.iter().filter(|row| row.bytes >= LARGE && row.took_none());
        let refused: Vec<&&Tried> = refused.filter(|_| self.contiguous.is_empty()).collect();
        let heaps: BTreeSet<Name> = refused.iter().map(|row| row.heap.clone()).collect();
        let because = format!(
            "it refused every buffer of {LARGE} bytes from there ({}); without contiguous memory to \
             compare with, why is not known",
            said(refused.first()?)
        );
        Some((Need::Avoid(heaps.into_iter().collect()), because))
    }

    /// Why nothing is proven: the first obstacle.
    fn why_not(&self) -> String {
        let rows =
            || self.scattered.iter().copied().chain(self.contiguous.iter().map(|(row, _)| *row));
        if let Some(why) = rows().find_map(|row| row.unasked.as_ref()) {
            return format!("it could not be asked: {why}");
        }
        let large: Vec<&Tried> = rows().filter(|row| row.bytes >= LARGE).collect();
        if large.is_empty() {
            return "there were no large buffers, and small ones are contiguous by luck".to_owned();
        }
        if let Some(row) = rows().find(|row| row.bounced > 0) {
            return format!(
                "the kernel copied buffers from {} for it (swiotlb): the device itself did not take \
                 them",
                row.heap
            );
        }
        if large.iter().all(|row| row.took_none()) {
            return format!(
                "it refused every large buffer ({}), contiguous ones too: they may lie out of its \
                 reach",
                large.first().map(|row| said(row)).unwrap_or_default()
            );
        }
        if self
            .scattered
            .iter()
            .any(|row| !row.refused.is_empty() && !self.refused_as_scattered(row))
        {
            return "it refused scattered memory that may lie out of its reach".to_owned();
        }
        if rows().all(Tried::took_all) && !self.way.maps_at_once() {
            return "it took everything, but a driver of this kind may look at a buffer only when \
                    it uses it"
                .to_owned();
        }
        if rows().any(|row| row.unsure > 0) {
            return "whether the kernel copied buffers for it cannot be read (swiotlb's counter in \
                    debugfs)"
                .to_owned();
        }
        if self.scattered.is_empty() {
            return "there was no scattered memory to compare with".to_owned();
        }
        "what it took and refused does not go together".to_owned()
    }
}

/// What it said when it refused.
fn said(row: &Tried) -> String {
    row.refused.keys().cloned().collect::<Vec<_>>().join(", ")
}

/// How the rules in force stand to what the kernel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// They say the same.
    Agree,
    /// The kernel took by accident what the rules rightly rule out.
    Accident,
    /// The rules rule out what the kernel takes.
    RulesStricter,
    /// The rules would give what the kernel refuses.
    RulesWrong,
    /// No rule speaks of the device, or the kernel did not.
    Open,
}

/// Compares one row with the rules, in the light of what was concluded of its way.
#[must_use]
pub fn agreement(row: &Tried, scattered: bool, need: &Need, rules: &Rules) -> Agreement {
    let accident = row.bounced > 0 || (scattered && *need != Need::Scattered);
    match rules {
        Rules::Silent => Agreement::Open,
        _ if row.accepted == 0 && row.refused.is_empty() => Agreement::Open,
        Rules::Serves if row.took_all() => Agreement::Agree,
        Rules::Serves => Agreement::RulesWrong,
        Rules::RuledOut(_) if row.took_none() => Agreement::Agree,
        Rules::RuledOut(_) if accident || !row.took_all() => Agreement::Accident,
        Rules::RuledOut(_) => Agreement::RulesStricter,
    }
}

#[cfg(test)]
mod tests;
