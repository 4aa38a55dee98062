//! Whose turn it is, where many want to work and few can: users take turns, and the clients of one
//! user among themselves, however much each has asked for.

use heapq_allocator::Holder;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// So many may work at a time, and so many of them for one user.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    of_a_user: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whose turns are being taken.
    working: Vec<u32>,
    /// By user, and in that by client; who is next stands first.
    waiting: Ring<u32, Ring<Holder, VecDeque<oneshot::Sender<Turn>>>>,
}

type Ring<K, V> = VecDeque<(K, V)>;

/// A turn, which ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    uid: u32,
}

impl Turns {
    /// `most` at a time, `of_a_user` for one user.
    #[must_use]
    pub fn new(most: usize, of_a_user: usize) -> Arc<Self> {
        Arc::new(Self { most, of_a_user, state: Mutex::default() })
    }

    /// Waits for one's turn. Who no longer waits is passed over.
    pub async fn take(self: &Arc<Self>, uid: u32, client: &Holder) -> Turn {
        let (give, given) = oneshot::channel();
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let clients = of(&mut state.waiting, &uid);
            of(clients, client).push_back(give);
        }
        self.go_on();
        match given.await {
            Ok(turn) => turn,
            // Nobody drops the other half but by giving a turn.
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives turns to those whose turn it is.
    fn go_on(self: &Arc<Self>) {
        while let Some((uid, give)) = self.next() {
            // Who has gone drops it, which counts it back, once this is done.
            let _ = give.send(Turn { turns: self.clone(), uid });
        }
    }

    fn next(&self) -> Option<(u32, oneshot::Sender<Turn>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { working, waiting } = &mut *state;
        if working.len() >= self.most {
            return None;
        }
        let busy = |uid: u32| working.iter().filter(|one| **one == uid).count() >= self.of_a_user;
        let at = waiting.iter().position(|(uid, _)| !busy(*uid))?;
        let (uid, mut clients) = waiting.remove(at)?;
        let (client, mut calls) = clients.pop_front()?;
        let give = calls.pop_front()?;
        if !calls.is_empty() {
            clients.push_back((client, calls));
        }
        if !clients.is_empty() {
            waiting.push_back((uid, clients));
        }
        working.push(uid);
        Some((uid, give))
    }

    fn end(&self, uid: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.working.iter().position(|one| *one == uid) {
            state.working.swap_remove(at);
        }
    }
}

/// The entry of `key`, at the end where it is new.
fn of<'r, K: Clone + PartialEq, V: Default>(ring: &'r mut Ring<K, V>, key: &K) -> &'r mut V {
    let known = ring.iter().position(|(one, _)| one == key);
    let at = known.unwrap_or_else(|| {
        ring.push_back((key.clone(), V::default()));
        ring.len() - 1
    });
    &mut ring[at].1
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.end(self.uid);
        self.turns.go_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who gets the turns, in order: each `(uid, client)` asks in the order given, then the first
    /// turn ends.
    async fn order(turns: &Arc<Turns>, asking: &[(u32, &str)]) -> Vec<String> {
        let first = turns.take(0, &Holder::new("first")).await;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for (uid, client) in asking {
            let (turns, tell) = (turns.clone(), tell.clone());
            let (uid, client) = (*uid, Holder::new(*client));
            tokio::spawn(async move {
                let turn = turns.take(uid, &client).await;
                tell.send(client.0.to_string()).unwrap();
                drop(turn);
            });
            tokio::task::yield_now().await;
        }
        drop((first, tell));
        let mut order = Vec::new();
        while let Some(one) = told.recv().await {
            order.push(one);
        }
        order
    }

    #[tokio::test]
    async fn users_take_turns_and_so_do_the_clients_of_one() {
        let turns = Turns::new(1, 1);
        let asking = [(1, "a"), (1, "a"), (1, "a"), (1, "b"), (2, "c"), (2, "c")];
        assert_eq!(order(&turns, &asking).await, ["a", "c", "b", "c", "a", "a"]);
        assert_eq!(turns.state.lock().unwrap().working, [0_u32; 0]);
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
        assert!(tokio::time::timeout(std::time::Duration::ZERO, waiting).await.is_err());
        drop(first);
        drop(turns.take(1, &client).await);
    }
}
