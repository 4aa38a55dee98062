//! All minimal conflicts and all minimal fixes of a question that has no answer.
//!
//! The two are each other's minimal hitting sets: a fix takes something from every conflict, a
//! conflict has something of every fix. So each candidate for a conflict is a smallest set that
//! meets every fix known so far. Either it fails, then it is a minimal conflict; or it works, then
//! it is grown to a largest set that works, and what that lacks is a new minimal fix. When every
//! candidate fails, both lists are complete. Needs only that whatever works still works with less.

use super::search::Exhausted;

/// How many conflicts, and how many fixes, are listed. Nobody reads more, and pairwise conflicts of
/// many participants grow with their square.
pub(crate) const LISTED: usize = 64;

/// How many candidates are kept while searching.
const CANDIDATES: usize = 2048;

/// A set of elements, by index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subset(Vec<u64>);

impl Subset {
    pub(crate) fn empty(of: usize) -> Self {
        Self(vec![0; of.div_ceil(64)])
    }

    pub(crate) fn all(of: usize) -> Self {
        let mut set = Self::empty(of);
        (0..of).for_each(|element| set.insert(element));
        set
    }

    pub(crate) fn insert(&mut self, element: usize) {
        self.0[element / 64] |= 1 << (element % 64);
    }

    pub(crate) fn contains(&self, element: usize) -> bool {
        self.0[element / 64] & (1 << (element % 64)) != 0
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|element| self.contains(*element))
    }

    /// All elements but these.
    pub(crate) fn complement(&self, of: usize) -> Self {
        let mut set = Self::empty(of);
        (0..of).filter(|element| !self.contains(*element)).for_each(|element| set.insert(element));
        set
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    pub(crate) conflicts: Vec<Subset>,
    pub(crate) fixes: Vec<Subset>,
    /// These are all.
    pub(crate) complete: bool,
}

struct Candidate {
    set: Subset,
    fails: bool,
}

/// Searches among `count` elements, of which all together do not work. `works` says whether the
/// elements of a set can be satisfied together.
pub(crate) fn causes(
    count: usize,
    mut works: impl FnMut(&Subset) -> Result<bool, Exhausted>,
) -> Causes {
    let mut candidates = vec![Candidate { set: Subset::empty(count), fails: false }];
    let mut fixes = Vec::new();
    let ended = loop {
        // The smallest first, so that what is listed when there are too many is what is short.
        let open = candidates.iter().enumerate().filter(|(_, one)| !one.fails);
        let Some((next, _)) = open.min_by_key(|(_, one)| (one.set.len(), &one.set)) else {
            break Ok(true);
        };
        let seed = candidates[next].set.clone();
        match works(&seed) {
            Err(exhausted) => break Err(exhausted),
            Ok(false) => candidates[next].fails = true,
            Ok(true) => match grow(count, seed, &mut works) {
                Err(exhausted) => break Err(exhausted),
                Ok(largest) => {
                    let fix = largest.complement(count);
                    candidates = hitting(candidates, &fix);
                    fixes.push(fix);
                }
            },
        }
        let failing = candidates.iter().filter(|one| one.fails).count();
        if failing > LISTED || candidates.len() > CANDIDATES {
            break Ok(false);
        }
    };
    let failing = candidates.into_iter().filter(|one| one.fails).map(|one| one.set);
    let mut conflicts: Vec<Subset> = failing.collect();
    if conflicts.is_empty() && ended.is_ok() {
        conflicts.extend(shrink(count, &mut works));
    }
    for list in [&mut conflicts, &mut fixes] {
        list.sort_by_key(|set| (set.len(), set.clone()));
        list.truncate(LISTED);
    }
    Causes { conflicts, fixes, complete: ended == Ok(true) }
}

/// The smallest sets that have something of `fix` too.
fn hitting(candidates: Vec<Candidate>, fix: &Subset) -> Vec<Candidate> {
    let (mut kept, missing): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|one| one.set.meets(fix));
    let before = kept.len();
    for one in missing {
        for element in fix.iter() {
            let mut set = one.set.clone();
            set.insert(element);
            if !kept[..before].iter().any(|smaller| smaller.set.within(&set)) {
                kept.push(Candidate { set, fails: false });
            }
        }
    }
    kept
}

/// A largest set around `seed` that works. Halves first: most elements can stay.
fn grow(
    count: usize,
    seed: Subset,
    works: &mut impl FnMut(&Subset) -> Result<bool, Exhausted>,
) -> Result<Subset, Exhausted> {
    let mut grown = seed;
    let rest: Vec<usize> = (0..count).filter(|element| !grown.contains(*element)).collect();
    let mut open = vec![rest];
    while let Some(mut part) = open.pop() {
        let mut with = grown.clone();
        part.iter().for_each(|element| with.insert(*element));
        if works(&with)? {
            grown = with;
        } else if part.len() > 1 {
            let second = part.split_off(part.len() / 2);
            open.extend([second, part]);
        }
    }
    Ok(grown)
}

/// One minimal conflict, when the search for all of them grew too large.
fn shrink(
    count: usize,
    works: &mut impl FnMut(&Subset) -> Result<bool, Exhausted>,
) -> Option<Subset> {
    let mut conflict = Subset::all(count);
    for element in 0..count {
        let mut without = conflict.clone();
        without.0[element / 64] &= !(1 << (element % 64));
        if !works(&without).ok()? {
            conflict = without;
        }
    }
    Some(conflict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(of: usize, elements: &[usize]) -> Subset {
        let mut set = Subset::empty(of);
        elements.iter().for_each(|element| set.insert(*element));
        set
    }

    fn found(of: usize, conflicts: &[&[usize]]) -> Causes {
        let conflicts: Vec<Subset> = conflicts.iter().map(|c| set(of, c)).collect();
        causes(of, |kept| Ok(!conflicts.iter().any(|conflict| conflict.within(kept))))
    }

    fn lists(sets: &[Subset]) -> Vec<Vec<usize>> {
        sets.iter().map(|set| set.iter().collect()).collect()
    }

    #[test]
    fn finds_all_conflicts_and_all_fixes() {
        let causes = found(6, &[&[0, 1], &[1, 2, 3]]);
        assert!(causes.complete);
        assert_eq!(lists(&causes.conflicts), [vec![0, 1], vec![1, 2, 3]]);
        assert_eq!(lists(&causes.fixes), [vec![1], vec![0, 2], vec![0, 3]]);
    }

    #[test]
    fn one_element_may_be_a_conflict() {
        let causes = found(70, &[&[69]]);
        assert_eq!(lists(&causes.conflicts), [[69]]);
        assert_eq!(lists(&causes.fixes), [[69]]);
    }

    #[test]
    fn nothing_at_all_may_be_too_much() {
        let causes = causes(3, |_| Ok(false));
        assert_eq!(lists(&causes.conflicts), [vec![]; 1] as [Vec<usize>; 1]);
        assert!(causes.fixes.is_empty() && causes.complete);
    }

    #[test]
    fn pairwise_conflicts_of_many_are_listed_up_to_the_bound() {
        let pairs: Vec<[usize; 2]> = (0..40).flat_map(|a| (0..a).map(move |b| [b, a])).collect();
        let pairs: Vec<&[usize]> = pairs.iter().map(|pair| &pair[..]).collect();
        let causes = found(40, &pairs);
        assert!(!causes.complete);
        assert_eq!(causes.conflicts.len(), LISTED);
        assert!(causes.conflicts.iter().all(|conflict| conflict.len() == 2));
    }

    #[test]
    fn work_that_ran_out_is_said() {
        let mut left = 3;
        let causes = causes(10, |_| {
            left -= 1;
            if left == 0 { Err(Exhausted) } else { Ok(false) }
        });
        assert!(causes.complete, "the first answer settles it");
        let mut left = 3;
        let causes = super::causes(10, |kept| {
            left -= 1;
            if left == 0 { Err(Exhausted) } else { Ok(kept.len() < 2) }
        });
        assert!(!causes.complete && causes.conflicts.is_empty());
    }
}
