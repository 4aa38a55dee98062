//! An answer that is `ok`: who is in, the figures, and every candidate.

use super::cast::{Cast, Member, Pair, best};
use super::heaps::modes;
use super::image::{Figures, figures, min_size};
use super::placing::{Bound, Placing, plane};
use super::works::{accepted, lists};
use super::{Asked, Wrong, figure, nameless, order, rows, same};
use crate::answer::{Candidate, Elimination, Plan, SyncPoint};
use crate::fact::Planes;
use crate::{Constraint, Name};
use std::collections::{BTreeMap, BTreeSet};

/// How many placements are counted where the answer says that it lists all.
const PLACEMENTS: usize = 512;

pub(super) fn check(asked: &Asked, plan: &Plan, table: &[Elimination]) -> Result<(), Wrong> {
    let members = members(asked, plan)?;
    let cast = with_format(asked, members, plan)?;
    let figures = figures(asked, &cast).ok_or_else(|| {
        figure("sizes, strides and counts", "a plan", "none that everybody can do with")
    })?;
    sizes(&cast, plan, &figures)?;
    planes(&cast, plan, &figures)?;
    let assumed = cast.members.iter().filter(|member| member.unknown());
    let mut assumed: Vec<Name> = assumed.map(|member| member.who.name.clone()).collect();
    assumed.sort();
    same("assumed", &plan.assumed, &!assumed.is_empty())?;
    same("of whom nothing is known", &plan.assumed_of, &assumed)?;
    if asked.question.request.strict {
        same("assumed, though `strict`", &plan.assumed, &false)?;
    }
    attributes(&cast, plan)?;
    let placing = Placing::new(asked, &cast, &figures);
    let placed = candidates(asked, &cast, plan, &placing)?;
    order::check(asked, &cast, &placed)?;
    rows::of_plan(asked, &cast, &placing, &placed, table)?;
    asked.nothing_better(&cast, &plan.left_out)
}

/// Who is in, and with which table.
fn members<'a>(asked: &Asked<'a>, plan: &Plan) -> Result<Vec<Member<'a>>, Wrong> {
    let all = &asked.question.participants;
    for name in &plan.left_out {
        let optional = all.iter().any(|who| who.name == *name && who.optional);
        same(&format!("`{name}`, left out, is optional"), &optional, &true)?;
    }
    let twice = plan.left_out.iter().collect::<BTreeSet<_>>().len();
    same("participants that are left out once", &plan.left_out.len(), &twice)?;
    let mut members = Vec::new();
    let mut chosen = 0;
    for who in all.iter().filter(|who| !plan.left_out.contains(&who.name)) {
        let index = plan.chosen_alternatives.get(&who.name);
        let what = format!("whether `{}` has a chosen alternative", who.name);
        same(&what, &index.is_some(), &!who.alternatives.is_empty())?;
        let table = index.map(|index| {
            chosen += 1;
            let at = usize::try_from(*index).ok();
            at.and_then(|at| who.alternatives.get(at))
                .ok_or_else(|| nameless(&what, &index.to_string()))
        });
        members.push(Member { who, table: table.transpose()? });
    }
    same("chosen alternatives", &plan.chosen_alternatives.len(), &chosen)?;
    Ok(members)
}

fn with_format<'a>(
    asked: &Asked<'a>,
    members: Vec<Member<'a>>,
    plan: &Plan,
) -> Result<Cast<'a>, Wrong> {
    let both = plan.fourcc.clone().zip(plan.modifier.clone());
    let pair = both.map(|(fourcc, modifier)| Pair { fourcc, modifier });
    same("whether fourcc and modifier are said", &plan.fourcc.is_some(), &plan.modifier.is_some())?;
    let said = format!("{:?} ({:?})", plan.fourcc, plan.modifier);
    let cast = Cast::plain(asked, members).with(pair);
    cast.ok_or_else(|| figure("the format", said, "one that every list covers and somebody names"))
}

fn sizes(cast: &Cast, plan: &Plan, figures: &Figures) -> Result<(), Wrong> {
    let sum =
        |of: fn(&crate::answer::BufferPlan) -> u64| figures.buffers.iter().map(of).sum::<u64>();
    same("count", &plan.count, &figures.count)?;
    same("buffers of a frame", &plan.buffers, &figures.buffers)?;
    same("size", &plan.size, &sum(|buffer| buffer.size))?;
    same("allocation-size", &plan.allocation_size, &sum(|buffer| buffer.allocation_size))?;
    let linear = cast.pair.as_ref().is_none_or(Pair::linear);
    same("size-assumed", &plan.size_assumed, &(!linear && min_size(cast) == 0))?;
    let layout = if cast.separate() { Planes::Separate } else { Planes::Joint };
    same("layout", &plan.layout, &layout)
}

fn planes(cast: &Cast, plan: &Plan, figures: &Figures) -> Result<(), Wrong> {
    // Where no extent is stated, nothing is known of rows.
    if figures.stride > 0 || !plan.planes.is_empty() {
        same("planes", &plan.planes.len(), &figures.planes)?;
    }
    let mut end = 0;
    for (index, one) in plan.planes.iter().enumerate() {
        let what = |what: &str| format!("{what} of plane {index}");
        let buffer = if cast.separate() { index } else { 0 };
        same(&what("buffer"), &usize::try_from(one.buffer_index).ok(), &Some(buffer))?;
        let step = cast.entries.iter().filter_map(|entry| entry.offset_alignment).max();
        let aligned = one.offset.checked_rem(u64::from(step.unwrap_or(1))).unwrap_or(0);
        same(&what("offset past its alignment"), &aligned, &0)?;
        let early = !cast.separate() && one.offset < end;
        same(&what("start inside the one before"), &early, &false)?;
        end = one.offset.saturating_add(one.size);
        let room = figures.buffers.get(buffer).map_or(0, |buffer| buffer.size);
        if figures.stride > 0 && one.size > room {
            return Err(figure(what("size"), one.size, format!("at most {room}")));
        }
    }
    let stride = plan.planes.first().map_or(0, |plane| plane.stride);
    if figures.stride > 0 {
        same("stride", &stride, &figures.stride)?;
    }
    Ok(())
}

fn attributes(cast: &Cast, plan: &Plan) -> Result<(), Wrong> {
    let mut stated: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for fact in cast.facts() {
        if let Constraint::Attribute(name, values) = fact {
            stated.entry(name.clone()).or_default().extend(values.iter().cloned());
        }
    }
    // A list with `*` in it takes any value; where all do there is nothing to say.
    let any = |list: &&Vec<Name>| list.iter().any(|value| &**value == "*");
    stated.retain(|name, _| !lists(cast, name).iter().all(any));
    let names: BTreeSet<&Name> = plan.attributes.keys().collect();
    same("attributes", &names, &stated.keys().collect())?;
    for (name, found) in &plan.attributes {
        let lists = lists(cast, name);
        let mut left: BTreeSet<&Name> =
            stated[name].iter().filter(|value| accepted(&lists, value)).collect();
        if left.iter().any(|value| &***value != "*") {
            left.retain(|value| &***value != "*");
        }
        let what = format!("attribute.{name}");
        same(&what, &found.iter().collect(), &left)?;
        same(&format!("whether {what} is empty"), &found.is_empty(), &false)?;
    }
    Ok(())
}

/// The candidates by index of heap, each one sound.
fn candidates(
    asked: &Asked,
    cast: &Cast,
    plan: &Plan,
    placing: &Placing,
) -> Result<Vec<Vec<usize>>, Wrong> {
    let mut placed = Vec::new();
    for candidate in &plan.candidates {
        same("buffers of a candidate", &candidate.heaps.len(), &plan.buffers.len())?;
        let heaps = candidate.heaps.iter().enumerate();
        let heaps = heaps.map(|(buffer, name)| serving(asked, cast, placing, buffer, name));
        let heaps = heaps.collect::<Result<Vec<_>, _>>()?;
        if !placing.allowed(&heaps, Bound::All) {
            let found = candidate.heaps.join(", ");
            return Err(figure(
                "the candidate",
                found,
                "planes apart that must be, and room for all",
            ));
        }
        traits(asked, cast, candidate, heaps[0])?;
        placed.push(heaps);
    }
    same("whether there is no candidate", &placed.is_empty(), &false)?;
    let first = plan.candidates.first().map(|candidate| &candidate.sync_points);
    same("sync points of the first candidate", &Some(&plan.sync_points), &first)?;
    let all = placing.all(Vec::new(), Bound::All, PLACEMENTS);
    if plan.candidates_complete && all.len() < PLACEMENTS {
        same("candidates", &placed.iter().collect::<BTreeSet<_>>(), &all.iter().collect())?;
    }
    Ok(placed)
}

fn serving(
    asked: &Asked,
    cast: &Cast,
    placing: &Placing,
    buffer: usize,
    name: &Name,
) -> Result<usize, Wrong> {
    let heaps = asked.set.heaps();
    let found = heaps.iter().position(|heap| heap.name == *name);
    let index = found.ok_or_else(|| nameless("a heap of a candidate", name))?;
    if placing.serving[buffer].contains(&index) {
        return Ok(index);
    }
    let keys = asked.ruled_out(&heaps[index], cast, plane(cast, buffer));
    let keys = if keys.is_empty() { vec!["max-size"] } else { keys.into_iter().collect() };
    Err(Wrong::Unfit { heap: name.clone(), buffer, keys: keys.join(", ") })
}

fn traits(asked: &Asked, cast: &Cast, candidate: &Candidate, first: usize) -> Result<(), Wrong> {
    let heap = &asked.set.heaps()[first];
    let of = |what: &str| format!("{what} in `{}`", heap.name);
    same(&of("access"), &Some(candidate.access), &best(modes(heap, cast)))?;
    same(&of("contiguous"), &candidate.contiguous, &heap.contiguous)?;
    same(&of("protected"), &candidate.protected, &heap.protected)?;
    candidate.sync_points.iter().try_for_each(|point| synced(cast, point))
}

fn synced(cast: &Cast, point: &SyncPoint) -> Result<(), Wrong> {
    let member = cast.members.iter().find(|member| member.who.name == point.participant);
    let member = member.ok_or_else(|| nameless("a sync point", &point.participant))?;
    let cpu = &*point.because == "cpu" && member.usage().cpu();
    let snoops = !member.facts().any(|fact| *fact == Constraint::DmaCoherent(false));
    let device = &*point.because == "device" && !snoops;
    let what = format!("whether the sync point of `{}` has a cause", point.participant);
    same(&what, &(cpu || device), &true)?;
    same(&format!("{what} and an access"), &(point.read || point.write), &true)
}
