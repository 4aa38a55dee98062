//! What was sent and may not have been received yet, by user and client.
//!
//! dbus-daemon reads nothing more from a service while 64 of the descriptors that it sent wait in
//! the bus for clients that do not read (`max_incoming_unix_fds`): one such client would stop the
//! answers to all. So what a client has not received counts against its share, and beyond that it
//! waits alone. That it was received shows in one of these ways:
//!
//! - On a private socket, a *line*, the kernel says what of it is unread.
//! - A message carries one descriptor more, its *receipt*: the reading end of a pipe whose other end
//!   stays here. D-Bus libraries close it with the message that it came with; whoever discards the
//!   message, the bus and the kernel included, closes it too.
//! - The client names the lease that only this message tells it.
//! - A later message to the same client was received: a bus keeps their order. So a few short
//!   messages of each client go without receipt, as long as there are not many of them.
//!
//! A share is half of what others leave: of a user, half of what other users leave; of a client,
//! half of what its user's other clients leave of that. So nobody can take all, however many they
//! are there is something left for one more, and one alone has the most. As long as five eighths of all
//! suffice, a client of whom no receipt is out has room for one buffer in any case, and that message
//! has a receipt: so those of its user that do not read leave something to those that do.

use heapq_allocator::Holder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::BTreeMap;
use std::fmt;
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

/// Of all that a transport bears, this part may go without receipts. Those who keep what they have
/// and never call again leave the rest to others for ever.
const UNSIGNED_PART: usize = 3;

/// A message with one buffer.
const ONE: Load = Load { descriptors: 2, bytes: 0 };

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
        self.part(2)
    }

    fn part(self, of: usize) -> Self {
        self.each(self, |one, _| one / of)
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
    sent: Tally,
    /// Of that, what no receipt will tell of.
    unsigned: Tally,
    /// In the order in which they were sent to each client.
    receipts: Vec<Receipt>,
    lines: BTreeMap<Holder, Line>,
    /// Somebody looks after receipts.
    looked_after: bool,
}

/// How much is on its way.
#[derive(Debug, Default)]
struct Tally {
    all: Load,
    users: BTreeMap<u32, Load>,
    clients: BTreeMap<Holder, Load>,
}

/// A message that went out.
#[derive(Debug)]
struct Receipt {
    /// It was received when nobody has the other end any more.
    end: Option<OwnedFd>,
    cargo: Cargo,
    /// The lease of which the message tells.
    lease: Option<u64>,
}

/// Asks the kernel whether all was received that was sent.
type AllReceived = Box<dyn Fn() -> bool + Send>;

/// A private socket.
struct Line {
    all_received: AllReceived,
    /// What was sent since the last time that it was.
    sent: Option<Cargo>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// Room for one message, taken until it is dropped.
#[derive(Debug)]
pub struct Cargo {
    flight: Weak<Flight>,
    uid: u32,
    client: Holder,
    load: Load,
    /// It is of what is left beyond the shares.
    last: bool,
    unsigned: bool,
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
        let mut share = state.sent.share(self.bound, uid, client);
        if !(Load { descriptors: most, ..least }).within(share) {
            drop(state);
            self.sweep();
            state = self.lock();
            share = state.sent.share(self.bound, uid, client);
        }
        let last = !least.within(share);
        if last && !(least.within(ONE) && state.one_is_left(self.bound, client)) {
            return None;
        }
        let descriptors = most.min(share.descriptors).max(least.descriptors);
        let load = Load { descriptors, ..least };
        state.sent.change(uid, client, |known| known.plus(load));
        let flight = Arc::downgrade(self);
        Some(Cargo { flight, uid, client: client.clone(), load, last, unsigned: false })
    }

    /// From now on what is sent to `client` goes over a private socket, of which the kernel knows
    /// what was received.
    pub fn opened(&self, client: &Holder, all_received: impl Fn() -> bool + Send + 'static) {
        let line = Line { all_received: Box::new(all_received), sent: None };
        self.lock().lines.insert(client.clone(), line);
    }

    /// A client has left: nothing waits for it any more.
    pub fn left(&self, client: &Holder) {
        let mut state = self.lock();
        let line = state.lines.remove(client);
        let theirs = |one: &mut Receipt| one.end.is_none() && one.cargo.client == *client;
        let unsigned: Vec<Receipt> = state.receipts.extract_if(.., theirs).collect();
        drop(state);
        // Each locks the books when it goes.
        drop((line, unsigned));
    }

    /// Strikes what was received since.
    fn sweep(&self) {
        let mut state = self.lock();
        let received = received(&mut state.receipts);
        let done = |line: &mut Line| line.sent.take_if(|_| (line.all_received)());
        let over: Vec<Cargo> = state.lines.values_mut().filter_map(done).collect();
        drop(state);
        // Each locks the books when it goes.
        drop((received, over));
    }

    /// A client has named a lease, of which it knows from one message only: it has received that,
    /// and what was sent to it before.
    pub fn named(&self, client: &Holder, lease: u64) {
        let mut state = self.lock();
        let of_client = |one: &Receipt| one.cargo.client == *client;
        let tells = |one: &Receipt| of_client(one) && one.lease == Some(lease);
        let Some(last) = state.receipts.iter().rposition(tells) else { return };
        let received: Vec<Receipt> =
            state.receipts.extract_if(..=last, |one| of_client(one)).collect();
        drop(state);
        drop(received);
    }

    /// Lets a message go without receipt, if it needs none; else gives it back.
    fn trusted(&self, mut cargo: Cargo, lease: u64) -> Option<Cargo> {
        let mut state = self.lock();
        let (uid, client) = (cargo.uid, cargo.client.clone());
        let receipt = Load { descriptors: 1, bytes: 0 };
        let load = cargo.load.minus(receipt);
        let line = state.lines.contains_key(&client);
        let unsigned = self.bound.part(UNSIGNED_PART);
        let short = load.bytes == 0 && load.descriptors <= 1 && !cargo.last;
        let trusted = short && load.within(state.unsigned.quiet_share(unsigned, &client));
        if !line && !trusted {
            return Some(cargo);
        }
        state.sent.change(uid, &client, |known| known.minus(receipt));
        cargo.load = load;
        match state.lines.get_mut(&client).map(|line| &mut line.sent) {
            Some(Some(sent)) => sent.join(&mut cargo),
            Some(none) => *none = Some(cargo),
            None => {
                state.unsigned.change(uid, &client, |known| known.plus(load));
                cargo.unsigned = true;
                state.receipts.push(Receipt { end: None, cargo, lease: Some(lease) });
            }
        }
        None
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
        state.looked_after = state.receipts.iter().any(|one| one.end.is_some());
        state.looked_after
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out what was received: those whose receipts are closed, and what was sent to the same
/// clients before.
fn received(receipts: &mut Vec<Receipt>) -> Vec<Receipt> {
    let signed: Vec<(usize, &OwnedFd)> =
        receipts.iter().enumerate().filter_map(|(at, one)| Some((at, one.end.as_ref()?))).collect();
    let mut ends: Vec<PollFd<'_>> =
        signed.iter().map(|(_, end)| PollFd::new(*end, PollFlags::empty())).collect();
    // Should this fail, nothing is ready, and the next look will tell.
    let _ = poll(&mut ends, Some(&Timespec::default()));
    let gone = PollFlags::HUP | PollFlags::ERR;
    let closed = signed.iter().zip(&ends).filter(|(_, end)| end.revents().intersects(gone));
    // The last of each client's.
    let last: BTreeMap<Holder, usize> =
        closed.map(|((at, _), _)| (receipts[*at].cargo.client.clone(), *at)).collect();
    let mut at = 0..;
    let received = |one: &mut Receipt| {
        let before = last.get(&one.cargo.client);
        at.next().zip(before).is_some_and(|(at, last)| at <= *last)
    };
    receipts.extract_if(.., received).collect()
}

impl State {
    /// Whether a client that has no share any more may have one buffer: when no receipt of it is out,
    /// and five eighths of the bound suffice.
    fn one_is_left(&self, bound: Load, client: &Holder) -> bool {
        let left = bound.half().plus(bound.part(8)).minus(self.sent.all);
        ONE.within(left) && self.sent.of_client(client) == self.unsigned.of_client(client)
    }
}

impl Tally {
    /// What one more message of this client may weigh: as much as then is left to others.
    fn share(&self, bound: Load, uid: u32, client: &Holder) -> Load {
        let taken = self.of_user(uid).plus(self.of_client(client));
        bound.minus(self.all.minus(self.of_user(uid))).half().minus(taken).half()
    }

    /// What one more message of this client may weigh, if the user does not matter.
    fn quiet_share(&self, bound: Load, client: &Holder) -> Load {
        let taken = self.of_client(client);
        bound.minus(self.all.minus(taken)).half().minus(taken)
    }

    fn of_user(&self, uid: u32) -> Load {
        self.users.get(&uid).copied().unwrap_or_default()
    }

    fn of_client(&self, client: &Holder) -> Load {
        self.clients.get(client).copied().unwrap_or_default()
    }

    fn change(&mut self, uid: u32, client: &Holder, how: impl Fn(Load) -> Load) {
        self.all = how(self.all);
        change(&mut self.users, &uid, &how);
        change(&mut self.clients, client, &how);
    }
}

fn change<K: Clone + Ord>(loads: &mut BTreeMap<K, Load>, key: &K, how: impl Fn(Load) -> Load) {
    let load = loads.entry(key.clone()).or_default();
    *load = how(*load);
    if *load == Load::default() {
        loads.remove(key);
    }
}

impl Cargo {
    /// Takes what another of the same client has.
    fn join(&mut self, other: &mut Self) {
        self.load = self.load.plus(std::mem::take(&mut other.load));
    }

    /// How many descriptors there is room for, the receipt included.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.load.descriptors
    }

    /// Lets a message go that tells of `lease`. The receipt that it has to carry, where it has to.
    ///
    /// # Errors
    /// When no pipe can be had.
    pub fn send(mut self, lease: u64) -> io::Result<Option<OwnedFd>> {
        if let Some(flight) = self.flight.upgrade() {
            self = match flight.trusted(self, lease) {
                Some(cargo) => cargo,
                None => return Ok(None),
            };
        }
        self.receipt(Some(lease)).map(Some)
    }

    /// Lets the message go with a receipt: the room is free again when nobody has that any more, or
    /// when the client has named the lease that only this message tells it.
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
            flight.watch(Receipt { end: Some(end), cargo: self, lease });
        }
    }
}

impl Drop for Cargo {
    fn drop(&mut self) {
        let Some(flight) = self.flight.upgrade().filter(|_| self.load != Load::default()) else {
            return;
        };
        let mut state = flight.lock();
        let back = |known: Load| known.minus(self.load);
        state.sent.change(self.uid, &self.client, back);
        if self.unsigned {
            state.unsigned.change(self.uid, &self.client, back);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight() -> Arc<Flight> {
        Flight::new(Load { descriptors: 62, bytes: 1 << 20 })
    }

    #[tokio::test]
    async fn one_alone_has_the_most_and_nobody_has_all() {
        let flight = flight();
        let taken: Vec<Cargo> = (1..=5)
            .map_while(|uid| flight.take(uid, &Holder::new(format!(":1.{uid}")), ONE, 99))
            .collect();
        let each: Vec<usize> = taken.iter().map(Cargo::descriptors).collect();
        assert_eq!(each, [15, 11, 9, 6, 5]);
        // Nor have many clients of one user what others need.
        let many = grab(&flight, 7, 99);
        assert!(many.len() < 6, "{}", many.len());
        assert!(flight.take(8, &Holder::new(":1.8"), ONE, 99).is_some());
    }

    /// All that so many clients of a user get.
    fn grab(flight: &Arc<Flight>, uid: u32, clients: u32) -> Vec<Cargo> {
        let all = |client: Holder| std::iter::from_fn(move || flight.take(uid, &client, ONE, 99));
        (0..clients).flat_map(|number| all(Holder::new(format!("deaf {uid} {number}")))).collect()
    }

    #[tokio::test]
    async fn who_reads_has_room_for_a_buffer_beside_others_of_its_user_that_do_not() {
        let flight = flight();
        let good = Holder::new(":1.1");
        let early = flight.take(1, &good, ONE, 2).unwrap();
        assert!(early.send(1).unwrap().is_none());
        let _deaf = grab(&flight, 1, 4);
        let all = |flight: &Flight| flight.lock().sent.all.descriptors;
        assert_eq!(all(&flight), 29);
        for lease in 2..99 {
            let cargo = flight.take(1, &good, ONE, 99).unwrap();
            assert_eq!(cargo.descriptors(), 2);
            let receipt = cargo.send(lease).unwrap();
            assert!(receipt.is_some(), "near the bound each message has one");
            assert!(flight.take(1, &good, ONE, 99).is_none(), "it has not read the last one");
        }
        // Many more of them are too many, for their own user.
        let deafer = grab(&flight, 1, 99);
        assert!(flight.take(1, &good, ONE, 99).is_none());
        assert_eq!((deafer.len(), all(&flight)), (5, 38));
        assert_eq!(flight.take(2, &Holder::new(":1.2"), ONE, 99).unwrap().descriptors(), 6);
    }

    #[test]
    fn several_users_whose_clients_read_nothing_leave_room_to_others() {
        let flight = flight();
        let mut deaf = Vec::new();
        let users = (2..).take_while(|uid| {
            deaf.extend(grab(&flight, *uid, 99));
            flight.take(1, &Holder::new(":1.1"), ONE, 99).is_some()
        });
        assert_eq!(users.count(), 4);
    }

    #[tokio::test]
    async fn room_is_free_again_when_the_receipt_is_closed_or_nothing_was_sent() {
        let flight = flight();
        let client = Holder::new(":1.1");
        let cargo = flight.take(1, &client, ONE, 99).unwrap();
        assert!(flight.take(1, &client, Load { descriptors: 15, bytes: 0 }, 15).is_none());
        drop(cargo);
        let cargo = flight.take(1, &client, ONE, 99).unwrap();
        let receipt = cargo.receipt(None).unwrap();
        assert!(flight.take(1, &client, Load { descriptors: 15, bytes: 0 }, 15).is_none());
        drop(receipt);
        let cargo = flight.take(1, &client, Load { descriptors: 15, bytes: 0 }, 15).unwrap();
        drop(cargo);
        assert_eq!(flight.lock().sent.all, Load::default());
    }

    #[tokio::test]
    async fn who_names_a_lease_has_received_the_message_that_tells_of_it() {
        let flight = flight();
        let (client, other) = (Holder::new(":1.1"), Holder::new(":1.2"));
        let _kept = flight.take(1, &client, ONE, 99).unwrap().receipt(Some(7)).unwrap();
        flight.named(&client, 8);
        flight.named(&other, 7);
        assert_eq!(flight.lock().sent.all.descriptors, 15);
        flight.named(&client, 7);
        assert_eq!(flight.lock().sent.all, Load::default());
    }

    #[tokio::test]
    async fn receipts_are_looked_after_while_nobody_asks() {
        let flight = flight();
        let receipt = flight.take(1, &Holder::new(":1.1"), ONE, 9).unwrap().receipt(None).unwrap();
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

    #[tokio::test]
    async fn a_few_go_without_receipt_and_a_later_one_tells_of_them() {
        let flight = flight();
        let (client, other) = (Holder::new(":1.1"), Holder::new(":1.2"));
        let send = |client: &Holder, lease| {
            flight.take(1, client, ONE, 2).map(|cargo| cargo.send(lease).unwrap())
        };
        let quiet = (1..).take_while(|lease| send(&client, *lease).unwrap().is_none()).count();
        assert_eq!((quiet, flight.lock().sent.all.descriptors), (10, 12));
        // The last that was sent has a receipt, which is closed here already.
        flight.sweep();
        assert_eq!(flight.lock().sent.all, Load::default());
        assert_eq!(flight.lock().unsigned.all, Load::default());
        // It tells of no other client's.
        assert!(send(&other, 1).unwrap().is_none());
        let receipt = flight.take(1, &client, ONE, 2).unwrap().receipt(None).unwrap();
        drop(receipt);
        flight.sweep();
        assert_eq!(flight.lock().sent.all.descriptors, 1);
        flight.left(&other);
        assert_eq!(flight.lock().sent.all, Load::default());
    }

    #[test]
    fn many_clients_of_one_user_go_without_receipt_and_leave_others_their_room() {
        let flight = flight();
        let quiet = (1..=32).filter(|number| {
            let cargo = flight.take(1, &Holder::new(format!(":1.{number}")), ONE, 2).unwrap();
            flight.trusted(cargo, 1).is_none()
        });
        assert_eq!(quiet.count(), 19);
        assert_eq!(flight.take(1, &Holder::new(":1.99"), ONE, 15).unwrap().descriptors(), 6);
        assert_eq!(flight.take(2, &Holder::new(":1.500"), ONE, 15).unwrap().descriptors(), 10);
    }

    #[test]
    fn those_who_never_call_again_leave_room() {
        let flight = flight();
        let quiet = (1..200).filter(|number: &u32| {
            let client = Holder::new(format!(":1.{number}"));
            let cargo = flight.take(*number, &client, ONE, 2);
            cargo.is_some_and(|cargo| flight.trusted(cargo, 1).is_none())
        });
        assert!((10..20).contains(&quiet.count()));
        assert!(flight.take(500, &Holder::new(":1.500"), ONE, 15).unwrap().descriptors() > 8);
    }

    #[test]
    fn of_a_private_socket_the_kernel_tells() {
        let flight = flight();
        let client = Holder::new("peer-1");
        let received = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = received.clone();
        flight.opened(&client, move || seen.load(std::sync::atomic::Ordering::SeqCst));
        for lease in 1..=5 {
            let cargo = flight.take(1, &client, ONE, 2).unwrap();
            assert!(cargo.send(lease).unwrap().is_none());
        }
        flight.sweep();
        assert_eq!(flight.lock().sent.all.descriptors, 5);
        received.store(true, std::sync::atomic::Ordering::SeqCst);
        flight.sweep();
        assert_eq!(flight.lock().sent.all, Load::default());
    }
}
