//! Whose turn it is, where many want to work and few can: of those who wait, the one who has had
//! the least time so far. Users are weighed against each other, and in each the clients; who asks
//! for little hardly waits for those who ask for much.
//!
//! This is fair queueing by start times: each user has a clock that its work moves on, and who
//! comes, or comes back, sets out from the time of who was served last, not from zero.

use heapq_allocator::Holder;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Clients of one user that are remembered though they neither wait nor work.
const REMEMBERED: usize = 64;

/// So many may work at a time, and so many of them for one user.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    of_a_user: usize,
    users: Mutex<Users>,
}

type Users = Queue<u32, Queue<Holder, VecDeque<oneshot::Sender<Turn>>>>;

/// Those who wait or work, by their clocks.
#[derive(Debug)]
struct Queue<K, W> {
    /// The clock of who was served last.
    now: Duration,
    working: usize,
    parties: BTreeMap<K, Party<W>>,
}

#[derive(Debug)]
struct Party<W> {
    clock: Duration,
    working: usize,
    waiting: W,
}

/// Whether anybody waits.
trait Waiting: Default {
    fn any(&self) -> bool;
}

impl<T> Waiting for VecDeque<T> {
    fn any(&self) -> bool {
        !self.is_empty()
    }
}

impl<K, W> Default for Queue<K, W> {
    fn default() -> Self {
        Self { now: Duration::ZERO, working: 0, parties: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, W: Waiting> Waiting for Queue<K, W> {
    fn any(&self) -> bool {
        self.parties.values().any(|party| party.waiting.any())
    }
}

impl<K: Ord + Clone, W: Waiting> Queue<K, W> {
    fn enter(&mut self, key: &K) -> &mut W {
        let now = self.now;
        let fresh = || Party { clock: now, working: 0, waiting: W::default() };
        let party = self.parties.entry(key.clone()).or_insert_with(fresh);
        if party.working == 0 && !party.waiting.any() {
            party.clock = party.clock.max(now);
        }
        &mut party.waiting
    }

    /// Who is next of those of whom less than `most` work.
    fn next(&mut self, most: usize) -> Option<(K, &mut W)> {
        let ready = |party: &Party<W>| party.working < most && party.waiting.any();
        let waiting = self.parties.iter_mut().filter(|(_, party)| ready(party));
        let (key, party) = waiting.min_by_key(|(_, party)| party.clock)?;
        self.now = self.now.max(party.clock);
        self.working += 1;
        party.working += 1;
        Some((key.clone(), &mut party.waiting))
    }

    /// Notes the end of a turn, and passes over those of whom nothing need be remembered.
    fn end(&mut self, key: &K, took: Duration) {
        self.working = self.working.saturating_sub(1);
        if let Some(party) = self.parties.get_mut(key) {
            party.working = party.working.saturating_sub(1);
            party.clock += took;
        }
        let busy = |party: &Party<W>| party.working > 0 || party.waiting.any();
        let idle = self.parties.values().filter(|party| !busy(party)).count();
        if idle > REMEMBERED || idle == self.parties.len() {
            self.parties.retain(|_, party| busy(party));
        }
    }
}

/// A turn, which ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    uid: u32,
    client: Holder,
    since: Instant,
}

impl Turns {
    /// `most` at a time, `of_a_user` for one user.
    #[must_use]
    pub fn new(most: usize, of_a_user: usize) -> Arc<Self> {
        Arc::new(Self { most, of_a_user, users: Mutex::default() })
    }

    /// Waits for one's turn. Who no longer waits is passed over.
    pub async fn take(self: &Arc<Self>, uid: u32, client: &Holder) -> Turn {
        let (give, given) = oneshot::channel();
        self.lock().enter(&uid).enter(client).push_back(give);
        self.go_on();
        match given.await {
            Ok(turn) => turn,
            // Nobody drops the other half but by giving a turn.
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives turns to those whose turn it is.
    fn go_on(self: &Arc<Self>) {
        while let Some((uid, client, give)) = self.next() {
            // Who no longer waits drops it at once, which ends it.
            let _ = give.send(Turn { turns: self.clone(), uid, client, since: Instant::now() });
        }
    }

    fn next(&self) -> Option<(u32, Holder, oneshot::Sender<Turn>)> {
        let mut users = self.lock();
        if users.working >= self.most {
            return None;
        }
        let (uid, clients) = users.next(self.of_a_user)?;
        let (client, calls) = clients.next(usize::MAX)?;
        Some((uid, client, calls.pop_front()?))
    }

    fn end(&self, uid: u32, client: &Holder, took: Duration) {
        let mut users = self.lock();
        if let Some(clients) = users.parties.get_mut(&uid) {
            clients.waiting.end(client, took);
        }
        users.end(&uid, took);
    }

    fn lock(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.end(self.uid, &self.client, self.since.elapsed());
        self.turns.go_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who gets the one turn, in order, where all wait from the beginning. A client whose name begins
    /// with "l" works five times as long as the others.
    fn order(turns: &Turns, asking: &[(u32, &str)]) -> String {
        for (uid, client) in asking {
            let (give, _) = oneshot::channel();
            turns.lock().enter(uid).enter(&Holder::new(*client)).push_back(give);
        }
        let mut order = Vec::new();
        while let Some((uid, client, _)) = turns.next() {
            let took = if client.0.starts_with('l') { 5 } else { 1 };
            turns.end(uid, &client, Duration::from_millis(took));
            order.push(client.0.to_string());
        }
        order.join(" ")
    }

    #[test]
    fn users_take_turns_and_so_do_the_clients_of_one() {
        let turns = Turns::new(1, 1);
        let asking = [(1, "a"), (1, "a"), (1, "a"), (1, "b"), (2, "c"), (2, "c")];
        assert_eq!(order(&turns, &asking), "a c b c a a");
        assert!(turns.lock().parties.is_empty());
    }

    #[test]
    fn who_asks_for_little_does_not_wait_for_those_who_ask_for_much() {
        let turns = Turns::new(1, 1);
        let mut asking = vec![(1, "l1"); 3];
        asking.extend([(1, "l2"); 3]);
        asking.extend([(1, "s"); 4]);
        assert_eq!(order(&turns, &asking), "l1 l2 s s s s l1 l2 l1 l2");
    }

    #[tokio::test]
    async fn one_user_leaves_room_for_another() {
        let turns = Turns::new(3, 2);
        let client = Holder::new("a");
        let (_one, _two) = (turns.take(1, &client).await, turns.take(1, &client).await);
        let third = turns.take(1, &client);
        let another = Holder::new("b");
        let other = turns.take(2, &another);
        tokio::select! {
            biased;
            _ = third => panic!("one user has all turns"),
            _ = other => {}
        }
    }

    #[tokio::test]
    async fn who_no_longer_waits_is_passed_over() {
        let turns = Turns::new(1, 1);
        let client = Holder::new("a");
        let first = turns.take(1, &client).await;
        let waiting = turns.take(1, &client);
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        drop(first);
        drop(turns.take(1, &client).await);
    }
}
