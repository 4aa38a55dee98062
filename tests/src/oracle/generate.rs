//! Small random questions: few heaps, few participants, few keys, values around their borders.

use super::draw::Draw;
use super::world::World;
use heapq_constraints::heap::Edge;
use heapq_constraints::question::{Alternative, Usage, Usages};
use heapq_constraints::{Constraint, Fact, Heap, Origin, Participant, Question, Request};

mod formats;
mod heaps;
mod values;

use values::{SIZES, constraint};

/// One question with the heaps it is asked of.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What the machine offers.
    pub heaps: Vec<Heap>,
    /// Stated edges.
    pub edges: Vec<Edge>,
    /// Bytes of a page.
    pub page: u64,
    /// What is asked.
    pub question: Question,
}

impl Instance {
    /// The oracle's view of the heaps.
    #[must_use]
    pub fn world(&self) -> World {
        World::new(self.heaps.clone(), self.edges.clone(), self.page)
    }
}

/// What an instance is about: few topics, so that participants meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Lists,
    Link,
    Prefer,
    Contiguous,
    Address,
    Alignment,
    Access,
    Protected,
    Count,
    Size,
    Attribute,
    Unknown,
    Format,
    Planes,
    Reserved,
    Reach,
}

use Topic::{
    Access, Address, Alignment, Attribute, Contiguous, Count, Format, Link, Lists, Planes, Prefer,
    Protected, Reach, Reserved, Size, Unknown,
};

/// Those with more to get wrong stand more often.
const TOPICS: [Topic; 22] = [
    Lists, Link, Prefer, Contiguous, Address, Alignment, Access, Access, Protected, Count, Count,
    Size, Size, Attribute, Unknown, Format, Format, Format, Planes, Planes, Reserved, Reach,
];

/// Instance `index` of the run with `seed`.
#[must_use]
pub fn instance(seed: u64, index: u64) -> Instance {
    let draw = &mut Draw::new(seed, index);
    let number = 2 + draw.below(4);
    let topics = draw.some(&TOPICS, number);
    let heaps = heaps::heaps(draw, &topics);
    let edges = heaps::edges(draw, &topics);
    let fourccs = formats::fourccs(draw, &topics);
    let names = ["p", "q", "r", "s", "t", "u"];
    let number = draw.pick(&[1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6]);
    let mut question = Question::default();
    for name in &names[..number] {
        question.participants.push(participant(draw, name, &topics, &fourccs));
    }
    question.request = request(draw, &topics);
    let mut instance =
        Instance { heaps, edges, page: draw.pick(&[4096, 4096, 4096, 16384]), question };
    size_somehow(draw, &mut instance.question);
    instance
}

fn participant(draw: &mut Draw, name: &str, topics: &[Topic], fourccs: &[&str]) -> Participant {
    let mut one = Participant::new(name);
    one.optional = draw.chance(20);
    let often = topics.contains(&Reserved) || topics.contains(&Access);
    if draw.chance(if often { 60 } else { 20 }) {
        one.usage = usages(draw);
    }
    if draw.chance(if topics.contains(&Reserved) { 50 } else { 5 }) {
        one.driver = Some(draw.pick(&["vpu", "isp"]).into());
    }
    let picture =
        topics.iter().find(|it| matches!(it, Format | Planes)).filter(|_| draw.chance(75));
    let others = draw.below(if picture.is_some() { 3 } else { 4 });
    let drawn: Vec<Topic> = (0..others).map(|_| draw.pick(topics)).collect();
    for topic in picture.copied().into_iter().chain(drawn) {
        if let Some(constraint) = constraint(draw, topic, fourccs) {
            let again = one.facts.iter().any(|fact| fact.constraint.key() == constraint.key());
            // A second fact of one key can come from a policy only.
            if !again || draw.chance(10) {
                one.facts.push(fact(constraint));
            }
        }
    }
    if draw.chance(35) {
        one.alternatives = alternatives(draw, &one, topics, fourccs);
    }
    one
}

fn fact(constraint: Constraint) -> Fact {
    Fact { constraint, origin: Origin::Client }
}

fn alternatives(
    draw: &mut Draw,
    one: &Participant,
    topics: &[Topic],
    fourccs: &[&str],
) -> Vec<Alternative> {
    let beside: Vec<String> = one.facts.iter().map(|fact| fact.constraint.key()).collect();
    let mut tables: Vec<Alternative> = Vec::new();
    let words = draw.chance(20) && one.usage == Usages::default();
    for _ in 0..draw.pick(&[1, 2, 2, 3]) {
        let mut table: Vec<Fact> = Vec::new();
        for _ in 0..draw.pick(&[0, 0, 1, 1, 1, 2]) {
            let topic = draw.pick(topics);
            let Some(drawn) = constraint(draw, topic, fourccs) else { continue };
            let key = drawn.key();
            let again = table.iter().any(|fact| fact.constraint.key() == key);
            if !again && !beside.contains(&key) {
                table.push(fact(drawn));
            }
        }
        let usage = if words && draw.chance(70) { usages(draw) } else { Usages::default() };
        tables.push(Alternative { usage, driver: None, facts: table });
    }
    tables
}

fn usages(draw: &mut Draw) -> Usages {
    let words = [Usage::CpuRead, Usage::CpuRead, Usage::CpuWrite, Usage::Decode, Usage::Scanout];
    let number = draw.pick(&[1, 1, 2]);
    draw.some(&words, number).into_iter().collect()
}

fn request(draw: &mut Draw, topics: &[Topic]) -> Request {
    let mut request = Request::default();
    if topics.contains(&Count) && draw.chance(20) {
        request.seed_count = Some(draw.pick(&[0, 1, 2, 5, u32::MAX]));
    }
    if topics.contains(&Unknown) {
        request.strict = draw.chance(30);
    }
    if topics.contains(&Size) || draw.chance(5) {
        request.limit_buffer = draw.chance(25).then(|| draw.pick(&SIZES));
        request.limit_total = draw.chance(25).then(|| draw.pick(&SIZES));
    }
    request
}

/// Most questions say how big; a few leave it open.
fn size_somehow(draw: &mut Draw, question: &mut Question) {
    let sized = question
        .participants
        .iter()
        .flat_map(|one| &one.facts)
        .any(|fact| matches!(fact.constraint, Constraint::MinSize(size) if size > 0));
    let first = draw.below(question.participants.len());
    let one = &mut question.participants[first];
    let free = one
        .alternatives
        .iter()
        .flat_map(|table| &table.facts)
        .all(|fact| fact.constraint.kind() != "min-size")
        && one.facts.iter().all(|fact| fact.constraint.kind() != "min-size");
    if !sized && free && draw.chance(94) {
        one.facts.push(fact(Constraint::MinSize(draw.pick(&[1, 4096, 10000]))));
    }
}
