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
const CANDIDATES: usize = 1024;

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

    fn remove(&mut self, element: usize) {
        self.0[element / 64] &= !(1 << (element % 64));
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
    /// There were more fixes than are listed.
    pub(crate) cut: bool,
    /// Candidates that were not tried, the smallest first.
    open: Vec<Subset>,
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
            break true;
        };
        let seed = candidates[next].set.clone();
        match works(&seed) {
            Err(Exhausted) => break false,
            Ok(false) => candidates[next].fails = true,
            Ok(true) => match grow(count, seed, &mut works) {
                Err(Exhausted) => break false,
                Ok(largest) => {
                    let fix = largest.complement(count);
                    candidates = hitting(candidates, &fix);
                    fixes.push(fix);
                }
            },
        }
        let failing = candidates.iter().filter(|one| one.fails).count();
        if failing > LISTED || candidates.len() > CANDIDATES {
            break false;
        }
    };
    candidates.sort_by_key(|one| (one.set.len(), one.set.clone()));
    let (failing, open): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|one| one.fails);
    let sets = |all: Vec<Candidate>| all.into_iter().map(|one| one.set).collect();
    let (conflicts, open) = (sets(failing), sets(open));
    let mut causes = Causes { conflicts, fixes, open, complete: ended, cut: false };
    causes.settle();
    causes
}

/// Adds conflicts to a list that is not complete, up to what is listed. First from the candidates
/// that are left: one that fails is minimal, since it meets every fix only just. Then each is
/// shrunk from all elements without one of a known conflict, so that it is another.
pub(crate) fn further(
    count: usize,
    found: &mut Causes,
    mut works: impl FnMut(&Subset) -> Result<bool, Exhausted>,
) {
    for candidate in std::mem::take(&mut found.open) {
        if found.conflicts.len() >= LISTED {
            break;
        }
        match works(&candidate) {
            Ok(true) => {}
            Ok(false) => found.conflicts.push(candidate),
            Err(_) => return found.settle(),
        }
    }
    let mut tried = 0;
    while !found.complete && found.conflicts.len() < LISTED {
        let Some(known) = found.conflicts.get(tried).cloned() else {
            // There is none yet to start from.
            match shrink(Subset::all(count), count, &mut works) {
                Some(first) if found.conflicts.is_empty() => found.conflicts.push(first),
                _ => break,
            }
            continue;
        };
        tried += 1;
        for element in known.iter() {
            let mut without = Subset::all(count);
            without.remove(element);
            match works(&without) {
                // It alone ends all conflicts: a fix, and as short as they come.
                Ok(true) => {
                    found.fixes.push(without.complement(count));
                    continue;
                }
                Ok(false) => {}
                Err(_) => return found.settle(),
            }
            let Some(other) = shrink(without, count, &mut works) else { return found.settle() };
            if !found.conflicts.contains(&other) && found.conflicts.len() < LISTED {
                found.conflicts.push(other);
            }
        }
    }
    found.settle();
}

impl Causes {
    fn settle(&mut self) {
        for list in [&mut self.conflicts, &mut self.fixes] {
            list.sort_by_key(|set| (set.len(), set.clone()));
            list.dedup();
        }
        self.cut |= self.fixes.len() > LISTED;
        for list in [&mut self.conflicts, &mut self.fixes] {
            list.truncate(LISTED);
        }
    }
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

/// A minimal conflict inside `failing`; `None` when the work ran out. Halves first: most elements
/// can go.
fn shrink(
    failing: Subset,
    count: usize,
    works: &mut impl FnMut(&Subset) -> Result<bool, Exhausted>,
) -> Option<Subset> {
    let mut conflict = failing;
    let all: Vec<usize> = (0..count).filter(|element| conflict.contains(*element)).collect();
    let mut open = vec![all];
    while let Some(mut part) = open.pop() {
        let mut without = conflict.clone();
        part.iter().for_each(|element| without.remove(*element));
        if !works(&without).ok()? {
            conflict = without;
        } else if part.len() > 1 {
            let second = part.split_off(part.len() / 2);
            open.extend([second, part]);
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
    fn more_fixes_than_are_listed_are_said_to_be_cut() {
        let pairs: Vec<[usize; 2]> = (0..7).map(|n| [2 * n, 2 * n + 1]).collect();
        let pairs: Vec<&[usize]> = pairs.iter().map(|pair| &pair[..]).collect();
        let some = found(14, &pairs[..6]);
        assert!(some.complete && !some.cut && some.fixes.len() == LISTED);
        let many = found(14, &pairs);
        assert!(many.complete && many.cut && many.fixes.len() == LISTED);
    }

    #[test]
    fn conflicts_of_very_many_elements_are_made_from_the_other_side() {
        let fails = |kept: &Subset| kept.len() >= 30;
        let mut found = causes(40, |kept| Ok(!fails(kept)));
        assert!(!found.complete);
        further(40, &mut found, |kept| Ok(!fails(kept)));
        assert!(found.conflicts.len() > 10);
        assert!(found.conflicts.iter().all(|conflict| conflict.len() == 30));
        assert!(found.fixes.iter().all(|fix| fix.len() == 11) && !found.fixes.is_empty());
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
