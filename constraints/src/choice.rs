//! What a question leaves open to one participant, before anything is decided: its uses, and which
//! pixel formats, extents and sizes its buffers can still have.

use crate::fact::{FormatEntry, Pick};
use crate::layout;
use crate::question::{Alternative, Usages};
use crate::vocabulary::modifier_key;
use crate::{Constraint, Fact, Name, Participant, Question};

/// What one participant may still choose, by what the question asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    usage: Usages,
    asked: Option<Asked<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    question: &'a Question,
    participant: &'a Participant,
    table: Option<&'a Alternative>,
}

/// A form of buffers that a rule speaks of. What is empty or `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// DRM fourccs, one of which it has.
    pub fourccs: Vec<Name>,
    /// Modifiers, one of which it has.
    pub modifiers: Vec<Name>,
    /// Pixels: it is at least so wide and so high.
    pub min_extent: Option<[u32; 2]>,
    /// Bytes: one buffer has at least so many.
    pub min_size: Option<u64>,
}

impl From<Usages> for Choice<'_> {
    /// These uses, and whatever form.
    fn from(usage: Usages) -> Self {
        Self { usage, asked: None }
    }
}

impl<'a> Choice<'a> {
    /// What `participant`, one of `question`'s, may choose with one `table` of its alternatives.
    #[must_use]
    pub fn of(
        question: &'a Question,
        participant: &'a Participant,
        table: Option<&'a Alternative>,
    ) -> Self {
        let further = table.map(|table| table.usage).unwrap_or_default();
        let asked = Some(Asked { question, participant, table });
        Self { usage: participant.usage.union(further), asked }
    }

    /// What it does with a buffer.
    #[must_use]
    pub fn usage(&self) -> Usages {
        self.usage
    }

    /// Whether its buffers can still have this form. What nobody says is open: no form is ruled out
    /// that may come.
    #[must_use]
    pub fn allows(&self, form: &Form) -> bool {
        let Some(asked) = self.asked else { return true };
        let entries = asked.entries();
        if entries.is_empty() {
            return form.min_size.is_none_or(|least| asked.bytes(0) >= least);
        }
        entries.into_iter().any(|entry| form.is_open_to(entry) && asked.is_as_large(entry, form))
    }
}

impl Form {
    fn is_open_to(&self, entry: &FormatEntry) -> bool {
        let fourcc = match &entry.fourcc {
            Pick::Any => true,
            Pick::One(code) => self.fourccs.is_empty() || self.fourccs.contains(code),
        };
        let modifier = |pick: &Pick| match pick {
            Pick::Any => true,
            Pick::One(name) => {
                self.modifiers.iter().any(|one| modifier_key(one) == modifier_key(name))
            }
        };
        fourcc && (self.modifiers.is_empty() || entry.modifiers.iter().any(modifier))
    }
}

impl<'a> Asked<'a> {
    /// The entries of which one will be chosen: the participant's own, else anybody's.
    fn entries(&self) -> Vec<&'a FormatEntry> {
        let own: Vec<_> = self.own().flat_map(entries_of).collect();
        if own.is_empty() { self.all().flat_map(entries_of).collect() } else { own }
    }

    fn own(&self) -> impl Iterator<Item = &'a Fact> {
        let inside = self.table.map(|table| table.facts.as_slice()).unwrap_or_default();
        self.participant.facts.iter().chain(inside)
    }

    /// What anybody says, whatever is chosen.
    fn all(&self) -> impl Iterator<Item = &'a Fact> {
        self.question.participants.iter().flat_map(|one| {
            one.facts.iter().chain(one.alternatives.iter().flat_map(|table| &table.facts))
        })
    }

    /// Whether an image by `entry` can be as large as `form` is at least.
    fn is_as_large(&self, entry: &FormatEntry, form: &Form) -> bool {
        let extent = self.extent(entry);
        let wide = |[width, height]: [u32; 2]| width <= extent[0] && height <= extent[1];
        let image = || {
            let codes = match &entry.fourcc {
                Pick::One(code) => std::slice::from_ref(code),
                Pick::Any => form.fourccs.as_slice(),
            };
            // Of any extent: then it says nothing. Of any format: then it may be of any size.
            if extent.contains(&u32::MAX) {
                return 0;
            }
            codes.iter().map(|code| layout::bytes(code, extent)).max().unwrap_or(u64::MAX)
        };
        form.min_extent.is_none_or(wide)
            && form.min_size.is_none_or(|least| self.bytes(image()) >= least)
    }

    /// The largest image that anybody asks for who may choose the format of `entry`, as far as that
    /// goes so far; the largest there is where nobody says.
    fn extent(&self, entry: &FormatEntry) -> [u32; 2] {
        let same = |other: &&FormatEntry| match (&entry.fourcc, &other.fourcc) {
            (Pick::One(one), Pick::One(other)) => one == other,
            _ => true,
        };
        let stated = self.all().flat_map(entries_of).filter(same);
        let extents = stated.flat_map(|entry| entry.must_fit.iter().chain(&entry.min_extent));
        let largest = extents.copied().reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])]);
        let [width, height] = largest.unwrap_or([u32::MAX; 2]);
        let most = entry.max_extent.unwrap_or([u32::MAX; 2]);
        [width.min(most[0]), height.min(most[1])]
    }

    /// The most bytes that one buffer is asked to have, for an `image` of so many; all there are
    /// where nobody says how big.
    fn bytes(&self, image: u64) -> u64 {
        let stated = self.all().filter_map(|fact| match fact.constraint {
            Constraint::MinSize(bytes) => Some(bytes),
            _ => None,
        });
        let asked = stated.max().unwrap_or(0).max(image);
        let most = self.own().filter_map(|fact| match fact.constraint {
            Constraint::MaxSize(bytes) => Some(bytes),
            _ => None,
        });
        (if asked == 0 { u64::MAX } else { asked }).min(most.min().unwrap_or(u64::MAX))
    }
}

fn entries_of(fact: &Fact) -> &[FormatEntry] {
    match &fact.constraint {
        Constraint::Format(entries) => entries,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Node, Table, Value};
    use crate::{Origin, vocabulary};

    fn text(text: &str) -> Node {
        Node::new(Value::Text(text.to_owned()))
    }

    fn pair(extent: [i128; 2]) -> Value {
        Value::List(extent.map(|side| Node::new(Value::Integer(side))).to_vec())
    }

    /// One format: fourcc, modifiers, `min-extent`, `max-extent`; zeros are unsaid.
    type Entry<'t> = (&'t str, &'t [&'t str], [i128; 2], [i128; 2]);

    fn format(entries: &[Entry<'_>]) -> Fact {
        let entries = entries.iter().map(|(fourcc, modifiers, least, most)| {
            let mut table = Table::default();
            table.push("fourcc", text(fourcc).value);
            if !modifiers.is_empty() {
                let modifiers = modifiers.iter().map(|name| text(name)).collect();
                table.push("modifiers", Value::List(modifiers));
            }
            for (key, extent) in [("min-extent", least), ("max-extent", most)] {
                if *extent != [0, 0] {
                    table.push(key, pair(*extent));
                }
            }
            Node::new(Value::Table(table))
        });
        let mut stated = Table::default();
        stated.push("format", Value::List(entries.collect()));
        vocabulary::facts(&stated, "P", &|_| Origin::Client).unwrap().remove(0)
    }

    fn size(constraint: Constraint) -> Fact {
        Fact { constraint, origin: Origin::Client }
    }

    fn allows(participants: &[Vec<Fact>], form: &Form) -> bool {
        let participants = participants
            .iter()
            .map(|facts| Participant { facts: facts.clone(), ..Participant::new("p") });
        let question = Question { participants: participants.collect(), ..Question::default() };
        Choice::of(&question, &question.participants[0], None).allows(form)
    }

    fn fourcc(code: &str) -> Form {
        Form { fourccs: vec![code.into()], ..Form::default() }
    }

    fn modifier(name: &str) -> Form {
        Form { modifiers: vec![name.into()], ..Form::default() }
    }

    fn extent(extent: [u32; 2]) -> Form {
        Form { min_extent: Some(extent), ..Form::default() }
    }

    fn bytes(bytes: u64) -> Form {
        Form { min_size: Some(bytes), ..Form::default() }
    }

    #[test]
    fn a_form_is_open_until_somebody_rules_it_out() {
        let none = [0, 0];
        let hd = [1920, 1080];
        let nv12 = format(&[("NV12", &[], none, none)]);
        let hd_nv12 = format(&[("NV12", &[], hd, none)]);
        let either =
            format(&[("NV12", &[], none, [1280, 720]), ("XR24", &["0x08", "*"], hd, none)]);
        let any = format(&[("*", &["linear", "0x8"], none, none)]);
        for (participants, form, expected) in [
            // Nobody says anything, or nothing of formats.
            (vec![vec![]], fourcc("NV12"), true),
            (vec![vec![]], bytes(1 << 40), true),
            (vec![vec![size(Constraint::MinSize(4096))]], bytes(4096), true),
            (vec![vec![size(Constraint::MinSize(4096))]], bytes(4097), false),
            (vec![vec![], vec![size(Constraint::MinSize(8192))]], bytes(4097), true),
            (vec![vec![size(Constraint::MaxSize(4096))]], bytes(4097), false),
            // Its own formats count, others' only where it has none.
            (vec![vec![nv12.clone()]], fourcc("XR24"), false),
            (vec![vec![nv12.clone()], vec![either.clone()]], fourcc("XR24"), false),
            (vec![vec![], vec![nv12.clone()]], fourcc("XR24"), false),
            (vec![vec![], vec![either.clone()]], fourcc("XR24"), true),
            (vec![vec![any.clone()]], fourcc("XR24"), true),
            // Modifiers are the same in all their spellings; absent ones are linear.
            (vec![vec![any.clone()]], modifier("0x0000000000000008"), true),
            (vec![vec![any]], modifier("0x9"), false),
            (vec![vec![nv12.clone()]], modifier("0x0"), true),
            (vec![vec![nv12.clone()]], modifier("0x8"), false),
            (vec![vec![either.clone()]], modifier("0x9"), true),
            // Extents are those that somebody asks for, within its own bounds.
            (vec![vec![nv12.clone()]], extent([4096, 1]), true),
            (vec![vec![nv12.clone()], vec![hd_nv12.clone()]], extent([1920, 1080]), true),
            (vec![vec![nv12.clone()], vec![hd_nv12.clone()]], extent([1921, 1]), false),
            (vec![vec![nv12], vec![either.clone()]], extent([1920, 1]), true),
            (vec![vec![either.clone()], vec![hd_nv12.clone()]], extent([1920, 1]), true),
            // All of one table in one entry: NV12 is narrow here.
            (
                vec![vec![either.clone()], vec![hd_nv12.clone()]],
                Form { min_extent: Some([1281, 1]), ..fourcc("NV12") },
                false,
            ),
            // Sizes follow from extents.
            (vec![vec![hd_nv12.clone()]], bytes(3_110_400), true),
            (vec![vec![hd_nv12.clone()]], bytes(3_110_401), false),
            (vec![vec![hd_nv12, size(Constraint::MinSize(4 << 20))]], bytes(4 << 20), true),
            (vec![vec![format(&[("MJPG", &[], hd, none)])]], bytes(1 << 30), true),
        ] {
            assert_eq!(allows(&participants, &form), expected, "{participants:?} {form:?}");
        }
    }

    #[test]
    fn an_alternative_has_its_own_uses_and_formats() {
        let mut participant = Participant::new("p");
        let of = |code| Alternative {
            facts: vec![format(&[(code, &[], [0, 0], [0, 0])])],
            ..Alternative::default()
        };
        participant.alternatives = vec![of("NV12"), of("XR24")];
        let question = Question { participants: vec![participant], ..Question::default() };
        let participant = &question.participants[0];
        let choice =
            |table| Choice::of(&question, participant, participant.alternatives.get(table));
        assert!(choice(0).allows(&fourcc("NV12")) && !choice(0).allows(&fourcc("XR24")));
        assert!(choice(1).allows(&fourcc("XR24")) && !choice(1).allows(&fourcc("NV12")));
    }
}
