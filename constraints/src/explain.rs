//! Answers in words. The only place that makes sentences from them.

use crate::answer::{
    Answer, Conflict, CopyGroup, CopyPlan, Element, Elimination, Exporter, Fix, Need, Plan, Reason,
    SyncPoint, TooSmall,
};
use crate::fact::Planes;
use crate::layout::LINEAR;
use crate::{Name, Origin};

/// How many fixes are told: those of the fewest elements.
const FIXES: usize = 5;

/// Lines that say what was chosen and why, or why nothing could be and what would help. Plain text
/// without colour; every line about a need ends in its origin.
#[must_use]
pub fn words(answer: &Answer) -> Vec<String> {
    let mut lines = Vec::new();
    match &answer.plan {
        Some(plan) => chosen(plan, &mut lines),
        None => conflicts(answer, &mut lines),
    }
    lines.extend(answer.too_small.iter().map(too_small));
    lines.extend(unserved(answer));
    lines.extend(answer.exporters.iter().flat_map(exporter));
    for row in &answer.eliminated {
        lines.extend(row.reasons.iter().flat_map(|reason| elimination(row, reason)));
    }
    fixes(answer, &mut lines);
    lines.extend(answer.copy_plan.iter().flat_map(copies));
    lines
}

fn chosen(plan: &Plan, lines: &mut Vec<String>) {
    if let Some(best) = plan.candidates.first() {
        let contiguous = if best.contiguous { "contiguous" } else { "may be scattered" };
        let protected = if best.protected { ", protected" } else { "" };
        lines.push(format!(
            "{} serves everybody: {contiguous}{protected}, CPU access {}",
            series(&best.heaps, "then"),
            best.access.word()
        ));
    }
    lines.push(frames(plan));
    lines.extend(image(plan));
    let further = plan.heaps();
    if further.len() > 1 {
        lines.push(format!("should it run out: {}", series(&further[1..], "then")));
    }
    if plan.assumed {
        lines.push(format!(
            "this is a guess: nothing is known of {}; `heapq probe NODE` finds out what a device \
             takes, a rule in a policy says it",
            series(&plan.assumed_of, "and")
        ));
    }
    if plan.size_assumed {
        lines.push("the size is that of a linear image: nobody states the modifier's".to_owned());
    }
    for (name, index) in &plan.chosen_alternatives {
        lines.push(format!("{name} has its alternative {index}, counted from 0"));
    }
    for name in &plan.left_out {
        lines.push(format!("{name} is left out: it is optional, and with it nothing serves"));
    }
    lines.extend(plan.sync_points.iter().map(sync_point));
}

fn frames(plan: &Plan) -> String {
    let frames = if plan.count == 1 { "frame" } else { "frames" };
    format!(
        "{} {frames} of {} bytes, {} bytes allocated for each",
        plan.count, plan.size, plan.allocation_size
    )
}

fn image(plan: &Plan) -> Option<String> {
    let fourcc = plan.fourcc.as_ref()?;
    let modifier = plan.modifier.as_deref().unwrap_or("linear");
    let stride = plan.planes.first().map(|plane| format!(", {} bytes a row", plane.stride));
    let planes = match plan.layout {
        Planes::Joint => "",
        Planes::Separate => ", each plane in a buffer of its own",
    };
    Some(format!("{fourcc}, {modifier}{}{planes}", stride.unwrap_or_default()))
}

fn sync_point(point: &SyncPoint) -> String {
    let (name, why) = (&point.participant, &point.because);
    let why = if &**why == "cpu" { "uses the CPU" } else { "does not snoop CPU caches" };
    let what = match (point.read, point.write) {
        (true, false) => "before each read",
        (false, true) => "after each write",
        _ => "around each access",
    };
    format!("caches need maintenance {what} by {name}, which {why}")
}

fn conflicts(answer: &Answer, lines: &mut Vec<String>) {
    for conflict in &answer.conflicts {
        lines.extend(conflict_lines(conflict));
    }
    if !answer.conflicts_complete {
        lines
            .push("there are further conflicts; these are the shortest that were found".to_owned());
    }
}

/// What a heap lacks that lacks nothing but room.
fn too_small(small: &TooSmall) -> String {
    let TooSmall { heap, key, bound, origin, count, bytes } = small;
    let asked = match &**key {
        "max-size" => format!("a buffer of {bytes} bytes is"),
        _ => format!("{count} × {bytes} bytes are"),
    };
    format!(
        "{heap} would serve everybody, but {asked} asked for, and it has {key} = {bound} ({origin})"
    )
}

/// Who is beyond help by copies. Where there is no heap at all, that is said already.
fn unserved(answer: &Answer) -> Option<String> {
    let offered = answer.conflicts.iter().all(|conflict| !conflict.elements.is_empty());
    let names = series(&answer.unserved, "or");
    let copies = match answer.copy_plan {
        None => "copies",
        Some(_) => "copies between heaps",
    };
    (offered && !names.is_empty())
        .then(|| format!("no heap here serves {names} even alone: {copies} do not help"))
}

/// The way out where no heap serves: another allocator.
fn exporter(exporter: &Exporter) -> Vec<String> {
    let Exporter { how, origin, plan, .. } = exporter;
    let left_out = plan.as_ref().map(|plan| series(&plan.left_out, "and"));
    let whom = match left_out.filter(|names| !names.is_empty()) {
        Some(names) => format!("everybody but {names}"),
        None => "everybody".to_owned(),
    };
    let mut lines = vec![format!(
        "{} can allocate it ({how}) and would serve {whom}: ask it, not heapq ({origin})",
        own_driver(exporter)
    )];
    if let Some(plan) = plan {
        lines.push(format!("  {}", frames(plan)));
        lines.extend(image(plan).map(|image| format!("  {image}")));
    }
    lines
}

/// `screen's own driver (amdgpu)`
fn own_driver(exporter: &Exporter) -> String {
    let driver = exporter.driver.as_ref().map(|driver| format!(" ({driver})"));
    format!("{}'s own driver{}", exporter.participant, driver.unwrap_or_default())
}

fn conflict_lines(conflict: &Conflict) -> Vec<String> {
    let mut lines = match conflict.elements.as_slice() {
        [] => vec!["this machine offers no heap that anybody could use".to_owned()],
        [_] => vec!["nothing here can satisfy this, even alone:".to_owned()],
        [_, _] => vec!["nothing here can satisfy both of these:".to_owned()],
        more => vec![format!("nothing here can satisfy these {} together:", more.len())],
    };
    lines.extend(conflict.elements.iter().map(|element| format!("  {}", needed(element))));
    lines
}

/// An element as a sentence.
fn needed(element: &Element) -> String {
    let origins = origins(&element.origins);
    let stated = &element.stated;
    if let Some(heap) = element.name.strip_prefix("heap.").filter(|_| element.participant.is_none())
    {
        return format!("heap {heap} has {stated} ({origins})");
    }
    match &element.participant {
        None => format!("the request asks for {stated} ({origins})"),
        Some(name) if element.origins == [Origin::Default] => {
            let key = element.name.strip_prefix(&format!("{name}.")).unwrap_or(&element.name);
            format!("{name} states no {key}, so the default holds: {stated} ({origins})")
        }
        Some(name) => format!("{name} needs {stated} ({origins})"),
    }
}

fn origins(origins: &[Origin]) -> String {
    let all: Vec<String> = origins.iter().map(Origin::to_string).collect();
    all.join(", ")
}

/// One line for each need that rules the heap out; one for the heap where it is the cause itself.
fn elimination(row: &Elimination, reason: &Reason) -> Vec<String> {
    let heap = &row.heap;
    let origin = &reason.heap_origin;
    let has = &reason.heap_has;
    let own = match &*reason.key {
        "absent" if has.is_empty() => {
            return reason.needs.iter().map(|need| nameless(heap, need)).collect();
        }
        "absent" => Some(format!("{heap} is not there: {has} ({origin})")),
        "not-permitted" => Some(match origin {
            Origin::Policy { .. } | Origin::Ungranted(_) => {
                format!("{heap} is there, but scarce and not granted ({origin})")
            }
            _ => format!("{heap} is there, but may not be opened ({origin})"),
        }),
        "max-size" | "capacity" if reason.asked.is_empty() => {
            Some(format!("{heap} has {has}, too little for all planes ({origin})"))
        }
        "max-size" | "capacity" => {
            Some(format!("{heap} has {has}, too little for {} ({origin})", reason.asked))
        }
        _ => None,
    };
    if let Some(own) = own {
        return vec![own];
    }
    let line = |need: &Need| {
        let Need { participant, stated, origin: said } = need;
        match &*reason.key {
            "reserved" => {
                format!("{heap} has {has} ({origin}), and {participant} has {stated} ({said})")
            }
            "heaps" | "link" | "avoid" => {
                format!("{heap} is ruled out: {participant} needs {stated} ({said})")
            }
            "apart" => format!(
                "{heap} leaves the other planes no heap: {participant} needs {stated} ({said})"
            ),
            _ => format!("{heap} has {has} ({origin}), but {participant} needs {stated} ({said})"),
        }
    };
    reason.needs.iter().map(line).collect()
}

fn nameless(name: &Name, need: &Need) -> String {
    let Need { participant, stated, origin } = need;
    format!("no heap here is called {name}: {participant} says {stated} ({origin})")
}

fn fixes(answer: &Answer, lines: &mut Vec<String>) {
    lines.extend(answer.fixes.iter().take(FIXES).map(fix));
    let further = answer.fixes.len().saturating_sub(FIXES);
    let ways = if further == 1 { "1 further way" } else { &format!("{further} further ways") };
    match (further, answer.fixes_complete) {
        (0, true) => {}
        (0, false) if answer.fixes.is_empty() => {}
        (0, false) => lines.push("there may be further ways".to_owned()),
        (_, true) => lines.push(format!("and {ways}, none of them shorter (--json has all)")),
        (_, false) => {
            lines.push(format!("and {ways} at least (--json has those that were found)"));
        }
    }
}

fn fix(fix: &Fix) -> String {
    let names: Vec<&str> = fix.elements.iter().map(|element| element.name.as_str()).collect();
    let together = match names.len() {
        1 => "",
        2 => ", both of them",
        _ => ", all of them",
    };
    let then = match (&fix.heap, fix.unsaid.as_deref()) {
        (Some(heap), _) => format!(": {heap} would serve (solved again)"),
        (None, Some("min-size")) => ", and somebody must then say how big".to_owned(),
        (None, key) => format!(", and somebody must then state {}", key.unwrap_or("more")),
    };
    format!("it would work without {}{together}{then}", listed(&names, "and"))
}

fn copies(plan: &CopyPlan) -> Vec<String> {
    let kinds = [(false, "copies"), (true, "conversions")];
    let kinds =
        kinds.into_iter().filter(|(is, _)| plan.copies.iter().any(|one| one.converts == *is));
    let kinds: Vec<&str> = kinds.map(|(_, kind)| kind).collect();
    let mut lines = vec![format!("or with {}:", kinds.join(" and "))];
    for (index, group) in plan.groups.iter().enumerate() {
        lines.push(format!("  {}", shared(group)));
        if let Some(copy) = plan.copies.get(index) {
            let bytes = match copy.bytes {
                Some(bytes) => format!("{bytes} bytes a frame"),
                None => "nobody says how many bytes a frame".to_owned(),
            };
            let kind = if copy.converts { "conversion" } else { "copy" };
            lines.push(format!("  a {kind} from {} to {}: {bytes}", copy.after, copy.before));
        }
    }
    lines
}

fn shared(group: &CopyGroup) -> String {
    let tiled = group.modifier.as_ref().filter(|modifier| &***modifier != LINEAR);
    let tiled = tiled.map(|modifier| format!(" ({modifier})")).unwrap_or_default();
    let format = group.fourcc.as_ref().map(|fourcc| format!(" as {fourcc}{tiled}"));
    let who = series(&group.participants, "and");
    let share = if group.participants.len() == 1 { "uses" } else { "share" };
    let what = match (&group.heap, &group.exporter) {
        (None, Some(exporter)) => {
            format!("what {} allocates ({})", own_driver(exporter), exporter.how)
        }
        (heap, _) => heap.as_deref().unwrap_or("nothing").to_owned(),
    };
    format!("{who} {share} {what}{}", format.unwrap_or_default())
}

fn series(names: &[Name], last: &str) -> String {
    listed(&names.iter().map(|name| &**name).collect::<Vec<_>>(), last)
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str], last: &str) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
