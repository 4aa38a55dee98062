//! What was sent and may not have been received yet, by user and client.
//!
//! dbus-daemon reads nothing more from a service while 64 of the descriptors that it sent wait in
//! the bus for clients that do not read (`max_incoming_unix_fds`): one such client would stop the
//! answers to all. So every message with descriptors, and every long one, carries one descriptor
//! more, its *receipt*: the reading end of a pipe whose other end stays here. D-Bus libraries close
//! it with the message that it came with; whoever discards the message, the bus and the kernel
//! included, closes it too. What a client has not received counts against its share, and beyond
//! that it waits alone.
//!
//! A share is half of what others leave: of a user, half of what other users leave; of a client,
//! half of what its user's other clients leave of that. So nobody can take all, however many they
//! are there is something left for one more, and one alone has the most.

use heapq_allocator::Holder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// How long an answer waits for earlier ones to be received before it goes out without its load.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often receipts are looked at while somebody waits; at first, when nobody does; and in the
/// end, where a client keeps one.
const PRESSED: Duration = Duration::from_millis(2);
const SOON: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_secs(60);

/// What a message weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// File descriptors, its receipt included.
    pub descriptors: usize,
    /// Bytes, where they count.
    pub bytes: usize,
}

impl Load {
    fn each(self, other: Self, of: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            descriptors: of(self.descriptors, other.descriptors),
            bytes: of(self.bytes, other.bytes),
        }
    }

    fn plus(self, other: Self) -> Self {
        self.each(other, usize::saturating_add)
    }

    fn minus(self, other: Self) -> Self {
        self.each(other, usize::saturating_sub)
    }

    fn half(self) -> Self {
        self.each(self, |one, _| one / 2)
    }

    fn within(self, bound: Self) -> bool {
        self.descriptors <= bound.descriptors && self.bytes <= bound.bytes
    }
}

/// The messages of one transport that are on their way.
#[derive(Debug)]
pub struct Flight {
    bound: Load,
    state: Mutex<State>,
    watched: Notify,
}

#[derive(Debug, Default)]
struct State {
    all: Load,
    users: HashMap<u32, Load>,
    clients: HashMap<Holder, Load>,
    receipts: Vec<Receipt>,
    /// Somebody looks after them.
    looked_after: bool,
}

/// A message that went out: it was received when nobody has the other end any more.
#[derive(Debug)]
struct Receipt {
    end: OwnedFd,
    cargo: Cargo,
    /// The lease of which the message tells.
    lease: Option<u64>,
}

/// Room for one message, taken until it is dropped.
#[derive(Debug)]
pub struct Cargo {
    flight: Weak<Flight>,
    uid: u32,
    client: Holder,
    load: Load,
}

impl Flight {
    /// For a transport that bears `bound` of what is not received.
    #[must_use]
    pub fn new(bound: Load) -> Arc<Self> {
        Arc::new(Self { bound, state: Mutex::default(), watched: Notify::new() })
    }

    /// Waits, five seconds at most, until there is room for `least`, and takes as many descriptors as
    /// there are room and use for; `None` when there is none.
    pub async fn room(
        self: &Arc<Self>,
        uid: u32,
        client: &Holder,
        least: Load,
        most: usize,
    ) -> Option<Cargo> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(cargo) = self.take(uid, client, least, most) {
                return Some(cargo);
            }
            if Instant::now() >= end {
                return None;
            }
            sleep(PRESSED).await;
        }
    }

    /// The same without waiting.
    pub fn take(
        self: &Arc<Self>,
        uid: u32,
        client: &Holder,
        least: Load,
        most: usize,
    ) -> Option<Cargo> {
        let mut state = self.lock();
        let mut share = state.share(self.bound, uid, client);
        if !(Load { descriptors: most, ..least }).within(share) {
            drop(state);
            self.sweep();
            state = self.lock();
            share = state.share(self.bound, uid, client);
        }
        if !least.within(share) {
            return None;
        }
        let descriptors = most.min(share.descriptors).max(least.descriptors);
        let load = Load { descriptors, ..least };
        state.change(uid, client, |known| known.plus(load));
        Some(Cargo { flight: Arc::downgrade(self), uid, client: client.clone(), load })
    }

    /// Strikes what was received since.
    fn sweep(&self) {
        let receipts = std::mem::take(&mut self.lock().receipts);
        let (waiting, received) = sorted(receipts);
        self.lock().receipts.extend(waiting);
        // Each locks the books when it goes.
        drop(received);
    }

    /// A client has named a lease, of which it knows from one message only: it has received that.
    pub fn named(&self, client: &Holder, lease: u64) {
        let tells = |one: &mut Receipt| one.lease == Some(lease) && one.cargo.client == *client;
        let received: Vec<Receipt> = self.lock().receipts.extract_if(.., tells).collect();
        drop(received);
    }

    fn watch(self: &Arc<Self>, receipt: Receipt) {
        let mut state = self.lock();
        state.receipts.push(receipt);
        if std::mem::replace(&mut state.looked_after, true) {
            self.watched.notify_one();
        } else {
            tokio::spawn(self.clone().look_after());
        }
    }

    /// Looks after receipts as long as there are any: soon after a message, ever less often where
    /// clients keep them.
    async fn look_after(self: Arc<Self>) {
        let mut pause = SOON;
        while self.any_left() {
            if timeout(pause, self.watched.notified()).await.is_ok() {
                pause = SOON;
                sleep(SOON).await;
            } else {
                pause = LATE.min(pause * 2);
            }
        }
    }

    fn any_left(&self) -> bool {
        self.sweep();
        let mut state = self.lock();
        state.looked_after = !state.receipts.is_empty();
        state.looked_after
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who still waits, and who was received.
fn sorted(receipts: Vec<Receipt>) -> (Vec<Receipt>, Vec<Receipt>) {
    let mut ends: Vec<PollFd<'_>> =
        receipts.iter().map(|one| PollFd::new(&one.end, PollFlags::empty())).collect();
    // Should this fail, nothing is ready, and the next look will tell.
    let _ = poll(&mut ends, Some(&Timespec::default()));
    let gone = PollFlags::HUP | PollFlags::ERR;
    let received: Vec<bool> = ends.iter().map(|end| end.revents().intersects(gone)).collect();
    let (gone, waiting): (Vec<_>, Vec<_>) =
        receipts.into_iter().zip(received).partition(|(_, received)| *received);
    let receipts = |pairs: Vec<(Receipt, bool)>| pairs.into_iter().map(|(one, _)| one).collect();
    (receipts(waiting), receipts(gone))
}

impl State {
    /// What one more message of this client may weigh: as much as then is left to others.
    fn share(&self, bound: Load, uid: u32, client: &Holder) -> Load {
        let user = self.users.get(&uid).copied().unwrap_or_default();
        let client = self.clients.get(client).copied().unwrap_or_default();
        let users = bound.minus(self.all.minus(user)).half();
        users.minus(user.plus(client)).half()
    }

    fn change(&mut self, uid: u32, client: &Holder, how: impl Fn(Load) -> Load) {
        self.all = how(self.all);
        change(&mut self.users, &uid, &how);
        change(&mut self.clients, client, &how);
    }
}

fn change<K: Clone + Eq + Hash>(loads: &mut HashMap<K, Load>, key: &K, how: impl Fn(Load) -> Load) {
    let load = how(loads.get(key).copied().unwrap_or_default());
    if load == Load::default() {
        loads.remove(key);
    } else {
        loads.insert(key.clone(), load);
    }
}

impl Cargo {
    /// How many descriptors there is room for, the receipt included.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.load.descriptors
    }

    /// Lets the message go: the room is free again when nobody has the receipt any more, or when
    /// the client has named the lease that only this message tells it.
    ///
    /// # Errors
    /// When no pipe can be had.
    pub fn receipt(self, lease: Option<u64>) -> io::Result<OwnedFd> {
        let (receipt, end) = pipe_with(PipeFlags::CLOEXEC)?;
        self.watched(end, lease);
        Ok(receipt)
    }

    /// The room is free again when the other end of `end` is closed everywhere.
    pub fn until_closed(self, end: OwnedFd) {
        self.watched(end, None);
    }

    fn watched(self, end: OwnedFd, lease: Option<u64>) {
        if let Some(flight) = self.flight.upgrade() {
            flight.watch(Receipt { end, cargo: self, lease });
        }
    }
}

impl Drop for Cargo {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.upgrade() {
            flight.lock().change(self.uid, &self.client, |known| known.minus(self.load));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITTLE: Load = Load { descriptors: 2, bytes: 0 };

    fn flight() -> Arc<Flight> {
        Flight::new(Load { descriptors: 62, bytes: 1 << 20 })
    }

    #[tokio::test]
    async fn one_alone_has_the_most_and_nobody_has_all() {
        let flight = flight();
        let taken: Vec<Cargo> = (1..=5)
            .map_while(|uid| flight.take(uid, &Holder::new(format!(":1.{uid}")), LITTLE, 99))
            .collect();
        let each: Vec<usize> = taken.iter().map(Cargo::descriptors).collect();
        assert_eq!(each, [15, 11, 9, 6, 5]);
        // Nor have many clients of one user what others need.
        let many: Vec<Cargo> = (10..99)
            .map_while(|number| flight.take(7, &Holder::new(format!(":1.{number}")), LITTLE, 99))
            .collect();
        assert!(many.len() < 3, "{}", many.len());
        assert!(flight.take(8, &Holder::new(":1.8"), LITTLE, 99).is_some());
    }

    #[tokio::test]
    async fn room_is_free_again_when_the_receipt_is_closed_or_nothing_was_sent() {
        let flight = flight();
        let client = Holder::new(":1.1");
        let cargo = flight.take(1, &client, LITTLE, 99).unwrap();
        assert!(flight.take(1, &client, Load { descriptors: 15, bytes: 0 }, 15).is_none());
        drop(cargo);
        let cargo = flight.take(1, &client, LITTLE, 99).unwrap();
        let receipt = cargo.receipt(None).unwrap();
        assert!(flight.take(1, &client, Load { descriptors: 15, bytes: 0 }, 15).is_none());
        drop(receipt);
        let cargo = flight.take(1, &client, Load { descriptors: 15, bytes: 0 }, 15).unwrap();
        drop(cargo);
        assert_eq!(flight.lock().all, Load::default());
    }

    #[tokio::test]
    async fn who_names_a_lease_has_received_the_message_that_tells_of_it() {
        let flight = flight();
        let (client, other) = (Holder::new(":1.1"), Holder::new(":1.2"));
        let _kept = flight.take(1, &client, LITTLE, 99).unwrap().receipt(Some(7)).unwrap();
        flight.named(&client, 8);
        flight.named(&other, 7);
        assert_eq!(flight.lock().all.descriptors, 15);
        flight.named(&client, 7);
        assert_eq!(flight.lock().all, Load::default());
    }

    #[tokio::test]
    async fn receipts_are_looked_after_while_nobody_asks() {
        let flight = flight();
        let receipt =
            flight.take(1, &Holder::new(":1.1"), LITTLE, 9).unwrap().receipt(None).unwrap();
        sleep(SOON * 2).await;
        assert_eq!(flight.lock().receipts.len(), 1);
        drop(receipt);
        while !flight.lock().receipts.is_empty() {
            sleep(SOON).await;
        }
        assert!(!flight.lock().looked_after);
    }

    #[tokio::test]
    async fn who_waits_gets_room_as_soon_as_there_is_some() {
        let flight = flight();
        let client = Holder::new(":1.1");
        let most = Load { descriptors: 15, bytes: 0 };
        let receipt = flight.take(1, &client, most, 15).unwrap().receipt(None).unwrap();
        assert!(flight.room(1, &client, most, 15).await.is_none());
        let waiting = flight.room(1, &client, most, 15);
        drop(receipt);
        assert!(waiting.await.is_some());
    }
}
