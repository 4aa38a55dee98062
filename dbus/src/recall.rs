//! Questions that were answered with a plan, byte by byte as they came, and what was found: who asks
//! the same again is not read, completed and solved again.
//!
//! Nothing that depends on the moment is in here: charges, leases and memory are looked at anew each
//! time, and [`Broker::holds`](heapq_allocator::Broker::holds) says whether the answer still is what
//! would be found. What is asked once is not kept: it may never be asked again. There is room for so
//! many; of whoever has the most the one goes that was not asked for the longest, so nobody's
//! questions push out those of somebody who asks less.

use crate::error::Error;
use crate::wire::{Asked, Entries, Options, Participants};
use heapq_allocator::{AskError, Broker, Holder, Solved};
use heapq_constraints::Question;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use zbus::message::Body;
use zbus::wire::{Endian, Type};

/// Questions that are kept.
const ENTRIES: usize = 64;
/// Longest of them, in bytes.
const QUESTION: usize = 1024;
/// What an answer may be made of, see [`Solved::parts`].
const PARTS: usize = 64;

/// An answer.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) solved: Solved,
    /// What every reply says that gives what it plans, once it was given again.
    pub(crate) said: OnceLock<Entries>,
    /// How many buffers it gives in no time.
    pub(crate) quick: Option<usize>,
}

impl Known {
    /// From what `solve` makes of what is asked: [`Broker::solve`] or [`Broker::solve_unexplained`].
    ///
    /// # Errors
    /// Those of `solve`, and what the question says that is none.
    pub(crate) fn find(
        broker: &Broker,
        asked: &Asked,
        solve: impl FnOnce(Question) -> Result<Solved, AskError>,
    ) -> Result<Arc<Self>, Error> {
        let question = asked.question().map_err(|complaints| Error::invalid(&complaints))?;
        let solved = solve(question)?;
        let quick = broker.quick(&solved);
        Ok(Arc::new(Self { solved, said: OnceLock::new(), quick }))
    }
}

/// A question that can be kept, of one user: what another finds for it may be another answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'q> {
    pub(crate) bytes: &'q [u8],
    uid: u32,
    hash: u64,
}

/// The questions.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct State {
    /// By the hashes of user and bytes: of two with the same hash one is kept.
    known: BTreeMap<u64, Entry>,
    /// How many each client brought, by user.
    brought: BTreeMap<u32, BTreeMap<Holder, usize>>,
    asked: u64,
    /// Hashes of the last questions that were not kept.
    fresh: VecDeque<u64>,
}

#[derive(Debug)]
struct Entry {
    question: Box<[u8]>,
    known: Arc<Known>,
    by: (u32, Holder),
    /// When it was asked last, in questions.
    last: u64,
}

/// The bytes of a question that is short, if they say all that it means. Those in another order or of
/// another type mean something else, and those of a descriptor do not say which.
fn bytes(question: &Body) -> Option<&[u8]> {
    let data = question.data();
    let ours = data.context().endian() == Endian::native()
        && question.signature() == <(Participants, Options)>::SIGNATURE;
    (ours && data.fds().is_empty() && data.len() <= QUESTION).then(|| data.bytes())
}

impl Recall {
    /// `None`: it cannot be kept.
    pub(crate) fn key<'q>(&self, question: &'q Body, uid: u32) -> Option<Key<'q>> {
        let bytes = bytes(question)?;
        Some(Key { bytes, uid, hash: self.hasher.hash_one((uid, bytes)) })
    }

    /// What was found for the same question.
    pub(crate) fn find(&self, question: Key<'_>) -> Option<Arc<Known>> {
        let mut state = self.lock();
        state.asked += 1;
        let asked = state.asked;
        let entry = state.known.get_mut(&question.hash)?;
        if (entry.by.0, &*entry.question) != (question.uid, question.bytes) {
            return None;
        }
        entry.last = asked;
        Some(entry.known.clone())
    }

    /// Keeps what was found for a client of the user, where that is a plan of moderate size and was
    /// found before.
    pub(crate) fn keep(&self, question: Key<'_>, client: &Holder, known: &Arc<Known>) {
        let moderate = known.solved.parts().is_some_and(|parts| parts <= PARTS);
        let mut state = self.lock();
        if !moderate || state.is_fresh(question.hash) {
            return;
        }
        state.forget(question.hash);
        while state.known.len() >= ENTRIES {
            let Some(oldest) = state.oldest() else { return };
            state.forget(oldest);
        }
        let of_user = state.brought.entry(question.uid).or_default();
        *of_user.entry(client.clone()).or_default() += 1;
        let (by, last) = ((question.uid, client.clone()), state.asked);
        let entry = Entry { question: question.bytes.into(), known: known.clone(), by, last };
        state.known.insert(question.hash, entry);
    }

    /// Forgets everything: the machine or the policies are others.
    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a question was not asked lately; now it was.
    fn is_fresh(&mut self, hash: u64) -> bool {
        if self.fresh.contains(&hash) {
            return false;
        }
        self.fresh.truncate(ENTRIES - 1);
        self.fresh.push_front(hash);
        true
    }

    fn forget(&mut self, hash: u64) {
        let Some(Entry { by: (uid, client), .. }) = self.known.remove(&hash) else { return };
        let Some(of_user) = self.brought.get_mut(&uid) else { return };
        if let Some(count) = of_user.get_mut(&client) {
            *count -= 1;
        }
        of_user.retain(|_, count| *count > 0);
        if of_user.is_empty() {
            self.brought.remove(&uid);
        }
    }

    /// Of the user who brought the most, the client who did, and of it the one not asked for the
    /// longest.
    fn oldest(&self) -> Option<u64> {
        let most = |of_user: &BTreeMap<Holder, usize>| of_user.values().sum::<usize>();
        let (uid, of_user) = self.brought.iter().max_by_key(|(_, of_user)| most(of_user))?;
        let (client, _) = of_user.iter().max_by_key(|(_, count)| **count)?;
        let theirs = self.known.iter().filter(|(_, one)| one.by.0 == *uid && one.by.1 == *client);
        theirs.min_by_key(|(_, one)| one.last).map(|(hash, _)| *hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heapq_allocator::{Caller, Config, Observation};
    use heapq_constraints::value::{Table, Value};
    use std::collections::HashMap;
    use zbus::Variant;
    use zbus::message::Message;
    use zbus::wire::{BE, LE};

    /// A broker of a machine with stand-ins, on which everybody may allocate.
    fn broker() -> Broker {
        let dir = tempfile::tempdir().unwrap();
        let grant = "[[grant]]\nusers = \"*\"\nallocate = true\n";
        std::fs::write(dir.path().join("50-grant.toml"), grant).unwrap();
        let config = Config {
            board: Some(Observation::default().into()),
            policy_dirs: vec![dir.path().to_owned()],
            stand_in: true,
            ..Config::default()
        };
        Broker::open(config).unwrap().0
    }

    fn known(broker: &Broker) -> Arc<Known> {
        let mut camera = Table::default();
        camera.push("name", Value::Text("camera".into()));
        camera.push("min-size", Value::Integer(4096));
        let asked = Asked { participants: vec![camera], ..Asked::default() };
        Known::find(broker, &asked, |question| broker.solve(&Caller::myself(), question)).unwrap()
    }

    fn asking(endian: Endian, name: Variant<'_>) -> Body {
        let camera = HashMap::from([("name", name)]);
        let question = (vec![camera], HashMap::<&str, Variant<'_>>::new());
        let call = Message::method_call("/", "Allocate").endian(endian);
        call.build(&question).unwrap().body()
    }

    fn question(number: u64) -> Body {
        asking(Endian::native(), Variant::U64(number))
    }

    fn find(recall: &Recall, uid: u32, question: &Body) -> Option<Arc<Known>> {
        recall.find(recall.key(question, uid)?)
    }

    fn keep_once(recall: &Recall, question: &Body, uid: u32, client: &Holder, known: &Arc<Known>) {
        recall.key(question, uid).into_iter().for_each(|key| recall.keep(key, client, known));
    }

    /// Asks twice.
    fn keep(recall: &Recall, question: &Body, uid: u32, client: &Holder, known: &Arc<Known>) {
        keep_once(recall, question, uid, client, known);
        keep_once(recall, question, uid, client, known);
    }

    #[test]
    fn what_is_kept_is_found_by_its_bytes_until_it_is_forgotten() {
        let (recall, known) = (Recall::default(), known(&broker()));
        let client = Holder::new(":1.1");
        keep_once(&recall, &question(1), 7, &client, &known);
        assert!(find(&recall, 7, &question(1)).is_none(), "it may never be asked again");
        keep_once(&recall, &question(1), 7, &client, &known);
        assert!(Arc::ptr_eq(&find(&recall, 7, &question(1)).unwrap(), &known));
        assert!(find(&recall, 7, &question(2)).is_none());
        assert!(find(&recall, 8, &question(1)).is_none(), "it is another user's");
        let long = asking(Endian::native(), Variant::from("x".repeat(QUESTION)));
        keep(&recall, &long, 7, &client, &known);
        assert!(find(&recall, 7, &long).is_none());
        recall.clear();
        assert!(find(&recall, 7, &question(1)).is_none());
        assert!(recall.lock().brought.is_empty());
    }

    #[test]
    fn the_same_bytes_of_another_order_or_type_are_another_question() {
        let (recall, known) = (Recall::default(), known(&broker()));
        let other = if Endian::native() == LE { BE } else { LE };
        let number = Message::method_call("/", "Allocate").build(&1_u64).unwrap().body();
        for foreign in [asking(other, Variant::U64(1)), number] {
            keep(&recall, &foreign, 7, &Holder::new(":1.1"), &known);
            assert!(find(&recall, 7, &foreign).is_none());
        }
        assert!(recall.lock().known.is_empty());
    }

    #[test]
    fn who_asks_ever_new_questions_pushes_out_its_own() {
        let (recall, known) = (Recall::default(), known(&broker()));
        let (quiet, same, other) = (Holder::new(":1.1"), Holder::new(":1.2"), Holder::new(":1.3"));
        for number in 0..3 {
            keep(&recall, &question(number), 7, &quiet, &known);
            keep(&recall, &question(10 + number), 8, &other, &known);
        }
        for number in 100..1000 {
            keep(&recall, &question(number), 7, &same, &known);
            assert!(find(&recall, 7, &question(100)).is_some(), "it is asked again and again");
        }
        for (uid, number) in [(7, 0), (7, 1), (7, 2), (8, 10), (8, 11), (8, 12), (7, 999)] {
            assert!(find(&recall, uid, &question(number)).is_some(), "{number}");
        }
        assert!(find(&recall, 7, &question(500)).is_none());
        let state = recall.lock();
        assert_eq!(state.known.len(), ENTRIES);
        let brought: usize = state.brought.values().flat_map(BTreeMap::values).sum();
        assert_eq!(brought, ENTRIES);
    }
}
