//! Whatever happens in whatever order: everybody has the same buffers, nobody who is in is harmed,
//! nobody waits for ever, and in the end nothing is left.

use super::*;
use heapq_constraints::terms::Awaited;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens next, to the participant of that number (modulo how many there are).
#[derive(Clone, Debug)]
enum Happens {
    Join(Needs),
    State(usize, Needs),
    Ready(usize),
    Grow(usize, u32),
    Shrink(usize, u32),
    Fetch(usize),
    Leave(usize),
    Lose(usize),
    Pass(u64),
    /// The job that was started ends.
    Carry,
    /// A heap gives nothing any more, or gives again.
    Exhaust(bool),
}

#[derive(Clone, Copy, Debug)]
struct Needs {
    contiguous: bool,
    scattered: bool,
    held: u32,
    most: Option<u32>,
    optional: bool,
    dispensable: bool,
    silent: bool,
}

fn needs() -> impl Strategy<Value = Needs> {
    let one_in = |many: u32| (0..many).prop_map(|drawn| drawn == 0);
    let most = proptest::option::weighted(0.2, 1_u32..8);
    (one_in(4), one_in(8), 0_u32..4, most, one_in(5), one_in(3), one_in(6)).prop_map(
        |(contiguous, scattered, held, most, optional, dispensable, silent)| Needs {
            contiguous,
            scattered,
            held,
            most,
            optional,
            dispensable,
            silent,
        },
    )
}

impl Needs {
    fn member(self, name: &str) -> Member {
        let mut all = vec![Constraint::MinSize(PAGE), Constraint::Held(self.held)];
        all.extend(self.most.map(Constraint::MaxCount));
        if self.contiguous {
            all.push(Constraint::Contiguous(true));
        }
        if self.scattered {
            all.push(Constraint::Heaps(vec!["system".into()]));
        }
        let mut member = member(name, if self.silent { &[] } else { &all });
        member.participant.optional = self.optional;
        member.dispensable = self.dispensable;
        member
    }

    /// Whether frames of this number, contiguous or not, are what it said it needs.
    fn satisfied(self, contiguous: bool, frames: u32) -> bool {
        self.silent
            || ((contiguous || !self.contiguous)
                && !(contiguous && self.scattered)
                && frames >= self.held
                && self.most.is_none_or(|most| frames <= most))
    }
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => needs().prop_map(Happens::Join),
        1 => (0..8_usize, needs()).prop_map(|(who, needs)| Happens::State(who, needs)),
        6 => (0..8_usize).prop_map(Happens::Ready),
        2 => (0..8_usize, 1..4_u32).prop_map(|(who, frames)| Happens::Grow(who, frames)),
        2 => (0..8_usize, 1..4_u32).prop_map(|(who, frames)| Happens::Shrink(who, frames)),
        2 => (0..8_usize).prop_map(Happens::Fetch),
        1 => (0..8_usize).prop_map(Happens::Leave),
        1 => (0..8_usize).prop_map(Happens::Lose),
        1 => (0..4000_u64).prop_map(Happens::Pass),
        8 => Just(Happens::Carry),
        1 => any::<bool>().prop_map(Happens::Exhaust),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let awaited = prop_oneof![
        Just(Awaited::Creator),
        (1..4_u32).prop_map(Awaited::Count),
        Just(Awaited::Names(vec!["p1".into(), "p2".into()])),
    ];
    (awaited, any::<bool>(), any::<bool>()).prop_map(|(awaited, migrate, shared_fate)| Terms {
        awaited,
        migrate,
        shared_fate,
        ..Terms::default()
    })
}

struct Play {
    world: World,
    fake: Fake,
    token: Token,
    seats: Vec<(Seat, Needs)>,
    joined: usize,
    /// By lease: the inodes, as anybody saw them.
    seen: BTreeMap<u64, Vec<u64>>,
}

impl Play {
    fn new(terms: Terms) -> Self {
        let fake = Fake::default();
        let mut world = World::with(fake.clone());
        let (creator, token) = world.create("p0", terms);
        let silent = Needs {
            contiguous: false,
            scattered: false,
            held: 0,
            most: None,
            optional: false,
            dispensable: false,
            silent: true,
        };
        Self {
            world,
            fake,
            token,
            seats: vec![(creator, silent)],
            joined: 0,
            seen: BTreeMap::new(),
        }
    }

    /// The participant of that number.
    fn pick(&self, who: usize) -> Option<usize> {
        who.checked_rem(self.seats.len())
    }

    fn act(&mut self, who: usize, action: Action) -> bool {
        let Some(at) = self.pick(who) else { return false };
        let seat = self.seats[at].0.clone();
        // What is not possible is refused.
        self.world.act(&seat, action).is_ok()
    }

    fn happen(&mut self, what: Happens) {
        match what {
            Happens::Join(needs) => self.join(needs),
            Happens::State(who, needs) => self.state(who, needs),
            Happens::Ready(who) => drop(self.act(who, Action::Ready)),
            Happens::Grow(who, frames) => drop(self.act(who, Action::Grow(frames))),
            Happens::Shrink(who, frames) => drop(self.act(who, Action::Shrink(frames))),
            Happens::Fetch(who) => {
                if let Some(at) = self.pick(who) {
                    let seat = self.seats[at].0.clone();
                    if self.world.view(&seat).buffers.is_some() {
                        self.world.buffers(&seat);
                    }
                }
            }
            Happens::Leave(who) => self.go(who, World::leave),
            Happens::Lose(who) => self.go(who, World::lose),
            Happens::Pass(milliseconds) => {
                self.world.now += Duration::from_millis(milliseconds);
                self.act(0, Action::Time);
            }
            Happens::Carry => {
                if let Some(work) = self.world.works.pop_front() {
                    let now = self.world.now;
                    self.world.works.extend(self.world.broker.carry_out(work, || now));
                }
            }
            Happens::Exhaust(yes) => self.fake.exhaust("system", yes),
        }
    }

    fn join(&mut self, needs: Needs) {
        self.joined += 1;
        let name = format!("p{}", self.joined);
        if let Ok(seat) = self.world.join(&name, &self.token.clone(), needs.member(&name)) {
            self.seats.push((seat, needs));
        }
    }

    fn state(&mut self, who: usize, needs: Needs) {
        let Some(at) = self.pick(who) else { return };
        let name = self.world.view(&self.seats[at].0).name;
        if self.act(at, Action::State(Box::new(needs.member(&name)))) {
            self.seats[at].1 = needs;
        }
    }

    fn go(&mut self, who: usize, how: impl FnOnce(&mut World, &Seat)) {
        if let Some(at) = self.pick(who) {
            let (seat, _) = self.seats.remove(at);
            how(&mut self.world, &seat);
        }
    }

    /// What must hold at every moment.
    fn check(&mut self) {
        assert!(self.world.works.len() <= 1, "two jobs at a time");
        assert!(self.world.usage().len() <= 2, "more than two generations");
        for (seat, needs) in self.seats.clone() {
            let view = self.world.view(&seat);
            let Some(buffers) = view.buffers else { continue };
            let contiguous = buffers.allocation.chosen().unwrap().contiguous;
            // After others left and shrank there is still what it needs.
            assert!(
                needs.satisfied(contiguous, buffers.frames),
                "{needs:?}: {} frames",
                buffers.frames
            );
            let lease = buffers.lease;
            let inodes = self.peek(lease);
            assert_eq!(inodes.len(), usize::try_from(buffers.frames).unwrap());
            let known = self.seen.entry(lease).or_insert_with(|| inodes.clone());
            // Frames are added and taken away at the end only.
            let common = known.len().min(inodes.len());
            assert_eq!(known[..common], inodes[..common]);
            *known = inodes;
        }
    }

    /// The inodes of a lease, without fetching them for anybody.
    fn peek(&self, lease: u64) -> Vec<u64> {
        self.world.broker.collections.lock().peek(lease).iter().map(inode).collect()
    }

    /// Lets all jobs end. Frames may go with one and others come with the next.
    fn settle(&mut self) {
        self.check();
        while !self.world.works.is_empty() {
            self.happen(Happens::Carry);
            self.check();
        }
    }

    /// After some time without anything else, everybody has buffers or has failed.
    fn end(mut self) {
        for _ in 0..3 {
            self.settle();
            self.world.now += Duration::from_secs(10);
            self.act(0, Action::Time);
            self.settle();
        }
        for (seat, _) in &self.seats {
            let view = self.world.view(seat);
            assert!(matches!(view.phase, Phase::Allocated | Phase::Failed), "{view:?}");
            assert_eq!(view.deadline, None);
        }
        while !self.seats.is_empty() {
            self.go(
                self.seats.len() / 2,
                if self.seats.len().is_multiple_of(2) { World::leave } else { World::lose },
            );
        }
        self.world.settle();
        assert!(self.world.is_clean());
    }
}

proptest! {
    #[test]
    fn whatever_happens(terms in terms(), course in proptest::collection::vec(happens(), 1..60)) {
        let mut play = Play::new(terms);
        for what in course {
            play.happen(what);
            play.check();
        }
        play.end();
    }
}
