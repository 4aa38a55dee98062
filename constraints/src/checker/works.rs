//! Whether a whole combination works: who is in, with which tables and which format.

use super::cast::{Cast, Member, Pair, alike};
use super::image::figures;
use super::placing::{Bound, Placing};
use super::{Asked, Wrong};
use crate::fact::{FormatEntry, Pick};
use crate::{Constraint, Name, Participant};
use std::collections::BTreeSet;

impl<'q> Asked<'q> {
    /// Whether some placement serves `cast` to the last figure.
    fn works(&self, cast: &Cast) -> bool {
        if self.question.request.strict && cast.assumed() || !agreed(cast) {
            return false;
        }
        figures(self, cast).is_some_and(|figures| {
            !Placing::new(self, cast, &figures).all(Vec::new(), Bound::All, 1).is_empty()
        })
    }

    /// The best format with which `members` work; `None` where none does, or past the bound. No
    /// trial is left where there may be a better one.
    fn any_format(&self, members: Vec<Member<'q>>, trials: &mut usize) -> Option<Cast<'q>> {
        let cast = Cast::plain(self, members);
        let pairs = pairs(&cast, *trials);
        let left = trials.saturating_sub(pairs.len());
        let mut casts: Vec<_> = pairs.into_iter().filter_map(|pair| cast.with(pair)).collect();
        casts.sort_by_cached_key(rank);
        *trials = left;
        casts.into_iter().find(|cast| self.works(cast))
    }

    /// The first combination of all who are required that works, in the written order; `None` where
    /// none does, or past the bound of trials.
    pub(super) fn first_of_required(&self, trials: &mut usize) -> Option<Cast<'q>> {
        let required = self.question.participants.iter().filter(|who| !who.optional);
        let required: Vec<&Participant> = required.collect();
        let mut chosen = vec![0; required.len()];
        loop {
            let tables = required.iter().zip(&chosen);
            let members =
                tables.map(|(who, table)| Member { who, table: who.alternatives.get(*table) });
            let found = self.any_format(members.collect(), trials);
            if found.is_some() || *trials == 0 {
                return found;
            }
            let more = |at: &usize| chosen[*at] + 1 < required[*at].alternatives.len();
            let turn = (0..required.len()).rfind(more)?;
            chosen[turn + 1..].fill(0);
            chosen[turn] += 1;
        }
    }

    /// Complains of a combination that works though all who are required are said to conflict.
    pub(super) fn nothing_works(&self) -> Result<(), Wrong> {
        match self.first_of_required(&mut self.trials()) {
            None => Ok(()),
            Some(cast) => {
                let what = format!("what is said to conflict, with {}", format_of(&cast));
                Err(Wrong::Better { what })
            }
        }
    }

    /// Complains where one step up the written order works: one more participant, one earlier
    /// alternative, one better format.
    pub(super) fn nothing_better(&self, cast: &Cast<'q>, out: &[Name]) -> Result<(), Wrong> {
        let mut trials = self.trials();
        let better = |what: String| Err(Wrong::Better { what });
        for who in self.question.participants.iter().filter(|who| out.contains(&who.name)) {
            for table in 0..who.alternatives.len().max(1) {
                let mut members = cast.members.clone();
                members.push(Member { who, table: who.alternatives.get(table) });
                if self.any_format(members, &mut trials).is_some() {
                    return better(format!("`{}`, which is left out,", who.name));
                }
            }
        }
        for (at, member) in cast.members.iter().enumerate() {
            let chosen = |table: &&_| member.table.is_some_and(|one| !std::ptr::eq(one, *table));
            for table in member.who.alternatives.iter().take_while(chosen) {
                let mut members = cast.members.clone();
                members[at].table = Some(table);
                if self.any_format(members, &mut trials).is_some() {
                    return better(format!("an earlier alternative of `{}`", member.who.name));
                }
            }
        }
        let placed = rank(cast);
        for pair in pairs(cast, trials) {
            let other = cast.with(pair).filter(|other| rank(other) < placed);
            if let Some(other) = other.filter(|other| spend(&mut trials) && self.works(other)) {
                return better(format_of(&other));
            }
        }
        Ok(())
    }
}

fn spend(trials: &mut usize) -> bool {
    let left = trials.checked_sub(1);
    *trials = left.unwrap_or(0);
    left.is_some()
}

fn format_of(cast: &Cast) -> String {
    let named = |pair: &Pair| format!("the format {} ({})", pair.fourcc, pair.modifier);
    cast.pair.as_ref().map_or_else(|| "no format".to_owned(), named)
}

/// Where a format stands in the order.
fn rank(cast: &Cast) -> Option<(usize, usize, Name, Name)> {
    let pair = cast.pair.as_ref()?;
    let covers = |entry: &FormatEntry| pair.position(entry);
    let entries =
        cast.format_lists().filter_map(|list| list.iter().position(|e| covers(e).is_some()));
    let modifiers = cast.entries.iter().filter_map(|entry| covers(entry));
    let name = if pair.linear() { "linear".into() } else { pair.modifier.clone() };
    Some((entries.sum(), modifiers.sum(), pair.fourcc.clone(), name))
}

/// Every pair that somebody who is in names, up to `most`; `None` alone where nobody has a format.
fn pairs(cast: &Cast, most: usize) -> Vec<Option<Pair>> {
    let entries = || cast.format_lists().flatten();
    if entries().next().is_none() {
        return vec![None];
    }
    let named = |pick: &Pick| match pick {
        Pick::One(name) => Some(name.clone()),
        Pick::Any => None,
    };
    let codes: BTreeSet<Name> = entries().filter_map(|entry| named(&entry.fourcc)).collect();
    let mut modifiers: Vec<Name> = Vec::new();
    for name in entries().flat_map(|entry| entry.modifiers.iter().filter_map(named)) {
        if modifiers.len() < most && !modifiers.iter().any(|one| alike(one, &name)) {
            modifiers.push(name);
        }
    }
    let of = |fourcc: &Name| {
        let fourcc = fourcc.clone();
        let pair = move |modifier: &Name| {
            Some(Pair { fourcc: fourcc.clone(), modifier: modifier.clone() })
        };
        modifiers.iter().map(pair).collect::<Vec<_>>()
    };
    codes.iter().flat_map(of).take(most).collect()
}

/// Whether some value of every attribute is left.
fn agreed(cast: &Cast) -> bool {
    let names = cast.facts().filter_map(|fact| match fact {
        Constraint::Attribute(name, _) => Some(name),
        _ => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().all(|name| {
        let lists = lists(cast, name);
        let values = lists.iter().flat_map(|list| list.iter());
        values.into_iter().any(|value| accepted(&lists, value))
    })
}

pub(super) fn lists<'q>(cast: &Cast<'q>, attribute: &Name) -> Vec<&'q Vec<Name>> {
    let of = |fact: &'q Constraint| match fact {
        Constraint::Attribute(name, values) if name == attribute => Some(values),
        _ => None,
    };
    cast.facts().filter_map(of).collect()
}

/// Whether all lists have `value`, or take any.
pub(super) fn accepted(lists: &[&Vec<Name>], value: &Name) -> bool {
    lists.iter().all(|list| list.contains(value) || list.iter().any(|one| &**one == "*"))
}
